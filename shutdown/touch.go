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

	"github.com/prestop/prestop/internal/marker"
)

// A Touch makes a file that tells the other containers of a pod how far this one is. It holds a marker of the moment,
// so that whoever waits for it does not take one that is left from an earlier container for today's.
type Touch struct{ Path string }

// Run makes the file, or makes it anew: it is there at once and whole, or not at all. A link of that name is replaced,
// not followed.
func (t Touch) Run(_ context.Context, log *slog.Logger) error {
	var content string
	if now, err := marker.Now(); err != nil {
		log.Warn("the file's own time has to do: there is no marker to put into it", "error", err)
	} else {
		content = now.String()
	}
	file, err := os.CreateTemp(filepath.Dir(t.Path), ".prestop-*")
	if err != nil {
		return t.explain(err)
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err == nil {
		err = os.Rename(file.Name(), t.Path)
	}
	if err != nil {
		return t.explain(errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

// explain names the path, and what is likely to be wrong with it.
func (t Touch) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no directory %s: is its volume mounted?", t.Path, filepath.Dir(t.Path))
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%s: the file system is read-only: it needs a volume that is shared with the other container", t.Path)
	}
	return fmt.Errorf("%s: %w", t.Path, err)
}

// Check looks whether the file could be made.
func (t Touch) Check(_ context.Context, log *slog.Logger) error {
	if info, err := os.Lstat(t.Path); err == nil {
		if info.IsDir() {
			return fmt.Errorf("%s: expected a file, found a directory", t.Path)
		}
		log.Info("the file is there from before; it would be made anew")
	}
	if err := unix.Access(filepath.Dir(t.Path), unix.W_OK|unix.X_OK); err != nil {
		return t.explain(err)
	}
	return nil
}
