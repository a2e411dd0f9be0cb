package shutdown

import (
	"syscall"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// SignalVerb is the step that signals the container's main process.
func SignalVerb() *step.Verb {
	return &step.Verb{Name: "signal", Target: "NAME", Options: []string{"wait"},
		Does: "signals the container's main process and waits for its end, or with wait=false does not", Parse: parseSignal}
}

// signalSpec is a Signal as its step describes it.
type signalSpec struct {
	name   *grammar.Word
	signal syscall.Signal
	wait   bool
}

func parseSignal(l *grammar.Line) (step.Spec, error) {
	w, err := l.Target("a signal", "QUIT")
	if err != nil {
		return nil, err
	}
	s := &signalSpec{name: w, wait: true}
	if s.signal, err = ParseSignal(w.Text); err != nil {
		return nil, w.Refused(err, "expected a signal's name or number, got "+w.Got())
	}
	if o, ok := l.Option("wait"); ok {
		if s.wait, err = o.Bool(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Needs has no bound if the step waits for the process to end: only the process decides how long that takes.
func (s *signalSpec) Needs() step.Needs {
	n := step.Needs{Least: step.CallTime, Signal: s.signal}
	switch {
	case s.wait:
		n.Ends = step.EndsContainer
	case SignalEnds(s.signal):
		n.Ends, n.Most, n.Returns = step.EndsProcess, step.CallMost, true
	default:
		n.Most = step.CallMost
	}
	return n
}

// SignalEnds tells whether programs are told to end by this signal.
func SignalEnds(s syscall.Signal) bool {
	switch s {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL:
		return true
	}
	return false
}

func (s *signalSpec) Bind(m *step.Means) (step.Deed, error) {
	if !m.InPod && !m.DryRun {
		return nil, s.name.Expected("expected to run in a pod, where KUBERNETES_SERVICE_HOST is set: anywhere else it would end the session that it was called from")
	}
	return &Signal{Signal: s.signal, NoWait: !s.wait, release: m.Release}, nil
}
