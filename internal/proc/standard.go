package proc

import (
	"slices"
	"syscall"
)

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
