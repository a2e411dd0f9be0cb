package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Replace makes a file with what write writes, in place of the regular file at path if there is one. Whoever looks sees the
// whole new file, or what was there before. A symbolic link at path is replaced, not followed. Anything else at path is left alone,
// and the error is a [*KindError]. All other errors are a [*fs.PathError] of path.
//
// The new file gets its name when it is whole. A process that is killed while it writes leaves nothing behind, if the file
// system has files without a name (O_TMPFILE). All file systems that are usual in a pod have them, except NFS, gVisor's and older
// overlays. On these, write may be called twice, and SIGKILL may leave a file .prestop-* in the same directory.
func Replace(path string, mode fs.FileMode, write func(*os.File) error) error {
	if err := Replaceable(path); err != nil {
		return err
	}
	if replaceUnnamed(path, mode, write) == nil {
		return nil
	}
	err := replaceNamed(path, mode, write)
	if errno, ok := errors.AsType[syscall.Errno](err); ok { // nobody knows the name of the temporary file
		return &fs.PathError{Op: "write", Path: path, Err: errno}
	}
	return err
}

// Replaceable is nil if nothing is at path, or something that [Replace] replaces.
func Replaceable(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().IsRegular() || info.Mode()&fs.ModeSymlink != 0 {
		return nil
	}
	return &KindError{path, info.Mode()}
}

func replaceNamed(path string, mode fs.FileMode, write func(*os.File) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".prestop-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if err := errors.Join(write(file), file.Chmod(mode), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// Remove removes the regular file at path, and tells whether there was one. Anything else, also a symbolic link, is left alone,
// and the error is a [*KindError].
func Remove(path string) (was bool, err error) {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return false, &KindError{path, info.Mode()}
	}
	if err == nil {
		err = unlink(path) // not os.Remove: that removes a directory as well
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// A KindError says that something other than a regular file is at a path.
type KindError struct {
	Path string
	Mode fs.FileMode
}

func (e *KindError) Error() string {
	return fmt.Sprintf("%s: expected a file, found %s", e.Path, kind(e.Mode))
}
