package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// libraries are those whose bytes are told; each has a file in _size that uses it as prestop does.
var libraries = []string{"pflag", "go-retryablehttp", "miekg-dns"}

// sizes are what builds with the flags of a release come to, in bytes.
type sizes struct {
	prestopSize int64
	added       []int64 // by each of libraries to a program that uses the standard library as prestop does
}

// measureSizes builds for linux/amd64, whatever this machine is.
func (b *bench) measureSizes(ctx context.Context) (s sizes, err error) {
	if s.prestopSize, err = build(ctx, filepath.Join(b.dir, "amd64"), "amd64", "./cmd/prestop"); err != nil {
		return s, err
	}
	const folder = "internal/bench/_size/"
	base, err := build(ctx, filepath.Join(b.dir, "base"), "amd64", folder+"base.go")
	for _, name := range libraries {
		var n int64
		if err == nil {
			n, err = build(ctx, filepath.Join(b.dir, name), "amd64", folder+"base.go", folder+name+".go")
		}
		s.added = append(s.added, n-base)
	}
	return s, err
}

// buildHook builds prestop for this machine.
func buildHook(ctx context.Context, dir string) (hook, error) {
	path := filepath.Join(dir, "prestop")
	_, err := build(ctx, path, runtime.GOARCH, "./cmd/prestop")
	return hook{"prestop", []string{path}}, err
}

// build makes a program of a package or of some files, as the Makefile makes a release, and returns its size in bytes.
func build(ctx context.Context, to, arch string, of ...string) (int64, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-ldflags=-s -w -X main.version=v0.0.0-bench", "-o", to}, of...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch,
		"GOFLAGS=-trimpath -buildvcs=false -tags=nethttpomithttp2")
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("failed to build %s: %w\n%s", strings.Join(of, " "), err, text)
	}
	info, err := os.Stat(to)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
