package proc

import (
	"slices"
	"strconv"
	"syscall"
)

// RTMin is the first real-time signal that programs have with glibc, which keeps 32 and 33 to itself. musl keeps 34 too, so that its
// SIGRTMIN is one more (signal(7); musl's src/signal/sigrtmin.c).
const RTMin syscall.Signal = 34

// standard are the signals of Linux from 1 on, also where lint runs on another system: a manifest is for a container on Linux (signal(7),
// x86 and ARM).
var standard = [...]string{
	"SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
	"SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT",
	"SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
	"SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
}

// StandardName is a signal's name on Linux, such as SIGTERM. Empty: s is a real-time signal, or no signal.
func StandardName(s syscall.Signal) string {
	if s < 1 || int(s) > len(standard) {
		return ""
	}
	return standard[s-1]
}

// StandardSignal is the signal that has a name on Linux, such as SIGTERM. 0: no signal has the name.
func StandardSignal(name string) syscall.Signal {
	return syscall.Signal(slices.Index(standard[:], name) + 1)
}

// SignalName is a signal's name, such as SIGTERM. A real-time signal has no name of its own: it is, for example, SIGRTMIN+3.
func SignalName(s syscall.Signal) string {
	if name := StandardName(s); name != "" {
		return name
	}
	return "SIGRTMIN+" + strconv.Itoa(int(s-RTMin))
}
