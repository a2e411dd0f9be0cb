// Package install copies the program that runs, for an init container that puts it into a volume.
//
// [Self] does all of it. It refuses a program that would not start in another image. It prints nothing. The package is for cmd/prestop.
package install

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/regular"
)

// Self copies this program to a file, or into a directory under its own name, and returns the file's path. A reader sees the
// whole new file, or what was there before. Only a regular file or a symbolic link is replaced.
func Self(path string) (to string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if err := checkStatic(); err != nil {
		return "", err
	}
	if to, err = destination(path, self); err != nil {
		return "", err
	}
	return to, copyExecutable(self, to)
}

var errDynamic = errors.New("this binary needs the C library of the image that it runs in, and would not start in another one; expected a static one, as CGO_ENABLED=0 go build makes it")

// interpreter is an entry of the auxiliary vector (getauxval(3), AT_BASE). It says where the kernel put the program's interpreter,
// which loads the program's libraries. It is 0 in a static program.
const interpreter = 7

// checkStatic refuses a program that needs an interpreter to start: the image of the app may have none.
func checkStatic() error {
	vector, err := unix.Auxv()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(vector, func(entry [2]uintptr) bool { return entry[0] == interpreter && entry[1] != 0 }) {
		return errDynamic
	}
	return nil
}

// destination is the file to write: in a directory it has the name of the binary.
func destination(path, self string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		path = filepath.Join(path, filepath.Base(self))
	case errors.Is(err, fs.ErrNotExist) && os.IsPathSeparator(path[len(path)-1]):
		return "", fmt.Errorf("%s is no directory: expected one that exists, as a volume's mount path does", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	return path, nil
}

func copyExecutable(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return regular.Replace(to, 0o755, func(out *os.File) error {
		_, errSeek := in.Seek(0, io.SeekStart)
		_, err := io.Copy(out, in)
		return errors.Join(errSeek, err, out.Sync())
	})
}
