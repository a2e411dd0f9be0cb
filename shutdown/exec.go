package shutdown

import (
	"context"

	"github.com/prestop/prestop/internal/child"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
)

// ExecVerb is the step that runs a program.
func ExecVerb() *step.Verb {
	return &step.Verb{Name: "exec", Target: "PROGRAM [ARG…]", Options: []string{"max", "only-if"}, Raw: true,
		Does: "runs a program, without a shell; at its deadline it and all that it started are killed; options stand before it", Parse: parseExec}
}

func parseExec(l *grammar.Line) (*step.Spec, error) {
	words, err := l.Program()
	if err != nil {
		return nil, err
	}
	most, err := l.Most()
	if err != nil {
		return nil, err
	}
	condition, err := request.OnlyIf(l)
	// There is no bound without max=: only the program's author knows how long it takes.
	n := step.Needs{Least: step.CallTime, Program: words, Returns: step.Signals(words), Calls: condition.Calls()}
	return n.Within(most).Spec(&execSpec{words, condition}), err
}

// execSpec is an Exec as its step describes it.
type execSpec struct {
	words     []string
	condition request.Spec
}

func (e *execSpec) Bind(m *step.Means) (step.Deed, error) {
	return e.condition.Conditional(m, nil, Exec{child.Program{Words: e.words, Adopt: m.Alone}}), nil
}

// An Exec runs a program, without a shell, and waits for its end. It is done if the exit status is 0. What the program prints is logged
// line by line, and nothing that it started outlives it: see [child.Program].
type Exec struct{ child.Program }

// Check looks the program up.
func (e Exec) Check(context.Context) ([]step.Finding, error) {
	path, err := e.Find()
	if err != nil {
		return nil, err
	}
	return []step.Finding{step.Found("found " + path)}, nil
}
