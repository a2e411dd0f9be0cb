//go:build !linux

package terminal

import (
	"runtime"

	"golang.org/x/term"
)

// The plugin alone runs here. A console of Windows may show the codes of colours as they are
// (learn.microsoft.com, "Console Virtual Terminal Sequences").
const drawsColours = runtime.GOOS != "windows"

func isTerminal(fd int) bool { return term.IsTerminal(fd) }

// width is 0 where a terminal does not say.
func width(fd int) int {
	columns, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return columns
}
