// Package child runs programs for the steps exec and until exec.
//
// A [Program] gets what a hook's program should have, and leaves nothing behind. The package knows no steps. Its contexts say
// how much time there is. It is for shutdown and drain. Programs run on Linux alone; elsewhere [Program.Run] fails.
package child

import "fmt"

// A Program is run without a shell. It has this process' environment and directory, and no input. Its stdout and stderr are
// pipes of this process, never the hook's own streams: for a container runtime, a hook runs as long as anything holds its
// streams open.
//
// It leads a process group. The whole group is killed with SIGKILL when the context ends, and the rest of it when the program
// ends. With Adopt this holds for everything that the program started, also for a daemon in a session of its own. If this process
// itself is killed, the kernel kills the program, but not what the program started.
type Program struct {
	Words []string // a path, or a name that is looked up in PATH; then its arguments

	// Adopt makes this process the subreaper of its descendants (PR_SET_CHILD_SUBREAPER), until it ends. Each child that this process
	// has when the program has ended was then left by the program. It is killed with everything that it leaves behind. So only a
	// process that starts nothing else may set Adopt. If this process had children before, or is process 1 of a namespace, nothing is
	// adopted: what has left the group lives on.
	//
	// Its Go runtime changes as well while the program starts: it has one processor more, and collects next to no garbage.
	Adopt bool

	// Say gets each line that the program prints, one after the other, and the name of its stream. Nil: the start is logged, and so
	// are the lines, up to a bound.
	Say func(stream, line string)
}

// An ExitError says that a program ended by itself with a status other than 0.
type ExitError struct {
	Name   string
	Status int
	Said   string // the last line that it printed; empty: none
}

func (e *ExitError) Error() string {
	return said(fmt.Errorf("%s: exit status %d", e.Name, e.Status), e.Said).Error()
}

func said(err error, last string) error {
	if last != "" {
		return fmt.Errorf("%w; it said: %s", err, last)
	}
	return err
}
