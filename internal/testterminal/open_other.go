//go:build !linux

package testterminal

import (
	"errors"
	"os"
)

// Open fails.
func Open() (screen, terminal *os.File, err error) { return nil, nil, errors.ErrUnsupported }
