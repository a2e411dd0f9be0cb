// Package regular reads, replaces and removes files that somebody named in a setting or a step: bodies, tokens, certificates,
// the values of locks, and files that containers make for each other.
//
// It handles only regular files: opening a FIFO could take longer than any deadline, and a device has no end. [Open] and [Read]
// follow symbolic links. [Replace] and [Remove] do not follow a link at the path's end, and leave everything alone that is no file.
// The callers know what is in a file.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Max is how much a file may hold for [Read], in bytes.
const Max = 1 << 20

// Open opens a regular file. It does not open anything else, since that is more than a look: a process that waits at the
// other end of a FIFO would notice it.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		e.Op = "open" // the caller wanted to open it, not to look
		return nil, e
	}
	if !info.Mode().IsRegular() {
		return nil, &KindError{path, info.Mode()}
	}
	return os.OpenFile(path, os.O_RDONLY|noWait, 0) // if a FIFO is there by now, it is not waited for
}

// Read reads a file of Max bytes at most; a longer one is an error.
func Read(path string) ([]byte, error) {
	file, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, Max+1))
	if err == nil && len(text) > Max {
		return nil, fmt.Errorf("%s: expected a file of %d MiB at most", path, Max>>20)
	}
	return text, err
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	}
	return "a socket"
}
