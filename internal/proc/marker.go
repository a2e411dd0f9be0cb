package proc

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Marker is one moment of one boot, as a marker file holds it:
//
//	prestop/1 boot=6f0d7a52-4f2c-4a53-9d0c-3f1c1e0b7a44 since=94387402118734
//
// The number behind prestop/ is the format's version. The line ends with a newline, and nothing follows it.
type Marker struct {
	Boot  string        // the kernel's boot id
	Since time.Duration // time since the boot, by CLOCK_BOOTTIME: nobody can set it, and the containers of a node share it
}

const bootSize = 36 // of a boot id, in bytes

// MarkNow is this moment. It fails where the kernel tells no boot id, as a sandbox may.
func MarkNow() (Marker, error) { return markNow("") }

func markNow(proc string) (Marker, error) {
	boot, err := bootID(proc)
	if err != nil {
		return Marker{}, err
	}
	if !isBoot(boot) {
		return Marker{}, fmt.Errorf("the kernel's boot id: expected %d hex digits and dashes, got %q", bootSize, boot)
	}
	since, err := SinceBoot()
	return Marker{boot, since}, err
}

// String is the marker's line, with its newline.
func (m Marker) String() string { return fmt.Sprintf("prestop/1 boot=%s since=%d\n", m.Boot, m.Since) }

// ParseMarker reads a marker's line, whole and exactly as [Marker.String] writes it; ok is false for anything else.
func ParseMarker(text string) (m Marker, ok bool) {
	begin, end, _ := strings.Cut(text, " since=")
	since, err := strconv.ParseInt(strings.TrimSuffix(end, "\n"), 10, 64)
	m = Marker{strings.TrimPrefix(begin, "prestop/1 boot="), time.Duration(since)}
	if err != nil || since < 0 || !isBoot(m.Boot) || m.String() != text {
		return Marker{}, false
	}
	return m, true
}

func isBoot(s string) bool { return len(s) == bootSize && strings.Trim(s, "0123456789abcdef-") == "" }
