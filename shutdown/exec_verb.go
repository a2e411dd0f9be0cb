package shutdown

import (
	"strings"

	"github.com/prestop/prestop/internal/step"
)

// ExecVerb is the step that runs a program.
func ExecVerb() step.Verb {
	return step.Verb{Name: "exec", Target: "PROGRAM [ARG…]", Raw: true,
		Does: "runs a program, without a shell; it is killed with its children at its deadline", Parse: parseExec}
}

// execSpec is the program and its arguments.
type execSpec []string

func parseExec(l step.Line) (step.Spec, error) {
	if len(l.Targets) == 0 {
		_, err := l.Target("a program, as in exec /usr/sbin/nginx -s quit")
		return nil, err
	}
	var program execSpec
	for _, w := range l.Targets {
		if strings.ContainsRune(w.Text, 0) {
			return nil, w.Expected("expected words without NUL, got %s", w.Written)
		}
		program = append(program, w.Text)
	}
	return program, nil
}

// Needs has no bound: only who wrote the program knows how long it takes.
func (e execSpec) Needs() step.Needs { return step.Needs{Least: step.CallTime, Program: e} }

func (e execSpec) Bind(step.Means) (step.Deed, error) { return Exec{Program: e, Adopt: true}, nil }
