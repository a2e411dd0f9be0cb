package shutdown

import (
	"fmt"
	"strings"

	"github.com/prestop/prestop/internal/web"
)

// What is or becomes of a lock or lease that we release, as the log says it.
const (
	lockReleased = "released"
	lockOurs     = "held by us"
	lockGone     = "no longer held"
	lockAnothers = "held by another by now: left alone"
)

const maxServerText = 300

// serverText is what a server said, for an error: on one line, and whole or not at all, since half of a secret that it
// repeats is one that nobody recognises.
func serverText(text string, secrets ...string) string {
	text = web.OneLine(text)
	if len(text) > maxServerText {
		return fmt.Sprintf("a text of %d bytes, not shown", len(text))
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return "a text that holds a secret, not shown"
		}
	}
	return text
}
