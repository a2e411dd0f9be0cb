package child

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Find looks for the program, and for the interpreter that it needs if it is a script. It runs nothing.
func (p Program) Find() (string, error) {
	if len(p.Words) == 0 || p.Words[0] == "" {
		return "", errors.New("expected a program, got nothing")
	}
	name := p.Words[0]
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, checkInterpreter(path)
	case len(p.Words) == 1 && strings.ContainsAny(name, " \t\n"):
		return "", fmt.Errorf("no program is called %q: no shell is implied, so the program and its arguments have to be words of their own, as in exec %s",
			name, strings.Join(strings.Fields(name), " "))
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%s: the image does not have it in its PATH %q", name, os.Getenv("PATH"))
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: the image does not have it", name)
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("%s: may not be executed by uid %d: it lacks the permission, or lies in a volume that is mounted noexec", name, os.Geteuid())
	}
	return "", err
}

// startError says what the kernel means when it refuses to execute a file that is there.
func startError(err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("%w: it is there, but not the dynamic loader that it needs", err)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("%w: it is no program for this machine, nor a script that begins with #! (no shell is implied)", err)
	}
	return err
}

// checkInterpreter fails for a script whose interpreter the image does not have.
func checkInterpreter(path string) error {
	name := interpreter(path)
	if name == "" {
		return nil
	}
	if _, err := os.Stat(name); err != nil {
		return fmt.Errorf("%s: it is a script for %q, which the image does not have: %w", path, name, err)
	}
	return nil
}

// interpreter is the program that a script names after #!, as the kernel reads it. It is empty if the file is no script or cannot be read.
func interpreter(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	head := make([]byte, 256)
	n, _ := file.Read(head)
	first, _, _ := bytes.Cut(head[:n], []byte("\n"))
	after, ok := bytes.CutPrefix(first, []byte("#!"))
	words := strings.FieldsFunc(string(after), func(r rune) bool { return r == ' ' || r == '\t' })
	if !ok || len(words) == 0 {
		return ""
	}
	return words[0]
}
