//go:build !linux

package proc

import (
	"errors"
	"time"
)

// SinceBoot fails: only Linux has the clock that the hook goes by.
func SinceBoot() (time.Duration, error) { return 0, errors.ErrUnsupported }
