package shutdown

import (
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// TouchVerb is the step that makes a file.
func TouchVerb() *step.Verb {
	return &step.Verb{Name: "touch", Target: "PATH", Does: "makes a file for the other containers of the pod", Parse: func(l *grammar.Line) (step.Spec, error) {
		path, err := l.Path("a file's path", "/shared/drained")
		return touchSpec(path), err
	}}
}

// touchSpec is the file's path.
type touchSpec string

func (t touchSpec) Needs() step.Needs {
	return step.Needs{Least: step.CallTime, Most: step.CallMost, Writes: []string{string(t)}}
}

func (t touchSpec) Bind(*step.Means) (step.Deed, error) { return Touch{Path: string(t)}, nil }
