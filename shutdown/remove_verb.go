package shutdown

import (
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// RemoveVerb is the step that removes a file.
func RemoveVerb() *step.Verb {
	return &step.Verb{Name: "remove", Target: "PATH", Does: "removes a regular file; one that is not there is done", Parse: func(l *grammar.Line) (step.Spec, error) {
		path, err := l.Path("a file's path", "/shared/ready")
		return removeSpec(path), err
	}}
}

// removeSpec is the file's path.
type removeSpec string

func (r removeSpec) Needs() step.Needs {
	return step.Needs{Least: step.CallTime, Most: step.CallMost, Removes: []string{string(r)}}
}

func (r removeSpec) Bind(*step.Means) (step.Deed, error) { return Remove{Path: string(r)}, nil }
