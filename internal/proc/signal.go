package proc

import (
	"strconv"
	"syscall"
)

// RTMin is the first real-time signal that programs have with glibc, which keeps 32 and 33 to itself. musl keeps 34 too, so that its
// SIGRTMIN is one more (signal(7); musl's src/signal/sigrtmin.c).
const RTMin syscall.Signal = 34

// SignalName is a signal's name, such as SIGTERM. A real-time signal has no name of its own: it is, for example, SIGRTMIN+3.
func SignalName(s syscall.Signal) string {
	if name := StandardName(s); name != "" {
		return name
	}
	return "SIGRTMIN+" + strconv.Itoa(int(s-RTMin))
}
