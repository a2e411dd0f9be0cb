package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What go test itself makes of a module with tests of every kind.
func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module m\n\ngo 1.26\n",
		"good/x_test.go": `package good

import "testing"

func TestPasses(t *testing.T) { t.Log("nobody asks") }

func TestSkipped(t *testing.T) { t.Skip("needs", "root") }

func TestPartly(t *testing.T) {
	t.Run("of it", func(t *testing.T) { t.Parallel(); t.Skipf("needs a %s", "terminal") })
}
`,
		"bad/x_test.go": `package bad

import "testing"

func TestPasses(t *testing.T) { t.Log("nobody asks") }

func TestFails(t *testing.T) { t.Error("the cause") }
`,
		"panics/x_test.go": `package panics

import "testing"

func TestPanics(t *testing.T) { t.Log("before that"); panic("out of order") }
`,
		"broken/x_test.go": "package broken\n\nfunc TestX(t *testing.T) {}\n",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for pkg, want := range map[string][]string{
		"good":   {"skipped: m/good TestSkipped: needs root\n", "skipped: m/good TestPartly/of_it: needs a terminal\n", "ok  \tm/good\t"},
		"bad":    {"the cause", "--- FAIL: TestFails", "FAIL\tm/bad\t"},
		"panics": {"before that", "out of order", "FAIL\tm/panics\t"},
		"broken": {"undefined: testing", "FAIL\tm/broken [build failed]\n"},
	} {
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("go", "test", "-json", "./"+pkg)
			cmd.Dir = dir
			out, _ := cmd.Output() // fails where a test does
			var got strings.Builder
			if err := write(&got, strings.NewReader(string(out))); err != nil {
				t.Fatal(err)
			}
			rest := got.String()
			for _, text := range want {
				before, after, found := strings.Cut(rest, text)
				if !found || strings.Contains(before, "nobody asks") {
					t.Errorf("expected %q in it, in this order:\n%s", want, got.String())
					break
				}
				rest = after
			}
			if strings.Count(rest, "\n") > 1 || strings.Contains(got.String(), "=== ") {
				t.Errorf("it does not end with the package's line:\n%s", got.String())
			}
		})
	}
}
