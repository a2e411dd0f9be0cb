package shutdown

import (
	"time"

	"github.com/prestop/prestop/internal/child"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
)

// ExecVerb is the step that runs a program.
func ExecVerb() *step.Verb {
	return &step.Verb{Name: "exec", Target: "PROGRAM [ARG…]", Options: []string{"max", "only-if"}, Raw: true,
		Does: "runs a program, without a shell; it is killed with all that it started at its deadline; options stand before it", Parse: parseExec}
}

// execSpec is an Exec as its step describes it.
type execSpec struct {
	words     []string
	most      time.Duration // 0: no bound
	condition request.Spec
}

func parseExec(l *grammar.Line) (step.Spec, error) {
	words, err := l.Program()
	if err != nil {
		return nil, err
	}
	e := &execSpec{words: words}
	if e.most, err = l.Most(); err != nil {
		return nil, err
	}
	e.condition, err = request.OnlyIf(l)
	return e, err
}

// Needs has no bound without max=: only the program's author knows how long it takes.
func (e *execSpec) Needs() step.Needs {
	n := step.Needs{Least: step.CallTime, Program: e.words, Returns: step.Signals(e.words), Calls: e.condition.Calls()}
	return n.Within(e.most)
}

func (e *execSpec) Bind(m *step.Means) (step.Deed, error) {
	return e.condition.Conditional(m, nil, Exec{child.Program{Words: e.words, Adopt: m.Alone}}), nil
}
