package proc

import (
	"fmt"
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
