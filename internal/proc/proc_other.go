//go:build !linux

package proc

import (
	"errors"
	"syscall"
	"time"
)

// SinceBoot fails: only Linux has the clock that the hook goes by.
func SinceBoot() (time.Duration, error) { return 0, errors.ErrUnsupported }

// StandardName is a signal's name on Linux, such as SIGTERM. Empty: s is a real-time signal, or no signal.
func StandardName(s syscall.Signal) string { return standardName(s) }

// StandardSignal is the signal that has a name on Linux, such as SIGTERM. 0: no signal has the name.
func StandardSignal(name string) syscall.Signal { return standardSignal(name) }
