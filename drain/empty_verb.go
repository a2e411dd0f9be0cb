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

// emptySpec is an Empty as its step describes it.
type emptySpec struct {
	empty Empty // without its Min
	wait  step.Wait
}

func parseEmpty(l *grammar.Line) (step.Spec, error) {
	w, err := l.Target("a port", "5672")
	if err != nil {
		return nil, err
	}
	e := new(emptySpec)
	if e.empty.Ports, err = w.Ports(); err != nil {
		return nil, err
	}
	if e.wait, err = watchTime(l); err != nil {
		return nil, err
	}
	for n := range l.Options {
		o := &l.Options[n]
		switch o.Key {
		case "at-most":
			e.empty.AtMost, err = o.Count(0, "how many connections may be left")
		case "for":
			e.empty.For, err = o.Positive()
		case "ignore":
			e.empty.Ignore, err = prefixes(o)
		}
		if err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *emptySpec) Needs() step.Needs {
	n := e.wait.Needs()
	n.Ports, n.Looks = e.empty.Ports, e.empty.window()
	return n
}

// Bind notes who listens, as until quiet does.
func (e *emptySpec) Bind(m *step.Means) (step.Deed, error) {
	empty := e.empty
	empty.Min = e.wait.Min
	if !m.Elsewhere {
		empty.Noted, _ = NoteListeners() // Run says what it cannot see
	}
	return &empty, nil
}
