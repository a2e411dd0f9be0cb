//go:build !linux

package regular

import (
	"errors"
	"io/fs"
	"os"
)

// noWait is nothing: the hook runs on Linux alone, and a command line reads what is in a file.
const noWait = 0

// Writable fails: hooks run on Linux alone.
func Writable(string) error { return errors.ErrUnsupported }

func unlink(path string) error { return os.Remove(path) }

// replaceUnnamed fails: only Linux has files without a name.
func replaceUnnamed(string, fs.FileMode, func(*os.File) error) error { return errors.ErrUnsupported }
