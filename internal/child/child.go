// Package child runs programs for the steps that do so: exec, and until exec.
//
// A [Program] gets what a hook's program should have, and leaves nothing behind. The package knows no steps and no time but
// that of its contexts. It is for shutdown and drain. Programs run on Linux alone; elsewhere [Program.Run] fails.
package child

import "fmt"

// A Program is run without a shell. It has this process' environment and directory, and no input. Its stdout and stderr are
// pipes of this process, never the hook's own, since a container runtime takes a hook for running as long as anything holds
// those.
//
// It leads a process group, which is killed with SIGKILL when the context ends, and what is left of which is killed when the
// program ends. With Adopt this holds for all that it started, also for a daemon in a session of its own. If this process
// itself is killed, the kernel kills the program, but not what the program started.
type Program struct {
	Words []string // a path, or a name that is looked up in PATH; then its arguments

	// Adopt makes this process the subreaper of its descendants (PR_SET_CHILD_SUBREAPER), and it remains that. Then each child
	// that this process has when the program has ended was left by the program, and is killed with all that it leaves itself.
	// So only a process that starts nothing else may set it. Children that this process had before are spared: then, as for
	// process 1 of a namespace, what has left the group lives on.
	Adopt bool

	// Say is given each line that the program prints, one after the other, and its stream's name. Nil: they are logged, up to
	// a bound, and so is the start.
	Say func(stream, line string)
}

// An ExitError is that of a program that ended by itself with another status than 0.
type ExitError struct {
	Name   string
	Status int
	Said   string // the last line that it printed; empty: none
}

func (e *ExitError) Error() string {
	return said(fmt.Errorf("%s: exit status %d", e.Name, e.Status), e.Said).Error()
}

// Find looks the program up, and what it needs to start. It runs nothing.
func (p Program) Find() (path string, err error) {
	if path, err = p.find(); err == nil {
		err = checkInterpreter(path)
	}
	return path, err
}

func said(err error, last string) error {
	if last != "" {
		return fmt.Errorf("%w; it said: %s", err, last)
	}
	return err
}
