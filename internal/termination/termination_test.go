package termination

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

func TestAppend(t *testing.T) {
	long := strings.Repeat("a line of thirty characters..\n", 200)
	tests := []struct{ name, before, text, want string }{
		{"empty", "", "one\ntwo\n", "one\ntwo\n"},
		{"after the app's line", "panic: nil map\n", "one\n", "panic: nil map\none\n"},
		{"after the app's text without an end", "panic: nil map", "one\n", "panic: nil map\none\n"},
		{"too long", "", long, long[:30*136] + more},
		{"too long, after the app's text", "x", long, "x\n" + long[:30*136] + more},
		{"as long as can be", "", strings.Repeat("x", Max-1) + "\n", strings.Repeat("x", Max-1) + "\n"},
		{"a byte too long", "", "one\n" + strings.Repeat("x", Max-4) + "\n", "one\n" + more},
		{"one endless line", "", strings.Repeat("ü", Max), more},
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), "termination-log")
		if err := os.WriteFile(path, []byte(test.before), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(Check(path), Append(path, test.text)); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %d bytes, want %d: %.80q (%v)", test.name, len(got), len(test.want), got, err)
		}
		if len(got)-len(test.before) > Max || !utf8.Valid(got) {
			t.Errorf("%s: %d bytes, at most %d are read", test.name, len(got), Max)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(unix.Mkfifo(at("fifo"), 0o666), os.WriteFile(at("file"), nil, 0o666), os.Symlink(at("file"), at("link"))); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{at("fifo"), at("link"), dir, at("missing"), "/dev/null"} {
		if err := Append(path, "text\n"); err == nil {
			t.Errorf("%s is written to", path)
		}
		if err := Check(path); err == nil {
			t.Errorf("%s could be written to", path)
		}
	}
	if _, err := os.Stat(at("missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file is made that nobody reads")
	}
}
