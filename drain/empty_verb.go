package drain

import (
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// EmptyVerb is the step that waits until connections are closed.
func EmptyVerb() *step.Verb {
	return &step.Verb{Name: "until empty", Target: "PORT[,PORT]", Options: []string{"at-most", "for", "min", "max", "ignore"},
		Does: "waits until all connections to these ports have been closed for 3s: pools, WebSockets, brokers", Parse: parseEmpty}
}

func parseEmpty(l *grammar.Line) (*step.Spec, error) {
	w, err := l.Target("a port", "5672")
	if err != nil {
		return nil, err
	}
	var e Empty
	if e.Ports, err = w.Ports(); err != nil {
		return nil, err
	}
	wait, err := watchTime(l)
	if err != nil {
		return nil, err
	}
	e.Min = wait.Min
	for n := range l.Options {
		o := &l.Options[n]
		switch o.Key {
		case "at-most":
			e.AtMost, err = o.Count(0, "how many connections may be left")
		case "for":
			e.For, err = o.Positive()
		case "ignore":
			e.Ignore, err = prefixes(o)
		}
		if err != nil {
			return nil, err
		}
	}
	n := wait.Needs()
	n.Ports, n.Looks = e.Ports, e.window()
	return n.Spec(&e), nil
}

// Bind notes who listens, as until quiet does.
func (e *Empty) Bind(m *step.Means) (step.Deed, error) {
	bound := *e
	if !m.Elsewhere {
		bound.Noted, _ = NoteListeners() // Run says what it cannot see
	}
	return &bound, nil
}
