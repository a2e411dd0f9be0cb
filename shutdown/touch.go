package shutdown

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/step"
)

// TouchVerb is the step that makes a file.
func TouchVerb() *step.Verb {
	return &step.Verb{Name: "touch", Target: "PATH", Does: "makes a file for the other containers of the pod", Parse: func(l *grammar.Line) (*step.Spec, error) {
		path, err := l.Path("a file's path", "/shared/drained")
		n := step.Needs{Least: step.CallTime, Most: step.CallMost, Writes: []string{path}}
		return n.Spec(step.Ready{Deed: Touch{Path: path}}), err
	}}
}

// A Touch makes a file, so that another container of the pod sees how far this one is. The file holds a [proc.Marker]. By this marker, a
// reader tells the file from one that was left before this hook.
type Touch struct{ Path string }

// Run makes the file, or makes it anew, as [regular.Replace] does. A reader sees the whole file or none. A symbolic link at Path is
// replaced and not followed. A directory, a device, a FIFO or a socket there is an error. Everybody may read the file.
func (t Touch) Run(ctx context.Context, log *slog.Logger) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: not made: %w", t.Path, context.Cause(ctx))
	}
	content := ""
	if now, err := proc.MarkNow(); err != nil {
		log.Warn("the file does not say when it was made: its modification time counts", "event.code", "file-without-time", "error", err)
	} else {
		content = now.String()
	}
	err := regular.Replace(t.Path, 0o644, func(file *os.File) error {
		_, err := file.WriteString(content)
		return err
	})
	if err != nil {
		return fileError(t.Path, "make it in", err)
	}
	log.Info("made", "file", t.Path)
	return nil
}

// Check looks whether the file could be made.
func (t Touch) Check(context.Context) ([]step.Finding, error) {
	if err := regular.Writable(filepath.Dir(t.Path)); err != nil {
		return nil, fileError(t.Path, "make it in", err)
	}
	if err := regular.Replaceable(t.Path); err != nil {
		return nil, err
	}
	says := "could be made"
	if _, err := os.Lstat(t.Path); err == nil {
		says = "there already, and would be made anew"
	}
	return []step.Finding{step.Found(says)}, nil
}

// fileError says what is wrong with a path. may names what we may not do there if a permission is missing.
func fileError(path, may string, err error) error {
	dir := filepath.Dir(path)
	errno, known := errors.AsType[syscall.Errno](err)
	switch {
	case !known: // its text names the path
		return err
	case errno == syscall.ENOENT:
		return fmt.Errorf("%s: there is no directory %s: is its volume mounted?", path, dir)
	case errno == syscall.ENOTDIR:
		return fmt.Errorf("%s: %s is no directory", path, dir)
	case errno == syscall.EROFS:
		return fmt.Errorf("%s: %s is on a read-only file system: expected a volume that this container may write to", path, dir)
	case errors.Is(errno, fs.ErrPermission):
		return fmt.Errorf("%s: uid %d may not %s %s: %w", path, os.Geteuid(), may, dir, errno)
	}
	return fmt.Errorf("%s: %w", path, errno)
}
