package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	project = "https://github.com/prestop/prestop"
	module  = "github.com/prestop/prestop"
	license = "Apache-2.0"
)

// A program is a program of a release. A release has it as archives and as an image.
type program struct {
	name, pkg   string
	description string
	image       string // the image's repository
	desktop     bool   // people run it on their own machines as well
}

// programs are the programs of a release. The hook comes first, since the plugin names the hook's image.
var programs = []program{
	{"prestop", "./cmd/prestop", "A container's preStop hook in one static binary", "prestop/prestop", false},
	{"kubectl-prestop", "./cmd/kubectl-prestop", "The kubectl plugin that checks preStop hooks, and puts them into manifests", "prestop/kubectl-prestop", true},
}

// A release is made from tree into out. All files in its archives have its time.
type release struct {
	version   string // as v1.2.3
	commit    string
	time      time.Time
	tree, out string
	arches    []string // architectures of Linux; all programs are built for them
	desktops  []target // other systems; they get archives of programs that people run on their own machines
	programs  []program
}

// A target is what a program is built for, in Go's words.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

// targets are the targets of a program. The targets of Linux come first.
func (r release) targets(p program) []target {
	var all []target
	for _, arch := range r.arches {
		all = append(all, target{"linux", arch})
	}
	if p.desktop {
		all = append(all, r.desktops...)
	}
	return all
}

// An artefact is a file of the release that other files describe, and the binaries in it.
type artefact struct {
	name     string
	program  program
	binaries []binary
	digest   string // sha256, in hex
	images   []subject
}

var versions = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// number is the version without its v, as the names of files and the tags of images have it.
func (r release) number() string { return strings.TrimPrefix(r.version, "v") }

func (r release) archiveName(p program, t target) string {
	return fmt.Sprintf("%s_%s_%s_%s.tar.gz", p.name, r.number(), t.os, t.arch)
}

// fileName is what a program is called on a system.
func (p program) fileName(t target) string {
	if t.os == "windows" {
		return p.name + ".exe"
	}
	return p.name
}

func (r release) layoutName(p program) string {
	return fmt.Sprintf("%s_%s_oci.tar", p.name, r.number())
}

// make makes the release in a new directory beside out. At the end, this directory replaces out. If something fails, out stays as it was.
func (r release) make(ctx context.Context) error {
	if !versions.MatchString(r.version) {
		return fmt.Errorf("-version: expected one as v1.2.3, got %q", r.version)
	}
	place, err := filepath.Abs(r.out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(place), ".release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	r.out = filepath.Join(work, "files")
	if err := os.Mkdir(r.out, 0o755); err != nil {
		return err
	}
	if err := r.fill(ctx, work); err != nil {
		return err
	}
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	return os.Rename(r.out, place)
}

func (r release) fill(ctx context.Context, work string) error {
	var all []artefact
	hookImage := ""
	for _, p := range r.programs {
		binaries, err := r.build(ctx, p, hookImage, filepath.Join(work, p.name))
		if err != nil {
			return err
		}
		for _, b := range binaries {
			archive, err := r.writeArchive(p, b)
			if err != nil {
				return err
			}
			all = append(all, archive)
		}
		layout, err := r.writeLayout(p, binaries[:len(r.arches)])
		if err != nil {
			return err
		}
		all = append(all, layout)
		if hookImage == "" {
			hookImage = fmt.Sprintf("%s:%s@sha256:%s", p.image, r.number(), layout.images[0].Digest["sha256"])
		}
	}
	sums := map[string]string{}
	for _, a := range all {
		sums[a.name] = a.digest
		for name, content := range map[string]any{sbomName(a.name): r.sbom(a), provenanceName(a.name): r.provenance(a)} {
			digest, err := r.writeJSON(name, content)
			if err != nil {
				return err
			}
			sums[name] = digest
		}
	}
	if err := r.writeKrew(sums); err != nil {
		return err
	}
	return r.writeSums(sums)
}

func sortedNames[V any](of map[string]V) []string {
	return slices.Sorted(maps.Keys(of))
}
