package packaging

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goPackage is what "go list -json" tells of a package; tests do not count.
type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

func listPackages(t *testing.T, args ...string) []goPackage {
	t.Helper()
	out := run(t, []string{"GOFLAGS=-buildvcs=false", "GOOS=linux", "CGO_ENABLED=0"}, "go",
		append([]string{"list", "-json=ImportPath,Imports,Deps", "-tags=nethttpomithttp2"}, args...)...)
	var all []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var one goPackage
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

// within tells whether path is the package or below it.
func within(path, pkg string) bool {
	return path == pkg || strings.HasPrefix(path, pkg+"/")
}

// The plugin's libraries, of Kubernetes and of YAML, may have several: the binary of the hook has none of them.
func TestEachLibraryOfTheHookHasOneImporter(t *testing.T) {
	t.Parallel()
	packages := listPackages(t, "./...")
	for library, allowed := range map[string]string{
		"github.com/hashicorp/go-retryablehttp": module + "/internal/web",
		"github.com/miekg/dns":                  module + "/internal/dns",
		"github.com/spf13/pflag":                module + "/internal/flagset",
		"github.com/gomodule/redigo":            module + "/shutdown",
	} {
		var importers []string
		for _, p := range packages {
			if slices.ContainsFunc(p.Imports, func(path string) bool { return within(path, library) }) {
				importers = append(importers, p.ImportPath)
			}
		}
		if !slices.Equal(importers, []string{allowed}) {
			t.Errorf("%s is imported by %q, expected %s alone", library, importers, allowed)
		}
	}
}

// The rooms of the program do not import each other: what they share is in internal/step.
func TestRoomsDoNotKnowEachOther(t *testing.T) {
	t.Parallel()
	engine, tells, looks, words := module+"/prestop", module+"/shutdown", module+"/drain", module+"/internal/step"
	grammar := module + "/internal/grammar"
	forbidden := map[string][]string{
		engine: {tells, looks, words},
		tells:  {engine, looks},
		looks:  {engine, tells},
		words:  {tells, looks},
	}
	found := 0
	for _, p := range listPackages(t, "./...") {
		others, room := forbidden[p.ImportPath]
		if !room {
			continue
		}
		found++
		for _, path := range p.Imports {
			ours := strings.HasPrefix(path, module)
			if slices.Contains(others, path) || ours && p.ImportPath == words && path != engine && path != grammar || ours && p.ImportPath == engine {
				t.Errorf("%s imports %s", p.ImportPath, path)
			}
		}
	}
	if found != len(forbidden) {
		t.Errorf("found %d rooms of %d: the test looks at the wrong places", found, len(forbidden))
	}
}

// The table of verbs alone knows the rooms that have them.
func TestVerbsAloneImportTheirRooms(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t, "./...") {
		if p.ImportPath == module+"/internal/verbs" || within(p.ImportPath, module+"/internal/bench") {
			continue
		}
		for _, room := range []string{module + "/shutdown", module + "/drain"} {
			if slices.Contains(p.Imports, room) {
				t.Errorf("%s imports %s", p.ImportPath, room)
			}
		}
	}
}

func TestProgramLeavesOut(t *testing.T) {
	t.Parallel()
	program := listPackages(t, "./cmd/prestop")[0]
	if !slices.Contains(program.Deps, "net/http") {
		t.Fatal("net/http is not among the dependencies, so the search is worth nothing")
	}
	for _, unwanted := range []string{
		"text/template", "html/template", "expvar", "testing", "net/http/httptest", "net/http/pprof",
		"runtime/cgo", "log/syslog", "go.yaml.in", "sigs.k8s.io", "k8s.io", "mvdan.cc", module + "/internal/lint", module + "/internal/fakees",
	} {
		for _, path := range program.Deps {
			if within(path, unwanted) {
				t.Errorf("cmd/prestop depends on %s", path)
			}
		}
	}
	for _, path := range program.Deps {
		if strings.HasPrefix(path, module+"/internal/test") {
			t.Errorf("cmd/prestop depends on %s, which is for tests", path)
		}
	}
}

// The plugin runs where people have kubectl. What of the hook it reads lines by compiles there: the rest of the plugin is Kubernetes' libraries,
// which do, and lint, inject and what prints them, which have nothing of Linux.
func TestPlansAreMadeOnOtherSystems(t *testing.T) {
	t.Parallel()
	for _, system := range []string{"darwin", "windows"} {
		for _, wrong := range checkTypes(t, system, "./internal/hook", "./internal/verbs", "./internal/terminal") {
			t.Errorf("for %s: %v", system, wrong)
		}
	}
	for _, p := range listPackages(t, "./internal/lint", "./internal/inject", "./internal/manifest", "./internal/workloads", "./internal/version", "./internal/escape", "./cmd/kubectl-prestop") {
		if slices.Contains(p.Imports, "golang.org/x/sys/unix") {
			t.Errorf("%s imports golang.org/x/sys/unix", p.ImportPath)
		}
	}
}

// checkTypes checks the types of packages as another system has them, and of all that they import. To compile the same takes 40 seconds of a
// processor where nothing of it is in Go's cache. The bodies of functions are this module's alone: those of others are theirs to check.
func checkTypes(t *testing.T, system string, args ...string) []error {
	t.Helper()
	out := run(t, []string{"GOFLAGS=-buildvcs=false", "GOOS=" + system, "GOARCH=amd64", "CGO_ENABLED=0"}, "go",
		append([]string{"list", "-deps", "-json=ImportPath,Dir,GoFiles,ImportMap,Module"}, args...)...)
	var wrong []error
	files, checked := token.NewFileSet(), map[string]*types.Package{"unsafe": types.Unsafe}
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var p struct {
			ImportPath, Dir string
			GoFiles         []string
			ImportMap       map[string]string
			Module          struct{ Main bool }
		}
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		var sources []*ast.File
		for _, name := range p.GoFiles {
			source, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, source)
		}
		config := types.Config{IgnoreFuncBodies: !p.Module.Main, Sizes: types.SizesFor("gc", "amd64"), Error: func(err error) {
			wrong = append(wrong, err)
		}}
		config.Importer = importFunc(func(path string) (*types.Package, error) { return checked[cmp.Or(p.ImportMap[path], path)], nil })
		if p.ImportPath != "unsafe" {
			checked[p.ImportPath], _ = config.Check(p.ImportPath, files, sources, nil)
		}
	}
	return wrong
}

type importFunc func(path string) (*types.Package, error)

func (f importFunc) Import(path string) (*types.Package, error) { return f(path) }
