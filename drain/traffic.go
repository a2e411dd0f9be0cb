package drain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// traffic is what is known of the connections of some ports, from look to look.
type traffic struct {
	Quiet
	dump  *sockdiag.Dump
	ended *sockdiag.Watch
	begun time.Time

	known map[uint64]history // the connections that are there, by cookie
	round uint32             // of the looks
	past  pace               // connections that have ended
	lost  time.Time          // when it was not known what had ended
	talk  talk
}

// live are the states in which a connection may carry payload.
var live = []sockdiag.State{sockdiag.Established, sockdiag.FinWait1, sockdiag.FinWait2, sockdiag.CloseWait, sockdiag.LastAck, sockdiag.Closing}

// watch begins to listen before it looks, so that nothing is missed in between.
func (q Quiet) watch() (*traffic, error) {
	ended, err := sockdiag.OpenWatch(q.Ports...)
	if err != nil {
		return nil, err
	}
	dump, err := sockdiag.OpenDump(q.Ports...)
	if err != nil {
		ended.Close()
		return nil, err
	}
	t := &traffic{Quiet: q, dump: dump, ended: ended, begun: time.Now(), known: make(map[uint64]history), talk: newTalk()}
	if err := t.listens(); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *traffic) close() {
	t.dump.Close()
	t.ended.Close()
}

// listens fails unless each port has a listener.
func (t *traffic) listens() error {
	var found []uint16
	told := true
	err := t.dump.Each([]sockdiag.State{sockdiag.Listen}, func(s sockdiag.Socket) {
		found = append(found, s.Local.Port())
		told = told && s.Known
	})
	switch port := missing(t.Ports, found); {
	case err != nil:
		return err
	case port != 0:
		return fmt.Errorf("could not see: nothing listens on port %d; %s", port, listeners())
	case !told:
		return fmt.Errorf("%w: it does not count segments with payload", sockdiag.ErrRefused)
	}
	return nil
}

// missing is the first of the ports that was not found, or 0.
func missing(ports, found []uint16) uint16 {
	for _, port := range ports {
		if !slices.Contains(found, port) {
			return port
		}
	}
	return 0
}

// listeners names the ports on which anything listens.
func listeners() string {
	ports, err := listening()
	switch {
	case err != nil:
		return err.Error()
	case len(ports) == 0:
		return "nothing listens on any port of this network namespace"
	}
	return "there are listeners on " + strings.Trim(fmt.Sprint(ports), "[]")
}

// look takes those that are there first: a connection that ends meanwhile is then among the ended.
func (t *traffic) look(context.Context) (sight, error) {
	now := time.Now()
	t.round++
	t.talk.begin(now.Add(-t.For))
	t.past.forget(now.Add(-t.For))
	if err := t.dump.Each(live, func(s sockdiag.Socket) { t.meet(now, s) }); err != nil {
		return sight{}, err
	}
	switch err := t.ended.Drain(func(s sockdiag.Socket) { t.end(now, s) }); {
	case errors.Is(err, sockdiag.ErrLost):
		t.lost = now
	case err != nil:
		return sight{}, err
	}
	t.talk.ended = t.past.count() + t.vanished()
	t.talk.lost = !t.lost.IsZero() && now.Sub(t.lost) < t.For
	return sight{t.talk.active+t.talk.ended <= t.Allow && t.talk.owed == 0 && !t.talk.lost, t.talk.says(now)}, nil
}

// vanished is how many connections are no more without it having been told what they carried last. The kernel tells it a
// moment later, but of those that were reset only when the app has noticed: they are dropped then.
func (t *traffic) vanished() int {
	const patience = 2 // looks
	n := 0
	for cookie, h := range t.known {
		switch missed := t.round - h.round; {
		case missed == 0:
		case missed > patience || !h.counts:
			delete(t.known, cookie)
		default:
			n++
		}
	}
	return n
}

// meet takes a connection into account that is there.
func (t *traffic) meet(now time.Time, s sockdiag.Socket) {
	h, met := t.known[s.Cookie]
	if !met {
		h = newHistory(t.round == 1)
	}
	clock := now.Sub(t.begun)
	asked, waits := h.look(clock, s)
	owed := waits && clock-asked < t.Unanswered || t.undelivered(s)
	h.round, h.counts = t.round, t.counts(s, h.old)
	t.known[s.Cookie] = h
	if !t.ignores(s.Remote.Addr()) {
		t.talk.connections++
	}
	if !h.counts {
		return
	}
	age := lastPayload(s)
	t.talk.carried(now.Add(-age))
	if owed || age < t.For {
		t.talk.add(s.Remote.Addr(), now.Add(-age), owed, h.old)
	}
}

// end remembers when a connection that is no more carried its last payload.
func (t *traffic) end(now time.Time, s sockdiag.Socket) {
	h := t.known[s.Cookie]
	delete(t.known, s.Cookie)
	if forgotten(s) {
		s.Received, s.SinceReceived = 1, 0
	}
	if !t.counts(s, h.old) || h.parting(s) || !slices.Contains(t.Ports, s.Local.Port()) {
		return
	}
	at := now.Add(-lastPayload(s))
	t.talk.carried(at)
	if now.Sub(at) < t.For {
		t.past.add(at)
		t.talk.left(s.Remote.Addr(), at)
	}
}

// forgotten tells whether the kernel has wiped out what a connection carried before it told of its end, as it does where the
// client talks Multipath TCP. Of the client's address the port is gone then.
func forgotten(s sockdiag.Socket) bool {
	return s.Remote.Port() == 0 && !s.Remote.Addr().IsUnspecified()
}

// counts tells whether a connection matters that has carried payload.
func (t *traffic) counts(s sockdiag.Socket, old bool) bool {
	return s.Received+s.Sent > 0 && !(t.New && old) && !t.ignores(s.Remote.Addr())
}

// undelivered tells whether there is payload that the client does not take, though it is alive.
func (t *traffic) undelivered(s sockdiag.Socket) bool {
	return s.Unacked > 0 && s.SinceSent < t.Unanswered && s.SinceAck < t.Unanswered
}

// lastPayload is how long ago the last payload went either way.
func lastPayload(s sockdiag.Socket) time.Duration {
	switch {
	case s.Received == 0:
		return s.SinceSent
	case s.Sent == 0:
		return s.SinceReceived
	}
	return min(s.SinceReceived, s.SinceSent)
}

// checked is one look for Check, by whatever there is to look with; refused says why it sees less.
func (q Quiet) checked() (look func(context.Context) (sight, error), refused, err error) {
	t, err := q.watch()
	if errors.Is(err, sockdiag.ErrRefused) {
		w := newProcWatch(q, procTable)
		return w.look, err, w.listens()
	}
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) (sight, error) { defer t.close(); return t.look(ctx) }, nil, nil
}
