package secret

import (
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/escape"
)

func TestAbridged(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"two\nlines  and\tblanks":            "two lines and blanks",
		"a\x1b[31m":                          `a\x1b[31m`,
		strings.Repeat("é", 260):             strings.Repeat("é", 260),
		strings.Repeat("é", 300):             strings.Repeat("é", 160) + escape.Cut + strings.Repeat("é", 100),
		"x" + strings.Repeat("é", 300) + "y": "x" + strings.Repeat("é", 159) + escape.Cut + strings.Repeat("é", 99) + "y",
	} {
		if got := Abridged(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
