package packaging

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	mostBytes = 9_000_000
	version   = "v0.0.0-packaging"
)

// TestReleaseBinary builds prestop with the Makefile's flags and looks into the file.
func TestReleaseBinary(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "prestop")
	flags := readBuildFlags(t, "Makefile")
	ldflags := strings.ReplaceAll(flags.ldflags, "VERSION", version)
	run(t, flags.env(), "go", "build", "-ldflags="+ldflags, "-o", path, "./cmd/prestop")
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	t.Run("small", func(t *testing.T) { small(t, path) })
	t.Run("static", func(t *testing.T) { static(t, file) })
	t.Run("stripped", func(t *testing.T) { stripped(t, file) })
	t.Run("anonymous", func(t *testing.T) { anonymous(t, path) })
	t.Run("functions", func(t *testing.T) { functions(t, file) })
	t.Run("version", func(t *testing.T) {
		if said := run(t, nil, path, "version"); !bytes.Contains(said, []byte(version)) {
			t.Errorf("prestop version said %q, expected %s in it", said, version)
		}
	})
}

func small(t *testing.T, path string) {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > mostBytes {
		t.Errorf("%d bytes, expected at most %d", info.Size(), mostBytes)
	}
}

func static(t *testing.T, file *elf.File) {
	if file.Type != elf.ET_EXEC {
		t.Errorf("%v, expected ET_EXEC (no PIE)", file.Type)
	}
	for _, prog := range file.Progs {
		if prog.Type == elf.PT_INTERP || prog.Type == elf.PT_DYNAMIC {
			t.Errorf("has a %v segment", prog.Type)
		}
	}
}

func stripped(t *testing.T, file *elf.File) {
	for _, section := range file.Sections {
		if section.Name == ".symtab" || strings.Contains(section.Name, "debug") {
			t.Errorf("has a %s section", section.Name)
		}
	}
}

// anonymous: nothing in the file tells where or by whom it was built.
func anonymous(t *testing.T, path string) {
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	places := strings.Fields(string(run(t, nil, "go", "env", "GOROOT", "GOMODCACHE")))
	for _, source := range []string{here + "/cmd/prestop/", places[0] + "/src/runtime/", places[1] + "/github.com/"} {
		if bytes.Contains(binary, []byte(source)) {
			t.Errorf("contains %s", source)
		}
	}
}

// functions looks for code that packages alone cannot tell of: net/http is needed, its server is not.
func functions(t *testing.T, file *elf.File) {
	names := functionNames(t, file)
	has := func(prefix string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, prefix) })
	}
	if !has("net/http.(*Transport).") || !has("main.main") {
		t.Fatalf("the client is not among %d functions, so the search is worth nothing", len(names))
	}
	for _, unwanted := range []string{
		"net/http.(*Server).Serve", "net/http.(*conn).serve", "net/http.(*http2Framer)", "text/template.", "expvar.",
		"testing.", module + "/internal/fakees.",
	} {
		if has(unwanted) {
			t.Errorf("contains %s", unwanted)
		}
	}
}

// functionNames reads the table that a Go program keeps for its own stack traces, stripped or not.
func functionNames(t *testing.T, file *elf.File) []string {
	lines, err := file.Section(".gopclntab").Data()
	if err != nil {
		t.Fatal(err)
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(lines, file.Section(".text").Addr))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, function := range table.Funcs {
		names = append(names, function.Name)
	}
	return names
}
