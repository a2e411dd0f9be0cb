package install

import (
	"bytes"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asked makes the test binary a program that installs itself at the path that this variable holds.
const asked = "PRESTOP_TEST_INSTALL"

func TestMain(m *testing.M) {
	if path, ok := os.LookupEnv(asked); ok {
		to, err := Self(path)
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString(to)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// needsInterpreter tells whether an ELF file names one.
func needsInterpreter(t *testing.T, path string) bool {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return true
		}
	}
	return false
}

// A test binary is dynamic with cgo and static without: the file itself says which, and Self must agree.
func TestSelfAgreesWithTheFile(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	to, err := Self(dir)
	if needsInterpreter(t, self) {
		if !errors.Is(err, errDynamic) {
			t.Errorf("a dynamic binary is installed as %s, %v", to, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("a refused installation leaves %v", left)
		}
		return
	}
	if err != nil || to != filepath.Join(dir, filepath.Base(self)) {
		t.Errorf("a static binary: %s, %v", to, err)
	}
}

// Either kind is built here, whatever this test binary is.
func TestSelfDynamicAndStatic(t *testing.T) {
	t.Parallel()
	for cgo, want := range map[string]string{"1": errDynamic.Error(), "0": ""} {
		dir := t.TempDir()
		binary := filepath.Join(dir, "built")
		build := exec.Command("go", "test", "-c", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		if cgo == "1" {
			build.Args = append(build.Args[:2:2], "-ldflags=-linkmode=external", "-c", "-o", binary, ".")
		}
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("CGO_ENABLED=%s: %v\n%s", cgo, err, out)
		}
		if dynamic := needsInterpreter(t, binary); dynamic != (want != "") {
			t.Fatalf("CGO_ENABLED=%s: dynamic %t", cgo, dynamic)
		}
		run := exec.Command(binary)
		run.Env = append(os.Environ(), asked+"="+filepath.Join(dir, "hook"))
		out, err := run.CombinedOutput()
		if want != "" {
			if err == nil || string(out) != want {
				t.Errorf("dynamic: %s, %v", out, err)
			}
			continue
		}
		installed, errRead := os.ReadFile(filepath.Join(dir, "hook"))
		original, _ := os.ReadFile(binary)
		if err != nil || string(out) != filepath.Join(dir, "hook") || errRead != nil || !bytes.Equal(installed, original) {
			t.Errorf("static: %s, %v, %v", out, err, errRead)
		}
	}
}

func TestDestination(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                   filepath.Join(dir, "prestop"),
		dir + "/":             filepath.Join(dir, "prestop"),
		file:                  file,
		dir + "/new":          dir + "/new",
		dir + "/none/new":     dir + "/none/new", // the copy says that its directory is not there
		dir + "/new/":         "",
		file + "/below":       "",
		dir + "/\x00":         "",
		dir + "/none/deeper/": "",
	} {
		got, err := destination(path, "/image/prestop")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", path, got, err, want)
		}
		if strings.HasSuffix(path, "new/") && (err == nil || !strings.Contains(err.Error(), "is no directory")) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestCopyExecutable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for path, text := range map[string]string{from: "the program", to: "what was there before, and was longer"} {
		if err := os.WriteFile(path, []byte(text), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyExecutable(from, to); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if text, err := os.ReadFile(to); string(text) != "the program" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if err := copyExecutable(from, filepath.Join(dir, "none", "to")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into no directory: %v", err)
	}
	if err := copyExecutable(filepath.Join(dir, "none"), to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
}
