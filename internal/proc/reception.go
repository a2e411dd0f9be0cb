package proc

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Reception is what a process would do with a signal.
type Reception int

const (
	// Unseen: it cannot be told. Another look may tell, since what a process waits for is hidden while it runs. But some
	// kernels (and gVisor) never show it, or show it only to the process's own user.
	Unseen Reception = iota
	// Possible: it waits for signals in sigwait(3), as tini does. The kernel does not show for which signals.
	Possible
	// Received: it handles the signal, blocks the signal to read it from a signalfd, or the signal's
	// default action does something to the process.
	Received
	// Ignored: by its own choice, or because that is the signal's default action.
	Ignored
	// Dropped: it is process 1 and has no handler for the signal. The kernel then delivers no signal to it that comes
	// from its own namespace. SIGKILL and SIGSTOP from there never reach process 1.
	Dropped
)

// Reception tells what the process would do with a signal that comes from its own process namespace.
// proc is where procfs is mounted; empty: /proc.
func (p Process) Reception(proc string, signal syscall.Signal) Reception {
	pid := strconv.Itoa(p.PID)
	status, _ := os.ReadFile(Path(proc, pid, "status")) // without it no mask can be read
	held, errHeld := mask(string(status), "SigBlk")
	caught, errCaught := mask(string(status), "SigCgt")
	ignored, errIgnored := mask(string(status), "SigIgn")
	first, name := p.PID == 1, StandardName(signal) // some systems that lint runs on do not have all signals
	switch {
	case errHeld != nil || errCaught != nil || errIgnored != nil:
		return Unseen
	case name == "SIGKILL" || name == "SIGSTOP":
		if first {
			return Dropped
		}
		return Received
	case held.has(signal), caught.has(signal):
		return Received
	case !ignored.has(signal) && !first && name != "SIGCHLD" && name != "SIGURG" && name != "SIGWINCH": // signal(7): these are ignored by default
		return Received
	}
	wchan, _ := os.ReadFile(Path(proc, pid, "wchan")) // the kernel function that it waits in
	switch where := string(wchan); {
	case where == "", where == "0": // it runs, or this is not shown to us
		return Unseen
	case strings.Contains(where, "sigtimedwait"): // it unblocks the signals that it waits for, so the masks do not show them
		return Possible
	case ignored.has(signal) || !first:
		return Ignored
	default:
		return Dropped
	}
}

// signals is a set of them, the lowest bit being signal 1.
type signals uint64

func (s signals) has(signal syscall.Signal) bool { return s>>(signal-1)&1 == 1 }

func mask(status, name string) (signals, error) {
	_, line, _ := strings.Cut(status, "\n"+name+":")
	line, _, _ = strings.Cut(line, "\n")
	bits, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return signals(bits), err
}
