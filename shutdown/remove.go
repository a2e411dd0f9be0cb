package shutdown

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/step"
)

// RemoveVerb is the step that removes a file.
func RemoveVerb() *step.Verb {
	return &step.Verb{Name: "remove", Target: "PATH", Does: "removes a regular file; one that is not there is done", Parse: func(l *grammar.Line) (*step.Spec, error) {
		path, err := l.Path("a file's path", "/shared/ready")
		n := step.Needs{Least: step.CallTime, Most: step.CallMost, Removes: []string{path}}
		return n.Spec(step.Ready{Deed: Remove{Path: path}}), err
	}}
}

// A Remove removes a file, such as one that a [Touch] made, or one by which an application says that it is ready.
type Remove struct{ Path string }

// Run removes the file, as [regular.Remove] does. If there is no file, it is done. Anything other than a regular file, even a symbolic
// link, is left alone and is an error.
func (r Remove) Run(ctx context.Context, log *slog.Logger) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: not removed: %w", r.Path, context.Cause(ctx))
	}
	was, err := regular.Remove(r.Path)
	switch {
	case err != nil:
		return fileError(r.Path, "remove it from", err)
	case was:
		log.Info("removed", "file", r.Path)
	default:
		log.Info("not there", "file", r.Path)
	}
	return nil
}

// Check looks whether the file is there and could be removed.
func (r Remove) Check(context.Context) ([]step.Finding, error) {
	info, err := os.Lstat(r.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []step.Finding{step.Found("not there: nothing would be removed")}, nil
	case err == nil && !info.Mode().IsRegular():
		return nil, &regular.KindError{Path: r.Path, Mode: info.Mode()}
	case err == nil:
		err = regular.Writable(filepath.Dir(r.Path))
	}
	if err != nil {
		return nil, fileError(r.Path, "remove it from", err)
	}
	return []step.Finding{step.Found("there, and would be removed")}, nil
}
