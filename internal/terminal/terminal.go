// Package terminal tells a terminal from other streams, and how wide it is.
//
// It opens nothing and writes nothing. It is for the programs in cmd: what they do for a kubelet or a pipe differs from what they do for people.
package terminal

import (
	"io"
	"strconv"

	"github.com/prestop/prestop/internal/timeline"
)

// Is tells whether a stream is a terminal.
func Is(stream any) bool {
	_, ok := descriptor(stream)
	return ok
}

// Page is what stdout is like for a drawing. Its width is COLUMNS, else the width of its terminal, else the usual width. On a terminal it
// has colours, unless somebody does not want them (https://no-color.org).
func Page(stdout any, env map[string]string) timeline.Page {
	var page timeline.Page
	fd, ok := descriptor(stdout)
	if ok {
		page.Colours = drawsColours && env["NO_COLOR"] == "" && env["TERM"] != "dumb"
	}
	if columns, err := strconv.ParseUint(env["COLUMNS"], 10, 16); err == nil {
		page.Width = int(columns)
	} else if ok {
		page.Width = width(fd)
	}
	return page
}

// descriptor is the file descriptor of a stream that is a terminal.
func descriptor(stream any) (fd int, ok bool) {
	f, ok := stream.(interface {
		io.Closer
		Fd() uintptr
	})
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, isTerminal(fd)
}
