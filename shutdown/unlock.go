package shutdown

import (
	"fmt"
	"strings"

	"github.com/prestop/prestop/internal/web"
)

// What the log and the dry run say of a lock or a lease.
const (
	lockReleased = "released"
	lockOurs     = "held by us"
	lockGone     = "no longer held"
	lockAnothers = "held by another by now: left alone"
)

const maxServerText = 300

// serverText is what a server said, for an error. It is on one line, and whole or not at all: the server may repeat a secret, and nobody
// recognises half of one.
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
