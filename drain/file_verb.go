package drain

import (
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// FileVerb is the step that waits for a file.
func FileVerb() *step.Verb {
	return &step.Verb{Name: "until file", Target: "PATH", Options: []string{"min", "max"},
		Does: "waits for a file that another container of the pod makes now, not one that is left from before", Parse: parseFile}
}

func parseFile(l *grammar.Line) (*step.Spec, error) {
	path, err := l.Path("a file's path", "/shared/drained")
	if err != nil {
		return nil, err
	}
	wait, err := step.WaitOf(l)
	n := wait.Needs()
	n.Awaits = path
	return n.Spec(&File{Path: path, Min: wait.Min}), err
}

// Bind says when the hook began.
func (f *File) Bind(m *step.Means) (step.Deed, error) {
	return &File{Path: f.Path, Since: m.Start, Min: f.Min}, nil
}
