package drain

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

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
	return n.Spec(step.Ready{Deed: Closed{Port: ports[0], Min: wait.Min}}), nil
}

// Closed waits until nothing listens on the port any more. It is for a sidecar that must outlive the app. Something must have
// listened there once. Otherwise nobody can tell whether the listener has ended or the port is the wrong one.
type Closed struct {
	Port uint16
	Min  time.Duration
}

// Run looks four times a second. For its errors see [File.Run].
func (c Closed) Run(ctx context.Context, log *slog.Logger) error {
	listened := false
	p := poll{every: quietEvery, min: c.Min, look: func(context.Context) (sight, error) {
		ports, err := listening(c.Port)
		now := len(ports) > 0
		listened = listened || now
		switch {
		case err != nil:
			return sight{}, err
		case !listened:
			return sight{}, fmt.Errorf("nothing has listened on port %d since the step began; %s", c.Port, listeners())
		case now:
			return sight{says: fmt.Sprintf("port %d is listened on", c.Port)}, nil
		}
		return sight{met: true, says: fmt.Sprintf("nothing listens on port %d any more", c.Port)}, nil
	}}
	return p.run(ctx, log)
}

// listening gives those of the ports that have a listener. None given: all ports that have a listener.
func listening(among ...uint16) ([]uint16, error) {
	var found []uint16
	err := eachListener(among, func(a netip.AddrPort) { found = withPort(found, a.Port()) })
	return found, err
}

// Check says whether anything listens there now.
func (c Closed) Check(context.Context) ([]step.Finding, error) {
	ports, err := listening(c.Port)
	if err == nil && len(ports) == 0 {
		err = fmt.Errorf("nothing listens on port %d; %s", c.Port, listeners())
	}
	if err != nil {
		return nil, err
	}
	return []step.Finding{step.Found("listened on now")}, nil
}
