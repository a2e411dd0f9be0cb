package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// noWait are flags to open a file: a FIFO is not waited for, and a terminal does not become the controlling one.
const noWait = unix.O_NONBLOCK | unix.O_NOCTTY

// Writable is nil if this process may change the names in a directory.
func Writable(dir string) error {
	return unix.Access(dir+"/.", unix.W_OK|unix.X_OK) // with /. it fails for a file
}

func unlink(path string) error { return unix.Unlink(path) }

func replaceUnnamed(path string, mode fs.FileMode, write func(*os.File) error) error {
	file, err := os.OpenFile(filepath.Dir(path), unix.O_TMPFILE|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := errors.Join(write(file), file.Chmod(mode)); err != nil {
		return err
	}
	if err := link(file, path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".prestop-%016x", rand.Uint64()))
	if err := link(file, name); err != nil {
		return err
	}
	defer os.Remove(name)
	return os.Rename(name, path)
}

// link gives a name to a file that has none.
func link(file *os.File, name string) error {
	return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", file.Fd()), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
}
