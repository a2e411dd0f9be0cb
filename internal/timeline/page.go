package timeline

import (
	"fmt"
	"io"
	"strings"

	"github.com/prestop/prestop/internal/escape"
)

// A Page is what a plan is written on. Its zero value has 80 columns, as old terminals had, and no colours.
type Page struct {
	Width   int // columns that a line takes at most, unless a word is longer; 0: 80
	Colours bool
}

// Pages narrower than leastDrawn show only times, and no bars. No page counts as narrower than leastWidth.
const (
	usualWidth = 80
	leastDrawn = 70
	leastWidth = 30
)

func (p Page) width() int {
	if p.Width == 0 {
		return usualWidth
	}
	return max(p.Width, leastWidth)
}

// Wrap breaks a text between words, each line indented and printable.
func (p Page) Wrap(w io.Writer, indent, text string) { p.wrap(w, indent, indent+"  ", text) }

// wrap begins the first line with line, and the others with the indent.
func (p Page) wrap(w io.Writer, line, indent, text string) {
	begun := len(line)
	for word := range strings.FieldsSeq(text) {
		word = escape.Printable(word)
		if len(line) > begun && len(line)+1+len(word) > p.width() {
			fmt.Fprintln(w, line)
			line, begun = indent, len(indent)
		}
		if len(line) > begun {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}
