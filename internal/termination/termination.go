// Package termination writes into a container's termination message, which Kubernetes shows in the pod's status when
// the container has ended.
//
// The kubelet makes the file, and reads the last 4096 bytes of it. The container itself may write there too. The package
// appends to the file. It does not make one, since nobody would read it. The caller decides what is worth telling.
package termination

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/regular"
)

const (
	// Path is the file if the container has no other terminationMessagePath.
	Path = "/dev/termination-log"
	// Max is how much of the file a kubelet reads, in bytes.
	Max = 4096
)

// Append adds text on lines of its own. Text that is too long is shortened to Max bytes, at the end of a line.
func Append(path, text string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: it is to be the container's terminationMessagePath", err)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &regular.KindError{Path: path, Mode: info.Mode()}
	}
	_, err = file.WriteString(fit(gap(file, info.Size()), text))
	return err
}

// Check says why [Append] would fail now. It opens nothing: a process that reads a FIFO would notice it.
func Check(path string) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return &regular.KindError{Path: path, Mode: info.Mode()}
	}
	return unix.Access(path, unix.W_OK)
}

// gap is the newline that ends a line which others have begun.
func gap(file *os.File, size int64) string {
	last := make([]byte, 1)
	if n, _ := file.ReadAt(last, size-1); size == 0 || n == 1 && last[0] == '\n' {
		return ""
	}
	return "\n"
}

const more = "  …\n"

// fit leaves out the last lines of a text that is too long.
func fit(gap, text string) string {
	text = gap + text
	if len(text) <= Max {
		return text
	}
	text = text[:Max-len(more)]
	return text[:strings.LastIndexByte(text, '\n')+1] + more
}
