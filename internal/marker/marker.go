// Package marker tells a file that was made in this moment from one that is left from before.
//
// The containers of a pod share a volume, and the volume outlives a container that is restarted, with all that the one
// before it has left there. A [Marker] in a file says when it was written by a clock that nobody sets: the kernel's
// boot, and the time since. shutdown writes markers, drain reads them; what a file means is their affair.
package marker

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Marker is a moment.
type Marker struct {
	Boot  string        // the kernel's boot id
	Since time.Duration // from boot, suspended time included
}

// Now is this moment.
func Now() (Marker, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Marker{}, err
	}
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return Marker{}, fmt.Errorf("clock since boot: %w", err)
	}
	return Marker{strings.TrimSpace(string(boot)), time.Duration(t.Nano())}, nil
}

const format = "prestop/1 boot=%s since=%d\n"

// String is a line that Parse reads.
func (m Marker) String() string { return fmt.Sprintf(format, m.Boot, m.Since) }

// Parse reads what String writes; ok is false for anything else.
func Parse(text string) (m Marker, ok bool) {
	if _, err := fmt.Sscanf(text, format, &m.Boot, &m.Since); err != nil || m.String() != text {
		return Marker{}, false
	}
	return m, true
}
