package drain

import (
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// ExecVerb is the step that runs a program until it succeeds.
func ExecVerb() *step.Verb {
	return &step.Verb{Name: "until exec", Target: "PROGRAM [ARG…]", Options: []string{"timeout", "min", "max"}, Raw: true,
		Does: "runs a program every second until it exits with status 0; options stand before it", Parse: parseExec}
}

// execSpec is an Exec as its step describes it.
type execSpec struct {
	words   []string
	timeout time.Duration
	wait    step.Wait
}

func parseExec(l *grammar.Line) (step.Spec, error) {
	words, err := l.Program()
	if err != nil {
		return nil, err
	}
	e := &execSpec{words: words}
	if o, ok := l.Option("timeout"); ok {
		if e.timeout, err = o.Positive(); err != nil {
			return nil, err
		}
	}
	e.wait, err = step.WaitOf(l)
	return e, err
}

func (e *execSpec) Needs() step.Needs {
	n := e.wait.Needs()
	n.Program = e.words
	return n
}

func (e *execSpec) Bind(m *step.Means) (step.Deed, error) {
	return Exec{Words: e.words, Adopt: m.Alone, Timeout: e.timeout, Min: e.wait.Min}, nil
}
