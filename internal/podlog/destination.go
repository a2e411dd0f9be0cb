// Package podlog is where a hook's log goes and how a line of it looks.
//
// Open picks the destination, and NewHandler makes the lines. Two facts shape both. Nobody sees what an
// exec hook prints, so the log goes to the stream of the container's main process. And this stream
// belongs to the application, so the hook must neither block on it nor break into its
// lines. The log never makes a hook fail: a line that cannot be written is counted.
//
// The package does not choose the format, does not know what is secret (Options.Hide does), and does not
// catch SIGPIPE. Writing to an Output never ends the process: the Go runtime dies of a
// broken pipe only on os.Stdout and os.Stderr. A program that also writes to these two has to
// call signal.Notify for SIGPIPE first.
//
// It is for the hook. Lint needs [Check] alone. On other systems than Linux there are only Check and the lines.
package podlog

import (
	"errors"
	"slices"
	"strings"
)

// The destinations that are not paths of files.
const (
	Auto      = "auto"      // stdout on a terminal and outside a pod, else as Container
	Container = "container" // the stderr of the container's main process
	Stdout    = "stdout"
	Stderr    = "stderr"
)

// Check says whether Open would understand a destination: Auto (or nothing), Container, Stdout,
// Stderr, or a path. A path must have a slash, so a misspelt word is a mistake and not a file.
func Check(to string) error {
	if strings.Contains(to, "/") || slices.Contains([]string{"", Auto, Container, Stdout, Stderr}, to) {
		return nil
	}
	return errors.New("expected auto, container, stdout, stderr or a path with a slash in it")
}
