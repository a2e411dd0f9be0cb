package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/hook"
)

// terminal tells whether somebody is there to read or type.
func (i invocation) terminal() bool {
	return isTerminal(os.Stdin) || isTerminal(i.stdout) || isTerminal(i.stderr)
}

// page is stdout. It has the width of its terminal, and colours unless they are not wanted (https://no-color.org).
func (i invocation) page() hook.Page {
	fd, ok := terminalOf(i.stdout)
	if !ok {
		return hook.Page{}
	}
	page := hook.Page{Colours: i.env["NO_COLOR"] == "" && i.env["TERM"] != "dumb"}
	if size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil {
		page.Width = int(size.Col)
	}
	return page
}

func isTerminal(stream any) bool {
	_, ok := terminalOf(stream)
	return ok
}

// terminalOf is the descriptor of a stream that is a terminal.
func terminalOf(stream any) (fd int, ok bool) {
	f, ok := stream.(interface {
		io.Closer
		Fd() uintptr
	})
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return fd, err == nil
}
