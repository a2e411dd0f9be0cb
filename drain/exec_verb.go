package drain

import (
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// ExecVerb is the step that runs a program until it succeeds.
func ExecVerb() *step.Verb {
	return &step.Verb{Name: "until exec", Target: "PROGRAM [ARG…]", Options: []string{"timeout", "min", "max"}, Raw: true,
		Does: "runs a program every second until it exits with status 0; options stand before it", Parse: parseExec}
}

func parseExec(l *grammar.Line) (*step.Spec, error) {
	words, err := l.Program()
	if err != nil {
		return nil, err
	}
	e := Exec{Words: words}
	if o, ok := l.Option("timeout"); ok {
		if e.Timeout, err = o.Positive(); err != nil {
			return nil, err
		}
	}
	wait, err := step.WaitOf(l)
	e.Min = wait.Min
	n := wait.Needs()
	n.Program = words
	return n.Spec(e), err
}

// Bind says whether what the program leaves is ended.
func (e Exec) Bind(m *step.Means) (step.Deed, error) {
	e.Adopt = m.Alone
	return e, nil
}
