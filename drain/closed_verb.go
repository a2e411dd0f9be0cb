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

// closedSpec is a Closed as its step describes it.
type closedSpec struct {
	port uint16
	wait step.Wait
}

func parseClosed(l *grammar.Line) (step.Spec, error) {
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
	return &closedSpec{ports[0], wait}, nil
}

func (c *closedSpec) Needs() step.Needs {
	n := c.wait.Needs()
	n.Ports, n.Closed = []uint16{c.port}, true
	return n
}

func (c *closedSpec) Bind(*step.Means) (step.Deed, error) {
	return Closed{Port: c.port, Min: c.wait.Min}, nil
}
