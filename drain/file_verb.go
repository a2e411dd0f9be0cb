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

// fileSpec is a File as its step describes it.
type fileSpec struct {
	path string
	wait step.Wait
}

func parseFile(l *grammar.Line) (step.Spec, error) {
	path, err := l.Path("a file's path", "/shared/drained")
	if err != nil {
		return nil, err
	}
	wait, err := step.WaitOf(l)
	return &fileSpec{path, wait}, err
}

func (f *fileSpec) Needs() step.Needs {
	n := f.wait.Needs()
	n.Awaits = f.path
	return n
}

func (f *fileSpec) Bind(m *step.Means) (step.Deed, error) {
	return &File{Path: f.path, Since: m.Start, Min: f.wait.Min}, nil
}
