//go:build !linux

package terminal

import (
	"runtime"

	"golang.org/x/term"
)

// Only the plugin runs here. A console of Windows may show the codes of colours as text
// (learn.microsoft.com, "Console Virtual Terminal Sequences").
const drawsColours = runtime.GOOS != "windows"

func isTerminal(fd int) bool { return term.IsTerminal(fd) }

// width is 0 if a terminal does not say its width.
func width(fd int) int {
	columns, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return columns
}
