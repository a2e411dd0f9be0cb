package shutdown

import (
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// RemoveVerb is the step that removes a file.
func RemoveVerb() *step.Verb {
	return &step.Verb{Name: "remove", Target: "PATH", Does: "removes a regular file; one that is not there is done", Parse: func(l *grammar.Line) (*step.Spec, error) {
		path, err := l.Path("a file's path", "/shared/ready")
		n := step.Needs{Least: step.CallTime, Most: step.CallMost, Removes: []string{path}}
		return n.Spec(Remove{Path: path}), err
	}}
}

// Bind has nothing to add.
func (r Remove) Bind(*step.Means) (step.Deed, error) { return r, nil }
