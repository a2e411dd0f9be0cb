package proc

import (
	"slices"
	"syscall"
)

// standard are the signals of Linux from 1 on, for use on other systems: a manifest is for a container on Linux, wherever lint
// reads it (signal(7), x86 and ARM).
var standard = [...]string{
	"SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
	"SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT",
	"SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
	"SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
}

func standardName(s syscall.Signal) string {
	if s < 1 || int(s) > len(standard) {
		return ""
	}
	return standard[s-1]
}

func standardSignal(name string) syscall.Signal {
	return syscall.Signal(slices.Index(standard[:], name) + 1)
}
