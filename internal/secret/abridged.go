package secret

import (
	"strings"

	"github.com/prestop/prestop/internal/escape"
)

// Abridged makes one printable line of a text without secrets. It leaves out the middle of a long one: if several places failed, the
// error of the last one is at the end, and so is what can be done about an error.
func Abridged(text string) string {
	const head, tail = 320, 200
	text = escape.Printable(strings.Join(strings.Fields(text), " "))
	if len(text) <= head+tail {
		return text
	}
	return escape.Begun(text, head) + strings.ToValidUTF8(text[len(text)-tail:], "")
}
