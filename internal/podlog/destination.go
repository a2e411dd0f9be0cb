// Package podlog is where a hook's log goes and how a line of it looks.
//
// Open picks the destination, NewHandler makes the lines. Two facts shape both: nobody sees what an
// exec hook prints, so the log goes to the stream that the container's main process was given; and
// that stream belongs to the application, so the hook must neither block on it nor break into its
// lines. A log never fails a hook: what cannot be written is counted.
//
// It does not choose the format, does not know what is secret (Options.Hide does), and does not
// catch SIGPIPE. Nothing written through an Output ends the process, since the Go runtime dies of a
// broken pipe only in os.Stdout and os.Stderr; a program that writes to those two as well has to
// call signal.Notify for SIGPIPE before it does.
//
// Only the command and its tests call it, but for [Check], which lint asks too. Only that and the lines are there on other systems than Linux.
package podlog

import (
	"errors"
	"strings"
)

// The destinations that are not the path of a file.
const (
	Auto      = "auto"      // stdout on a terminal and outside a pod, else as Container
	Container = "container" // the stderr of the container's main process
	Stdout    = "stdout"
	Stderr    = "stderr"
)

// Check says whether Open would understand a destination: Auto (or nothing), Container, Stdout,
// Stderr, or a path. A path has a slash in it, so that a misspelt word is a mistake and not a file.
func Check(to string) error {
	switch to {
	case "", Auto, Container, Stdout, Stderr:
		return nil
	}
	if strings.Contains(to, "/") {
		return nil
	}
	return errors.New("expected auto, container, stdout, stderr or a path with a slash in it")
}
