package proc

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What lint says of a signal is the same on all systems.
func TestSignalsOfOtherSystems(t *testing.T) {
	t.Parallel()
	for n := range syscall.Signal(66) {
		if got, want := StandardName(n), unix.SignalName(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for _, name := range append([]string{"", "SIG", "SIGNONE", "TERM"}, standard[:]...) {
		if got, want := StandardSignal(name), unix.SignalNum(name); got != want {
			t.Errorf("%q: got %d, want %d", name, got, want)
		}
	}
	if got := SignalName(syscall.SIGTERM) + " " + SignalName(RTMin+3); got != "SIGTERM SIGRTMIN+3" {
		t.Errorf("got %s", got)
	}
}
