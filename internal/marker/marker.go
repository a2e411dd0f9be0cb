// Package marker is what a marker file says of itself: in which boot of the kernel it was written, and when.
//
//	prestop/1 boot=6f0d7a52-4f2c-4a53-9d0c-3f1c1e0b7a44 since=94387402118734
//
// boot is the kernel's boot id, since the nanoseconds from that boot (CLOCK_BOOTTIME, which nobody can set and which
// the containers of a node share). The line ends with a newline and nothing follows it. 1 is the format's version.
// [Marker.String] writes it and [Parse] reads it; the file itself, and who believes it, is the affair of packages
// shutdown and drain, its two callers.
package marker

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Marker is one moment of one boot.
type Marker struct {
	Boot  string        // the kernel's boot id
	Since time.Duration // that boot
}

// Max is how many bytes a marker has at most.
const Max = 128

const (
	format   = "prestop/1 boot=%s since=%d\n"
	bootFile = "/proc/sys/kernel/random/boot_id"
	bootSize = 36
)

// Now is this moment. It fails where the kernel tells no boot id, as a sandbox may.
func Now() (Marker, error) {
	text, err := os.ReadFile(bootFile)
	if err != nil {
		return Marker{}, err
	}
	boot := strings.TrimSpace(string(text))
	if !isBoot(boot) {
		return Marker{}, fmt.Errorf("%s: expected %d hex digits and dashes, got %q", bootFile, bootSize, boot)
	}
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return Marker{}, fmt.Errorf("failed to read CLOCK_BOOTTIME: %w", err)
	}
	return Marker{boot, time.Duration(t.Nano())}, nil
}

// String is the marker's line, with its newline.
func (m Marker) String() string { return fmt.Sprintf(format, m.Boot, m.Since) }

// Parse reads a marker's line, whole and exactly as String writes it; ok is false for anything else.
func Parse(text string) (m Marker, ok bool) {
	words := strings.Fields(text)
	if len(words) != 3 {
		return Marker{}, false
	}
	m.Boot = strings.TrimPrefix(words[1], "boot=")
	since, err := strconv.ParseInt(strings.TrimPrefix(words[2], "since="), 10, 64)
	m.Since = time.Duration(since)
	if err != nil || since < 0 || !isBoot(m.Boot) || m.String() != text {
		return Marker{}, false
	}
	return m, true
}

func isBoot(s string) bool { return len(s) == bootSize && strings.Trim(s, "0123456789abcdef-") == "" }
