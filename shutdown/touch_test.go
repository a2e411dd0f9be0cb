package shutdown

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/testserver"
)

// touched runs a Touch and wants today's marker in its file, which everybody may read, and nothing else beside it.
func touched(t *testing.T, path string, entries int) {
	t.Helper()
	before, errBefore := proc.MarkNow()
	err := Touch{path}.Run(t.Context(), slog.New(slog.DiscardHandler))
	after, errAfter := proc.MarkNow()
	text, errRead := os.ReadFile(path)
	if err := errors.Join(err, errBefore, errAfter, errRead); err != nil {
		t.Fatal(err)
	}
	m, ok := proc.ParseMarker(string(text))
	if !ok || m.Boot != before.Boot || m.Since < before.Since || m.Since > after.Since {
		t.Errorf("%q between %s and %s", text, before, after)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	expectEntries(t, filepath.Dir(path), entries)
}

func expectEntries(t *testing.T, dir string, want int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != want {
		t.Errorf("%v, %v; want %d", entries, err, want)
	}
}

func TestTouch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "drained")
	touched(t, path, 1)
	first, _ := os.ReadFile(path)
	touched(t, path, 1)
	if second, _ := os.ReadFile(path); string(second) == string(first) {
		t.Error("the second run has left the first one's file")
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 1<<16)), 0o000); err != nil {
		t.Fatal(err)
	}
	touched(t, path, 1)
}

func TestTouchReplacesWhatIsThere(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path, other string) error{
		"a link":          func(path, other string) error { return os.Symlink(other, path) },
		"a dangling link": func(path, other string) error { return os.Symlink(other+"-not", path) },
		"a loop":          func(path, other string) error { return os.Symlink(path, path) },
		"a hard link":     func(path, other string) error { return os.Link(other, path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other, path := filepath.Join(t.TempDir(), "other"), filepath.Join(t.TempDir(), "drained")
			if err := errors.Join(os.WriteFile(other, []byte("mine"), 0o600), put(path, other)); err != nil {
				t.Fatal(err)
			}
			touched(t, path, 1)
			if text, err := os.ReadFile(other); err != nil || string(text) != "mine" {
				t.Errorf("%q, %v", text, err)
			}
			expectEntries(t, filepath.Dir(other), 1)
		})
	}
}

// A reader sees a whole file, whenever it looks.
func TestTouchIsAtomic(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "drained")
	touched(t, path, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			Touch{path}.Run(t.Context(), slog.New(slog.DiscardHandler))
		}
	}()
	for {
		text, err := os.ReadFile(path)
		if _, ok := proc.ParseMarker(string(text)); !ok {
			t.Fatalf("%q, %v", text, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestTouchRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, full, fifo := filepath.Join(dir, "file"), filepath.Join(dir, "full"), filepath.Join(dir, "fifo")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Mkdir(full, 0o755), os.WriteFile(full+"/x", nil, 0o600), unix.Mkfifo(fifo, 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir + "/missing/drained": "there is no directory " + dir + "/missing: is its volume mounted?",
		file + "/drained":        file + " is no directory",
		full:                     full + ": expected a file, found a directory",
		fifo:                     fifo + ": expected a file, found a FIFO",
		"/proc/drained":          "/proc/drained: ",
		"/sys/drained":           "/sys/drained: ",
	} {
		t.Run(path, func(t *testing.T) {
			err := Touch{path}.Run(t.Context(), slog.New(slog.DiscardHandler))
			testexpect.Error(t, err, want)
			if strings.Contains(err.Error(), ".prestop-") {
				t.Errorf("%v names a file that nobody knows of", err)
			}
			if !strings.HasPrefix(path, "/proc") && !strings.HasPrefix(path, "/sys") { // where root alone may not, and access(2) does not know
				testexpect.Error(t, checking(Touch{path})(t.Context(), slog.New(slog.DiscardHandler)), want)
			}
		})
	}
	expectEntries(t, dir, 3)
}

func TestFileError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for errno, want := range map[unix.Errno]string{
		unix.EROFS:  "read-only file system: expected a volume that this container may write to",
		unix.EACCES: "may not make it in " + dir + ": permission denied",
		unix.EPERM:  "may not make it in " + dir + ": operation not permitted",
		unix.ENOSPC: dir + "/drained: no space left on device",
	} {
		err := fileError(dir+"/drained", "make it in", &os.LinkError{Op: "rename", Old: dir + "/.prestop-1", New: dir + "/drained", Err: errno})
		testexpect.Error(t, err, want)
		if strings.Contains(err.Error(), ".prestop-") || !strings.HasPrefix(err.Error(), dir+"/drained: ") {
			t.Errorf("%v", err)
		}
	}
}

func TestTouchReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		testserver.Lacks(t, "cannot mount: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	if err := errors.Join(os.WriteFile(dir+"/there", nil, 0o600), unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	for _, do := range []stepFunc{Touch{dir + "/drained"}.Run, checking(Touch{dir + "/drained"}), Remove{dir + "/there"}.Run, checking(Remove{dir + "/there"})} {
		testexpect.Error(t, do(t.Context(), slog.New(slog.DiscardHandler)), dir+" is on a read-only file system")
	}
}

func TestTouchNotMadeLate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errShare)
	err := Touch{dir + "/drained"}.Run(ctx, slog.New(slog.DiscardHandler))
	testexpect.Error(t, err, "not made: share used up")
	expectEntries(t, dir, 0)
}

func TestTouchCheckMakesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	testexpect.Error(t, checking(Touch{dir + "/drained"})(t.Context(), slog.New(slog.DiscardHandler)), "")
	expectEntries(t, dir, 0)
}
