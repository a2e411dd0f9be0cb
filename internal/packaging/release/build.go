package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildFlags are the flags of the Makefile and the Dockerfile. The state of a checkout is not linked in (-buildvcs), so an
// unpacked archive of the sources gives the same bytes.
const buildFlags = "-buildvcs=false -trimpath -tags=nethttpomithttp2"

// buildEnv has every setting of Go that decides a binary's bytes, so that nobody's own settings count.
var buildEnv = []string{
	"CGO_ENABLED=0", "GOARM=6", "GOFLAGS=" + buildFlags,
	"GOAMD64=v1", "GOARM64=v8.0", "GOPPC64=power8", "GORISCV64=rva20u64", "GOEXPERIMENT=", "GOFIPS140=off", "GODEBUG=", "GOWORK=off",
}

// A binary is a program built for one target. Its info is what Go's linker wrote into it.
type binary struct {
	program string
	target  target
	content []byte
	info    *buildinfo.BuildInfo
}

// build makes a program for each of its targets, in a directory of its own. If there is a hookImage, it is linked into the
// program: the program's commands put this image into manifests.
func (r release) build(ctx context.Context, p program, hookImage, dir string) ([]binary, error) {
	linked := "-s -w -X main.version=" + r.version
	if hookImage != "" {
		linked += " -X main.image=" + hookImage
	}
	var all []binary
	for _, t := range r.targets(p) {
		path := filepath.Join(dir, t.os+"-"+t.arch)
		env := append([]string{"GOOS=" + t.os, "GOARCH=" + t.arch}, buildEnv...)
		if _, err := output(ctx, r.tree, env, "go", "build", "-ldflags="+linked, "-o", path, p.pkg); err != nil {
			return nil, err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		b, err := readBinary(p.name, t, content)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

func readBinary(name string, t target, content []byte) (binary, error) {
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return binary{}, fmt.Errorf("%s for %s: %w", name, t, err)
	}
	return binary{name, t, content, info}, nil
}

// modules are the versions of the linked modules by their paths, with Go's standard library.
func (b binary) modules() map[string]string {
	all := map[string]string{"stdlib": b.info.GoVersion}
	for _, m := range b.info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		all[m.Path] = m.Version
	}
	return all
}

// output is what a command prints, without the last end of line. Its error has what it printed to stderr.
func output(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
