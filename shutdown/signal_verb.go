package shutdown

import (
	"syscall"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// SignalVerb is the step that signals the container's main process.
func SignalVerb() *step.Verb {
	return &step.Verb{Name: "signal", Target: "NAME", Options: []string{"wait"},
		Does: "signals the container's main process and waits for its end, unless wait=false", Parse: parseSignal}
}

func parseSignal(l *grammar.Line) (*step.Spec, error) {
	w, err := l.Target("a signal", "QUIT")
	if err != nil {
		return nil, err
	}
	s := &signalSpec{name: w}
	if s.signal.Signal, err = ParseSignal(w.Text); err != nil {
		return nil, w.Refused(err, "expected a signal's name or number, got "+w.Got())
	}
	wait := true
	if o, ok := l.Option("wait"); ok {
		if wait, err = o.Bool(); err != nil {
			return nil, err
		}
	}
	s.signal.NoWait = !wait
	n := step.Needs{Least: step.CallTime, Signal: s.signal.Signal}
	switch {
	case wait: // without a bound: only the process decides how long it takes to end
		n.Ends = step.EndsContainer
	case SignalEnds(n.Signal):
		n.Ends, n.Most, n.Returns = step.EndsProcess, step.CallMost, true
	default:
		n.Most = step.CallMost
	}
	return n.Spec(s), nil
}

// signalSpec is a Signal as its step describes it.
type signalSpec struct {
	name   *grammar.Word
	signal Signal
}

func (s *signalSpec) Bind(m *step.Means) (step.Deed, error) {
	if !m.InPod && !m.DryRun {
		return nil, s.name.Expected("expected to run in a pod, where KUBERNETES_SERVICE_HOST is set: anywhere else it would end the session that it was called from")
	}
	return &Signal{Signal: s.signal.Signal, NoWait: s.signal.NoWait, release: m.Release}, nil
}

// SignalEnds tells whether programs are told to end by this signal.
func SignalEnds(s syscall.Signal) bool {
	switch s {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL:
		return true
	}
	return false
}
