package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// libraries are the libraries whose size is reported. Each has a file in _size that uses it as prestop does.
var libraries = []string{"pflag", "go-retryablehttp", "miekg-dns", "redigo"}

// sizes are the sizes of builds with the flags of a release, in bytes.
type sizes struct {
	prestopSize int64
	added       []int64 // what each of libraries adds to a program that uses the standard library as prestop does
}

// measureSizes builds for linux/amd64, whatever this machine is.
func (b *bench) measureSizes(ctx context.Context) (s sizes, err error) {
	if s.prestopSize, err = b.build(ctx, "amd64", "amd64", "./cmd/prestop"); err != nil {
		return s, err
	}
	const folder = "internal/bench/_size/"
	base, err := b.build(ctx, "base", "amd64", folder+"base.go")
	for _, name := range libraries {
		var n int64
		if err == nil {
			n, err = b.build(ctx, name, "amd64", folder+"base.go", folder+name+".go")
		}
		s.added = append(s.added, n-base)
	}
	return s, err
}

// buildHook builds prestop for this machine.
func (b *bench) buildHook(ctx context.Context) error {
	_, err := b.build(ctx, "prestop", runtime.GOARCH, "./cmd/prestop")
	b.prestop = hook{"prestop", []string{filepath.Join(b.dir, "prestop")}}
	b.plain = hook{"one TLS request in Go", []string{filepath.Join(b.dir, "plain")}}
	if err == nil {
		_, err = b.build(ctx, "plain", runtime.GOARCH, "internal/bench/_size/plain.go")
	}
	return err
}

// build makes a program of a package or of some files, as the Makefile makes a release, and returns its size in bytes.
func (b *bench) build(ctx context.Context, name, arch string, of ...string) (int64, error) {
	path := filepath.Join(b.dir, name)
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-ldflags=-s -w -X main.version=v0.0.0-bench", "-o", path}, of...)...)
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch,
		"GOFLAGS=-buildvcs=false -trimpath -tags=nethttpomithttp2")
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("failed to build %s: %w\n%s", strings.Join(of, " "), err, text)
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// findRoot is the folder of this module. The go command is run there.
func findRoot(ctx context.Context) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	root := filepath.Dir(strings.TrimSpace(string(text)))
	if err == nil && !filepath.IsAbs(root) {
		err = errors.New("expected to be run within the module")
	}
	return root, err
}
