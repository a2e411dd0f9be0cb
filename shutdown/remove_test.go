package shutdown

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/testexpect"
)

func TestRemove(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		put        func(path string) error
		err        string
		says, told string // the log of Run, and that of Check
		left       bool
	}{
		{"a file", func(path string) error { return os.WriteFile(path, []byte("x"), 0o000) }, "", "msg=removed", "there, and would be removed", false},
		{"a touched file", func(path string) error { return Touch{path}.Run(context.Background(), slog.New(slog.DiscardHandler)) }, "", "msg=removed", "would be removed", false},
		{"nothing", func(path string) error { return nil }, "", `msg="not there"`, "nothing would be removed", false},
		{"an empty directory", func(path string) error { return os.Mkdir(path, 0o700) }, "expected a file, found a directory", "", "", true},
		{"a link", func(path string) error { return os.Symlink("/etc/passwd", path) }, "expected a file, found a symbolic link", "", "", true},
		{"a dangling link", func(path string) error { return os.Symlink("nowhere", path) }, "expected a file, found a symbolic link", "", "", true},
		{"a FIFO", func(path string) error { return unix.Mkfifo(path, 0o600) }, "expected a file, found a FIFO", "", "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ready")
			if err := test.put(path); err != nil {
				t.Fatal(err)
			}
			_, before := os.Lstat(path)
			var told, says testbuffer.Buffer
			lockOutcome(t, checking(Remove{path})(t.Context(), told.Logger()), &told, test.err, test.told)
			if _, after := os.Lstat(path); (after == nil) != (before == nil) {
				t.Errorf("Check changed it: %v, %v", before, after)
			}
			lockOutcome(t, Remove{path}.Run(t.Context(), says.Logger()), &says, test.err, test.says)
			if _, err := os.Lstat(path); (err == nil) != test.left {
				t.Errorf("left: %v, expected %v", err == nil, test.left)
			}
		})
	}
}

func TestRemoveRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errShare)
	err := Remove{dir + "/file"}.Run(ctx, slog.New(slog.DiscardHandler))
	testexpect.Error(t, err, "not removed: share used up")
	for _, do := range []stepFunc{Remove{dir + "/file/x"}.Run, checking(Remove{dir + "/file/x"})} {
		testexpect.Error(t, do(t.Context(), slog.New(slog.DiscardHandler)), dir+"/file is no directory")
	}
	testexpect.Error(t, Remove{dir + "/missing/x"}.Run(t.Context(), slog.New(slog.DiscardHandler)), "") // which cannot be there
	expectEntries(t, dir, 1)
}
