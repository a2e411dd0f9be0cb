//go:build !linux

package proc

import (
	"errors"
	"syscall"
	"time"
)

// SinceBoot fails: only Linux has the clock that the hook goes by.
func SinceBoot() (time.Duration, error) { return 0, errors.ErrUnsupported }

// StandardName is a signal's name on Linux, as SIGTERM; empty: it is a real-time signal, or none.
func StandardName(s syscall.Signal) string { return standardName(s) }

// StandardSignal is the signal of a name on Linux, as SIGTERM; 0: none has it.
func StandardSignal(name string) syscall.Signal { return standardSignal(name) }
