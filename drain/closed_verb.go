package drain

import (
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// ClosedVerb is the step that waits until nothing listens on a port.
func ClosedVerb() *step.Verb {
	return &step.Verb{Name: "until closed", Target: "PORT", Options: []string{"min", "max"},
		Does: "waits until nothing listens there any more, for a sidecar that must outlive the app", Parse: parseClosed}
}

func parseClosed(l *grammar.Line) (*step.Spec, error) {
	w, err := l.Target("a port", "8080")
	if err != nil {
		return nil, err
	}
	wait, err := step.WaitOf(l)
	if err != nil {
		return nil, err
	}
	ports, err := w.Ports()
	if err != nil {
		return nil, err
	}
	if len(ports) > 1 {
		return nil, w.Expected("expected one port, got %s", w.Got())
	}
	n := wait.Needs()
	n.Ports, n.Closed = ports, true
	return n.Spec(Closed{Port: ports[0], Min: wait.Min}), nil
}

// Bind has nothing to add.
func (c Closed) Bind(*step.Means) (step.Deed, error) { return c, nil }
