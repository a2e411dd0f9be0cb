package drain

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/sockdiag"
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

// Empty waits until every look of the last For saw no more than AtMost connections. It is for whatever keeps connections without
// payload and must end them: pools, WebSockets, brokers.
//
// A connection counts while it is established or half closed. Half closed means that one side has said that it sends no more, and
// a program still has the connection open. What comes and goes between two looks is not seen. If two looks are For apart or more,
// because the hook was paused, For begins anew.
type Empty struct {
	Ports  []uint16
	AtMost int
	For    time.Duration  // 0: 3 s
	Min    time.Duration  // how long to look at least
	Ignore []netip.Prefix // peers that do not count
	// Noted are the sockets that were listened on when the hook began: an app may close its listeners first.
	Noted Listeners
}

const emptyEvery = 500 * time.Millisecond

// Run looks twice a second. It fails at once if a port has no listener, had none when the hook began, and has no connections:
// such a port is always empty. For its other errors see [File.Run].
func (e *Empty) Run(ctx context.Context, log *slog.Logger) error {
	w, err := e.watch()
	if err != nil {
		return err
	}
	return w.run(ctx, log)
}

// Check says whether the ports are listened on, and how many connections there are now.
func (e *Empty) Check(ctx context.Context) ([]step.Finding, error) {
	w, err := e.watch()
	if err != nil {
		return nil, err
	}
	s, err := w.look(ctx)
	if err != nil {
		return nil, err
	}
	return []step.Finding{step.Found(s.says)}, nil
}

func (e *Empty) window() time.Duration { return cmp.Or(e.For, defaultFor) }

// emptyWatch is what is remembered from look to look.
type emptyWatch struct {
	*Empty
	each func(do func(local, remote netip.AddrPort)) error // the connections that there are now
	full time.Time                                         // when there last were too many, or nobody could see how many
	last time.Time                                         // when the last look was; zero: there was none
}

func (e *Empty) watch() (*emptyWatch, error) {
	w := &emptyWatch{Empty: e, full: time.Now(), each: e.eachOpen}
	return w, w.known()
}

// open are the states of a connection that somebody has open.
func open() []sockdiag.State {
	return []sockdiag.State{sockdiag.Established, sockdiag.FinWait1, sockdiag.FinWait2, sockdiag.CloseWait}
}

// eachOpen calls do for each connection to the ports that a program has open.
func (e *Empty) eachOpen(do func(local, remote netip.AddrPort)) error {
	dumped := func(s *sockdiag.Socket) {
		if s.State != sockdiag.FinWait2 || s.Known { // otherwise the program has closed it, and only the kernel waits for the peer
			do(s.Local, s.Remote)
		}
	}
	return eachSocket(e.Ports, open(), dumped, func() error { return procOpen(procTable, e.Ports, do) })
}

// procOpen is [Empty.eachOpen] without netlink. It cannot tell who has closed a connection. So a connection that its peer leaves half
// open counts for the minute that the kernel keeps it.
func procOpen(dir string, ports []uint16, do func(local, remote netip.AddrPort)) error {
	return procSockets(dir, func(s procSocket) {
		if slices.Contains(open(), s.state) && slices.Contains(ports, s.local.Port()) {
			do(s.local, s.remote)
		}
	})
}

// known fails if a port has no listener, had none when the hook began, and has no connections.
func (w *emptyWatch) known() error {
	found, err := listening(w.Ports...)
	if err != nil {
		return err
	}
	found = append(found, w.Noted.tcp()...)
	if err := w.each(func(local, _ netip.AddrPort) { found = append(found, local.Port()) }); err != nil {
		return err
	}
	if port := missing(w.Ports, found); port != 0 {
		return fmt.Errorf("%w: nothing listens on port %d, and nobody is connected to it; %s", ErrUnseen, port, listeners())
	}
	return nil
}

func (w *emptyWatch) run(ctx context.Context, log *slog.Logger) error {
	p := poll{every: emptyEvery, min: w.Min, watch: w.window(), rarely: quietSays, look: w.look}
	return p.run(ctx, log)
}

func (w *emptyWatch) look(context.Context) (sight, error) {
	now, n := time.Now(), 0
	peers := map[netip.Addr]int{}
	err := w.each(func(_, remote netip.AddrPort) {
		if peer := remote.Addr(); !within(w.Ignore, peer) {
			peers[peer]++
			n++
		}
	})
	unseen := !w.last.IsZero() && now.Sub(w.last) >= max(w.window(), 2*emptyEvery) // the hook was paused, or had no processor
	if err != nil || n > w.AtMost || unseen {
		w.full = now
	}
	w.last = now
	return sight{met: now.Sub(w.full) >= w.window(), says: connected(n, peers)}, err
}

// connected names the peer that has the most connections.
func connected(n int, peers map[netip.Addr]int) string {
	if n == 0 {
		return "0 connections"
	}
	most := highest(peers)
	return fmt.Sprintf("%d connections of %d peers, %d of them of %s", n, len(peers), peers[most], most)
}
