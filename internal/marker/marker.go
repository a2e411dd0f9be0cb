// Package marker tells a file that was made in this moment from one that is left from before.
//
// The containers of a pod share a volume, and the volume outlives a container that is restarted, with all that the one
// before it has left there. A [Marker] in a file says when it was written by a clock that nobody sets: the kernel's
// boot, and the time since. shutdown writes markers, drain reads them; what a file means is their affair.
package marker

import (
	"fmt"
	"os"
	"strconv"
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

// String is a line that Parse reads.
func (m Marker) String() string { return fmt.Sprintf("prestop/1 boot=%s since=%d\n", m.Boot, m.Since) }

// Parse reads what String writes; ok is false for anything else.
func Parse(text string) (m Marker, ok bool) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return Marker{}, false
	}
	since, err := strconv.ParseInt(strings.TrimPrefix(fields[2], "since="), 10, 64)
	m = Marker{strings.TrimPrefix(fields[1], "boot="), time.Duration(since)}
	if err != nil || m.String() != text {
		return Marker{}, false
	}
	return m, true
}
