package step

import (
	"cmp"
	"time"

	"github.com/prestop/prestop/internal/grammar"
)

// CallTime is set aside for every call. If the waits leave room for it, AnswerTime is set aside instead. CallMost is how long a deed may
// take that waits for no answer.
const (
	CallTime   = time.Second
	AnswerTime = 5 * time.Second
	CallMost   = 30 * time.Second
	// LookTime is left for every wait for something, however late it begins.
	LookTime = time.Second
)

// WaitVerb is the step that only waits. The engine does that by itself.
func WaitVerb() *Verb {
	return &Verb{Name: "wait", Target: "DURATION", Does: "waits", Parse: func(l *grammar.Line) (*Spec, error) {
		w, err := l.Target("a duration", "20s")
		if err != nil {
			return nil, err
		}
		d, err := w.Duration()
		n := Needs{Least: d, Most: d, Waits: true}
		return n.Spec(Ready{}), err
	}}
}

// A Wait is the words that all waits for something have: min= and max=.
type Wait struct {
	Min    time.Duration // how long to look at least
	Max    time.Duration // from the hook's start
	HasMax bool
}

// WaitOf reads min= and max=.
func WaitOf(l *grammar.Line) (w Wait, err error) {
	if o, ok := l.Option("min"); ok {
		if w.Min, err = o.Duration(); err != nil {
			return w, err
		}
	}
	if o, ok := l.Option("max"); ok {
		w.HasMax = true
		w.Max, err = o.Duration()
	}
	return w, err
}

// Needs are the times of a wait for something. Its max counts from the hook's start.
func (w Wait) Needs() *Needs {
	return &Needs{Least: max(LookTime, w.Min), Most: w.Max, Early: max(0, LookTime-w.Min), FromStart: true, Guard: true, Default: !w.HasMax, Written: w.HasMax}
}

// CallNeeds are the times of a call that waits for its answer: it is open-ended. timeout bounds one try, most the whole step; 0: none
// was set.
func CallNeeds(timeout, most time.Duration) *Needs {
	return (&Needs{Least: CallTime, Want: cmp.Or(most, timeout, AnswerTime)}).Within(most)
}

// Within makes most the bound of the step. 0 leaves n as it is.
func (n *Needs) Within(most time.Duration) *Needs {
	if most > 0 {
		n.Least, n.Most, n.Written = min(n.Least, most), most, true
	}
	return n
}
