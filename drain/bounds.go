package drain

import (
	"strconv"

	"github.com/prestop/prestop/internal/grammar"
)

// Bounds are the limits of a number that is waited for. Nil: no limit on that side.
type Bounds struct{ AtMost, AtLeast *float64 }

func (b Bounds) hold(n float64) bool {
	return (b.AtMost == nil || n <= *b.AtMost) && (b.AtLeast == nil || n >= *b.AtLeast)
}

func (b Bounds) none() bool { return b.AtMost == nil && b.AtLeast == nil }

// boundsOf reads at-most= and at-least=.
func boundsOf(l *grammar.Line) (b Bounds, err error) {
	if b.AtMost, err = number(l, "at-most"); err == nil {
		b.AtLeast, err = number(l, "at-least")
	}
	if err == nil && b.AtMost != nil && b.AtLeast != nil && *b.AtLeast > *b.AtMost {
		o, _ := l.Option("at-least")
		err = o.Expected("at-least: expected no more than at-most=, or no number is between them, got %s", o.Got())
	}
	return b, err
}

// number is an option's value; nil: it is not there.
func number(l *grammar.Line, key string) (*float64, error) {
	o, ok := l.Option(key)
	if !ok {
		return nil, nil
	}
	n, err := o.Number()
	return &n, err
}

func numeral(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }
