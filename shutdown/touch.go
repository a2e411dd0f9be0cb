package shutdown

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/prestop"
)

// A Touch makes a file, so that another container of the pod sees how far this one is. The file holds a
// [proc.Marker], by which a reader tells it from one that was left before this hook.
type Touch struct{ Path string }

// Run makes the file, or makes it anew. A reader sees the whole file or none; a symbolic link at Path is
// replaced, not followed. Everybody may read it.
func (t Touch) Run(ctx context.Context, log *slog.Logger) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: not made: %w", t.Path, context.Cause(ctx))
	}
	content := ""
	if now, err := proc.MarkNow(); err != nil {
		log.Warn("the file says nothing of when it was made; its time has to do", "error", err)
	} else {
		content = now.String()
	}
	if err := t.write(content); err != nil {
		return t.explain(err)
	}
	log.Info("made", "file", t.Path)
	return nil
}

func (t Touch) write(content string) error {
	file, err := os.CreateTemp(filepath.Dir(t.Path), ".prestop-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(content)
	if err := errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), t.Path)
}

// explain says what is the matter with Path, which err may not name: it comes from a file that nobody knows of.
func (t Touch) explain(err error) error {
	dir := filepath.Dir(t.Path)
	info, errStat := os.Lstat(t.Path)
	switch {
	case errStat == nil && info.IsDir():
		return fmt.Errorf("%s: expected a file, found a directory", t.Path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no directory %s: is its volume mounted?", t.Path, dir)
	case errors.Is(err, unix.ENOTDIR):
		return fmt.Errorf("%s: %s is no directory", t.Path, dir)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%s: %s is on a read-only file system: expected a volume that this container may write to", t.Path, dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: uid %d may not make it in %s: %w", t.Path, os.Geteuid(), dir, bare(err))
	}
	return fmt.Errorf("%s: %w", t.Path, bare(err))
}

// bare is the kernel's word on a file, without the file's name.
func bare(err error) error {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return errno
	}
	return err
}

// Check looks whether the file could be made.
func (t Touch) Check(context.Context) ([]prestop.Finding, error) {
	dir := filepath.Dir(t.Path)
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	if err == nil {
		err = unix.Access(dir, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		return nil, t.explain(err)
	}
	says := "could be made"
	switch info, err := os.Lstat(t.Path); {
	case err == nil && info.IsDir():
		return nil, t.explain(unix.EISDIR)
	case err == nil:
		says = "there already, and would be made anew"
	}
	return []prestop.Finding{prestop.Found(says)}, nil
}
