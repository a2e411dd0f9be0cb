package shutdown

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/marker"
)

func touch(path string) error { return Touch{path}.Run(nil, slog.New(slog.DiscardHandler)) }

func TestTouch(t *testing.T) {
	dir := t.TempDir()
	path, secret := filepath.Join(dir, "drained"), filepath.Join(dir, "secret")
	if err := errors.Join(os.WriteFile(secret, []byte("kept"), 0o600), os.Symlink(secret, path)); err != nil {
		t.Fatal(err)
	}
	var last marker.Marker
	for range 2 {
		if err := touch(path); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		m, ok := marker.Parse(string(text))
		if err != nil || !ok || m.Since <= last.Since {
			t.Errorf("it holds %q (%v), after %v", text, err, last)
		}
		last = m
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("%v %v, want a file that others can read", info.Mode(), err)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "kept" {
		t.Errorf("it followed a link: %q", text)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("it left something behind: %v", all)
	}
}

func TestTouchFails(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "directory")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "no", "drained"): "there is no directory " + filepath.Join(dir, "no") + ": is its volume mounted?",
		full:                                "file exists",
		"/proc/drained":                     "",
		"/proc/version/drained":             "not a directory",
	} {
		err := touch(path)
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
		if err := (Touch{path}).Check(t.Context(), slog.New(slog.DiscardHandler)); err == nil && path != "/proc/drained" {
			t.Errorf("%s: the dry run finds nothing wrong", path)
		}
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("it left something behind: %v", all)
	}
	if err := (Touch{filepath.Join(dir, "drained")}).Check(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}
