// Package packaging holds what is true of the repository as a whole rather than of one package:
// how the binary is built and what is in it, who imports whom, what the files may name. It has
// tests and the scripts behind the Makefile's targets, and no code that others could import.
package packaging

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

const (
	module = "github.com/prestop/prestop"
	root   = "../.."
)

// readTree returns a file of the repository, its name being relative to the root.
func readTree(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// eachText calls do for every text file of the repository that is not made by the Makefile.
func eachText(t *testing.T, do func(name, text string)) {
	t.Helper()
	made := []string{".git", "bin", "dist"}
	files := os.DirFS(root)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains(made, name) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil // a worktree's .git is a file
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if !bytes.ContainsRune(text, 0) {
			do(name, string(text))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run returns the standard output of a command run in the root, with env added to its environment.
func run(t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.Bytes())
	}
	return out
}
