package proc

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// SinceBoot is how long ago the boot was, by CLOCK_BOOTTIME: nobody can set it, and it goes on in suspend.
func SinceBoot() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, fmt.Errorf("failed to read CLOCK_BOOTTIME: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// StandardName is a signal's name, such as SIGTERM. Empty: s is a real-time signal, or no signal.
func StandardName(s syscall.Signal) string { return unix.SignalName(s) }

// StandardSignal is the signal that has a name, such as SIGTERM. 0: no signal has the name.
func StandardSignal(name string) syscall.Signal { return unix.SignalNum(name) }
