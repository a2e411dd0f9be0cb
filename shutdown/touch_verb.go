package shutdown

import (
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// TouchVerb is the step that makes a file.
func TouchVerb() *step.Verb {
	return &step.Verb{Name: "touch", Target: "PATH", Does: "makes a file for the other containers of the pod", Parse: func(l *grammar.Line) (*step.Spec, error) {
		path, err := l.Path("a file's path", "/shared/drained")
		n := step.Needs{Least: step.CallTime, Most: step.CallMost, Writes: []string{path}}
		return n.Spec(Touch{Path: path}), err
	}}
}

// Bind has nothing to add.
func (t Touch) Bind(*step.Means) (step.Deed, error) { return t, nil }
