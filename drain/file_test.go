package drain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/marker"
)

func TestFileLook(t *testing.T) {
	now, err := marker.Now()
	if err != nil {
		t.Fatal(err)
	}
	ago := func(d time.Duration) string { return marker.Marker{Boot: now.Boot, Since: now.Since - d}.String() }
	const (
		here  = "the file is there"
		old   = "the file is there, from before the hook began"
		ahead = "the file is there, with a time that is yet to come"
	)
	tests := []struct {
		name    string
		content string
		age     time.Duration // by its time of modification
		says    string
	}{
		{"a marker of now", ago(0), 0, here},
		{"a marker of now, whatever the file's time", ago(0), time.Hour, here},
		{"made since the hook began", ago(20 * s), 0, here},
		{"made a moment before", ago(30*s + skew/2), 0, here},
		{"left from before", ago(30*s + 2*skew), 0, old},
		{"left long ago", ago(time.Hour), 0, old},
		{"of another boot", marker.Marker{Boot: "another", Since: now.Since}.String(), 0, "the file is there, from before this machine was started"},
		{"of the future", ago(-time.Hour), 0, ahead},
		{"half a marker", ago(0)[:20], 0, here},
		{"half a marker, left from before", ago(0)[:20], time.Hour, old},
		{"two markers", ago(0) + ago(0), time.Hour, old},
		{"an app's own", "", 20 * s, here},
		{"an app's own, made a moment before", "", 30*s + skew/2, here},
		{"an app's own, left from before", "", 40 * s, old},
		{"an app's own, of the future", "", -time.Hour, ahead},
		{"an app's own, with much in it", strings.Repeat("x", 1<<20), 0, here},
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), "drained")
		modified := time.Now().Add(-test.age)
		if err := errors.Join(os.WriteFile(path, []byte(test.content), 0o644), os.Chtimes(path, modified, modified)); err != nil {
			t.Fatal(err)
		}
		got, err := File{Path: path, Since: time.Now().Add(-30 * s)}.look(t.Context())
		if err != nil || got.says != test.says || got.met != (test.says == here) {
			t.Errorf("%s: %+v (%v), want %s", test.name, got, err, test.says)
		}
	}
}

func TestFileCannotBeSeen(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(unix.Mkfifo(at("fifo"), 0o644), os.Symlink(at("loop"), at("loop")), os.WriteFile(at("file"), nil, 0o644), os.Symlink(at("missing"), at("dangling"))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                          "expected a file, found a directory",
		at("fifo"):                   "expected a file, found a device, socket or pipe",
		"/dev/null":                  "expected a file, found a device, socket or pipe",
		at("loop"):                   "too many levels of symbolic links",
		at("file/below"):             "not a directory",
		at(strings.Repeat("x", 300)): "file name too long",
	} {
		got, err := File{Path: path, Since: time.Now()}.look(t.Context())
		if err == nil || got.met || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, error %v, want %s", path, got, err, want)
		}
	}
	for _, path := range []string{at("missing"), at("no/directory/yet"), at("dangling")} {
		if got, err := (File{Path: path, Since: time.Now()}).look(t.Context()); err != nil || got.met {
			t.Errorf("%s: %+v, error %v, want that it is not there", path, got, err)
		}
	}
}

// A directory that appears, then a file of before, then today's: it ends there.
func TestFileRun(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shared")
	path := filepath.Join(dir, "drained")
	log := &watched{lines: make(chan string, 100)}
	done := make(chan error, 1)
	go func() { done <- File{Path: path, Since: time.Now()}.Run(t.Context(), log.logger()) }()
	log.await(t, "the file is not there")
	old := time.Now().Add(-time.Hour)
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(path, nil, 0o644), os.Chtimes(path, old, old)); err != nil {
		t.Fatal(err)
	}
	log.await(t, "from before the hook began")
	select {
	case err := <-done:
		t.Fatalf("it ended with a file that is left from before: %v", err)
	default:
	}
	now, err := marker.Now()
	if err = errors.Join(err, os.WriteFile(path+"~", []byte(now.String()), 0o644), os.Rename(path+"~", path)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFileEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, sees := range map[string]bool{filepath.Join(dir, "missing"): true, dir: false} {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errMax)
		err := File{Path: path, Since: time.Now()}.Run(ctx, silent)
		cancel()
		if err == nil || errors.Is(err, errMax) != sees || !strings.Contains(err.Error(), errMax.Error()) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
