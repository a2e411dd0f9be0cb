package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// install copies this binary, for an init container that puts it into a volume. A reader sees the whole file or
// none.
func install(i invocation) int {
	const expected = "install: expected one destination, a directory or a file, got "
	switch {
	case len(i.args) != 1:
		return i.complain(expected+"%d arguments", len(i.args))
	case i.args[0] == "":
		return i.complain(expected + "nothing")
	case strings.HasPrefix(i.args[0], "-"):
		return i.complain(expected+"the flag %q", i.args[0])
	}
	self, err := os.Executable()
	if err != nil {
		return i.complain("install: %v", err)
	}
	to, err := destination(i.args[0], self)
	if err == nil {
		err = copyExecutable(self, to)
	}
	if err != nil {
		i.complain("install: %v", err)
		return exitFailed
	}
	fmt.Fprintln(i.stdout, "installed", to)
	return exitDone
}

// destination is the file to write: in a directory it has the name of the binary.
func destination(path, self string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return filepath.Join(path, filepath.Base(self)), nil
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
	out, err := os.CreateTemp(filepath.Dir(to), ".prestop-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Chmod(0o755), out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), to)
}
