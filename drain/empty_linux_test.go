package drain

import (
	"os"
	"testing"
)

// Where the kernel refuses the question, no socket stays open.
func TestEmptyLeavesNoSocket(t *testing.T) {
	open := func() int { all, _ := os.ReadDir("/proc/self/fd"); return len(all) }
	e := Empty{}
	for p := range uint16(4000) { // more than the kernel's filter takes: it refuses the question, not the socket
		e.Ports = append(e.Ports, p+1)
	}
	e.Check(t.Context())
	before := open()
	for range 10 {
		_, _ = e.Check(t.Context())
	}
	if now := open(); now > before+2 {
		t.Errorf("%d files are open, %d before", now, before)
	}
}
