package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// terminal tells whether somebody is there to read or type.
func (i invocation) terminal() bool {
	return isTerminal(os.Stdin) || isTerminal(i.stdout) || isTerminal(i.stderr)
}

// colours tells whether stdout is to have any (https://no-color.org).
func (i invocation) colours() bool {
	return i.env["NO_COLOR"] == "" && i.env["TERM"] != "dumb" && isTerminal(i.stdout)
}

func isTerminal(stream any) bool {
	f, ok := stream.(interface {
		io.Closer
		Fd() uintptr
	})
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
