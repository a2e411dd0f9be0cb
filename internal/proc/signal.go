package proc

import (
	"strconv"
	"syscall"
)

// RTMin is the first real-time signal that programs have: glibc and musl keep 32 and 33 to themselves.
const RTMin syscall.Signal = 34

// SignalName is a signal's name, such as SIGTERM. A real-time signal has no name of its own: it is, for example, SIGRTMIN+3.
func SignalName(s syscall.Signal) string {
	if name := StandardName(s); name != "" {
		return name
	}
	return "SIGRTMIN+" + strconv.Itoa(int(s-RTMin))
}
