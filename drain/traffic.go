package drain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// traffic is what is known of the connections of some ports, from look to look.
type traffic struct {
	Quiet
	log   *slog.Logger // nil: nobody is told who was given up
	dump  *sockdiag.Dump
	ended *sockdiag.Watch
	udp   *datagrams // nil: datagrams do not count
	begun time.Time
	noted []uint16 // the TCP ports that were listened on when the hook began

	known map[uint64]history // the connections that are there, by cookie
	round uint32             // number of the look
	first uint32             // number of the first look of Run that saw everything
	past  pace               // connections that have ended
	lost  time.Time          // when the kernel last could not tell what had ended
	full  bool               // in the last look so many clients waited to be accepted that the kernel kept others out
	since time.Time          // when full last changed; zero: never
	talk  talk

	greetings map[uint16]greeting // of the ports, in this look
	doubtful  int                 // active connections about which a handshake of our own may tell more
	doubt     netip.AddrPort      // the local address of one of them
	seen      sight               // what the last look saw
	due       time.Time           // when the next look is due
	expires   time.Duration       // how long until the first connection that waits is given up
}

// live are the states in which a connection may carry payload.
var live = []sockdiag.State{sockdiag.Established, sockdiag.FinWait1, sockdiag.FinWait2, sockdiag.CloseWait, sockdiag.LastAck, sockdiag.Closing}

// watch begins to listen before it looks, so that nothing is missed in between.
func (q *Quiet) watch() (*traffic, error) {
	ports := q.Ports
	if len(ports) == 0 { // datagrams alone; no port would be all ports
		ports = []uint16{0}
	}
	ended, err := sockdiag.OpenWatch(ports...)
	if err != nil {
		return nil, err
	}
	dump, err := sockdiag.OpenDump(ports...)
	if err != nil {
		ended.Close()
		return nil, err
	}
	t := q.glimpsed
	if t == nil {
		t = q.traffic()
	}
	t.dump, t.ended, t.first = dump, ended, t.round+1
	if len(q.UDPPorts) > 0 {
		t.udp = &datagrams{dir: procTable}
	}
	connections, err := t.listens()
	if err != nil {
		t.close()
		return nil, err
	}
	if t.known == nil {
		t.remember(connections)
	}
	return t, nil
}

func (q *Quiet) traffic() *traffic {
	return &traffic{Quiet: *q, begun: time.Now(), noted: q.Noted.tcp(), talk: newTalk(), greetings: make(map[uint16]greeting)}
}

// Note notes who listens and who waits now. The hook calls it before its first step. An app that is told to shut down may stop
// listening, and what it and its clients say then may look like an answer. Without Note, Run knows only what is there when it begins.
// Note may begin a handshake of its own, which end ends. If Note cannot see something, Run says so.
func (q *Quiet) Note() (end func()) {
	q.Noted, _ = NoteListeners()
	if q.probing == nil {
		q.probing = new(prober)
	}
	q.glimpsed = q.glimpse()
	return q.probing.close
}

// remember makes room for so many connections at once. A map that grows takes half as much memory again.
func (t *traffic) remember(connections int) { t.known = make(map[uint64]history, connections) }

// glimpse is one look at the connections. Nil: not all ports can be seen.
func (q *Quiet) glimpse() *traffic {
	q, err := q.ready()
	if err != nil || len(q.Ports) == 0 {
		return nil
	}
	dump, err := sockdiag.OpenDump(q.Ports...)
	if err != nil {
		return nil
	}
	defer dump.Close()
	t, now := q.traffic(), time.Now()
	t.dump, t.round, t.first = dump, 1, 1
	connections, err := t.listens()
	if err != nil {
		return nil
	}
	t.remember(connections)
	if err := t.hear(now); err != nil {
		return nil
	}
	if err := dump.Each(live, func(s *sockdiag.Socket) { t.meet(now, s) }); err != nil {
		return nil
	}
	t.askIfDoubtful()
	return t
}

func (t *traffic) advice() string { return t.talk.advice(t.Protocol) }

func (t *traffic) close() {
	t.sayGivenUp(time.Now(), 0)
	t.dump.Close()
	t.ended.Close()
}

// listens fails unless each port has a listener, or had one when the hook began, or has connections. It counts the connections.
func (t *traffic) listens() (connections int, err error) {
	found := slices.Clone(t.noted)
	told := true
	err = t.dump.Each(append([]sockdiag.State{sockdiag.Listen}, live...), func(s *sockdiag.Socket) {
		found = withPort(found, s.Local.Port())
		told = told && (s.Known || s.State != sockdiag.Listen)
		if s.State != sockdiag.Listen {
			connections++
		}
	})
	switch port := missing(t.Ports, found); {
	case err != nil:
		return 0, err
	case port != 0:
		return 0, fmt.Errorf("%w: nothing listens on port %d; %s", ErrUnseen, port, listeners())
	case !told:
		return 0, fmt.Errorf("%w: it does not count segments with payload", sockdiag.ErrRefused)
	}
	return connections, t.bound()
}

// bound fails unless a UDP socket is bound to each UDP port, or was when the hook began.
func (q *Quiet) bound() error {
	if len(q.UDPPorts) == 0 {
		return nil
	}
	found := q.Noted.ports(func(one Listener) bool { return one.UDP })
	for _, u := range udpSockets(procTable) {
		found = append(found, u.local.Port())
	}
	if port := missing(q.UDPPorts, found); port != 0 {
		return fmt.Errorf("%w: no UDP socket is bound to port %d", ErrUnseen, port)
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

// look first takes the connections that are open. A connection that ends meanwhile is then found among the ended ones. If a look
// takes long, there are fewer looks while the traffic plainly cannot be over.
func (t *traffic) look(context.Context) (sight, error) {
	now := time.Now()
	if now.Before(t.due) {
		return t.seen, t.drain(now)
	}
	t.round++
	t.doubtful, t.expires = 0, math.MaxInt64
	t.talk.begin(now.Add(-t.For))
	t.past.forget(now.Add(-t.For))
	err := t.hear(now)
	if err == nil {
		err = t.dump.Each(live, func(s *sockdiag.Socket) { t.meet(now, s) })
	}
	if err != nil {
		if t.round == t.first {
			t.first++
		}
		return sight{}, err
	}
	if err := t.drain(now); err != nil {
		return sight{}, err
	}
	t.talk.ended = t.past.count() + t.vanished(now)
	t.talk.lost = !t.lost.IsZero() && now.Sub(t.lost) < t.For
	t.talk.full = !t.since.IsZero() && now.Sub(t.since) < t.patience(nothing, greeting{})
	t.askIfDoubtful()
	t.sayGivenUp(now, quietSays)
	met := t.talk.active+t.talk.ended <= t.Allow && t.talk.owed == 0 && !t.talk.lost && !t.talk.full
	if t.udp != nil {
		silent, err := t.udp.silent(now, t.For, &t.talk)
		if err != nil {
			return sight{}, err
		}
		met = met && silent
	}
	says, more := t.talk.says()
	t.seen = sight{met, says, more}
	t.due = now.Add(t.rest(now))
	return t.seen, nil
}

// hear brings together what is known of each port in this look.
func (t *traffic) hear(now time.Time) error {
	var listening []uint16
	full := false
	err := t.dump.Each([]sockdiag.State{sockdiag.Listen}, func(s *sockdiag.Socket) {
		listening = append(listening, s.Local.Port())
		full = full || s.Full
	})
	if err != nil {
		return err
	}
	if full != t.full { // the queue of an app that hangs stays full, and nobody is answered
		t.full, t.since = full, now
	}
	for _, port := range t.Ports {
		g := t.probing.greeting(port)
		if g.known && !t.greetings[port].known && t.log != nil {
			t.log.Info("learned from a handshake of our own, without a request", "port", port, "tls", g.tls, "http2", g.http2, "bytes", g.bytes)
		}
		g.stopped = slices.Contains(t.noted, port) && !slices.Contains(listening, port)
		t.greetings[port] = t.speaks(g)
	}
	return nil
}

// rest is how long no other look is needed. A look at ten thousand connections takes the kernel about 13 ms, and comes once a
// second. The rest ends before the traffic might be over.
func (t *traffic) rest(now time.Time) time.Duration {
	const each, longest = 100 * time.Microsecond, time.Second
	rest := min(time.Duration(t.talk.connections)*each, longest)
	if rest <= quietEvery || t.Allow > 0 || t.talk.active+t.talk.ended == 0 {
		return 0
	}
	over := t.For - now.Sub(t.talk.last) // without payload from now on
	if t.talk.owed > 0 {
		over = min(t.For, t.expires)
	}
	return min(rest, over-quietEvery)
}

// askIfDoubtful begins a handshake of our own if it may tell more about all connections that count.
func (t *traffic) askIfDoubtful() {
	if t.doubtful > 0 && t.doubtful == t.talk.active {
		t.ask(t.doubt)
	}
}

// ask begins a handshake of our own, if it may. It tells whether one is under way.
func (t *traffic) ask(to netip.AddrPort) bool { return !t.NoProbe && t.probing.ask(to) }

// drain takes the connections into account that have ended.
func (t *traffic) drain(now time.Time) error {
	err := t.ended.Drain(func(s *sockdiag.Socket) { t.end(now, s) })
	if errors.Is(err, sockdiag.ErrLost) {
		t.lost = now
		return nil
	}
	return err
}

// vanished is how many connections are gone while nobody knows yet what they carried last. The kernel announces the end of a
// connection a moment later, and on a busy machine long after. If the connection was reset, the kernel announces it only when the app has
// noticed. A connection that stays unannounced is dropped after patience looks, but not before its last payload is long ago.
func (t *traffic) vanished(now time.Time) int {
	const patience = 2 // looks
	n := 0
	for cookie, h := range t.known {
		switch missed := t.round - h.round; {
		case missed == 0:
		case missed > patience && now.Sub(t.begun.Add(h.active.since())) >= t.For,
			!h.counts, t.round == t.first: // what ended before Run began was not announced to it
			delete(t.known, cookie)
		default:
			n++
		}
	}
	return n
}

// meet takes an open connection into account.
func (t *traffic) meet(now time.Time, s *sockdiag.Socket) {
	if within(t.Ignore, s.Remote.Addr()) || t.probing.mine(s.Remote) {
		return
	}
	t.talk.connections++
	clock, greeting := time.Since(t.begun), t.greetings[s.Local.Port()] // the kernel has looked just now, on a busy machine long after the look began
	greeting.age = clock - now.Sub(t.begun)
	h := t.recall(s, greeting)
	h.note(clock, s, greeting, &t.Quiet)
	asked, claim := h.look(clock, s, greeting)
	h.round, h.counts = t.round, t.counts(s, h.old)
	patience := t.patience(claim, greeting)
	left := patience - (clock - asked)
	owed := claim != nothing && (left > 0 || patience == 0) || t.undelivered(s)
	// Until the port has told what it speaks, this may be a request, however old it is. So the port is asked also if others are active.
	asking := h.counts && h.opening && (greeting.asking || t.ask(s.Local)) && claim != nothing && t.Unanswered == 0
	if h.counts {
		t.carries(now, s, &h, claim, owed || asking)
		if owed && claim != nothing {
			t.waits(s, greeting, patience, left)
		}
	}
	h.owed = owed || asking && h.owed // what was too old before anybody looked is not given up
	t.known[s.Cookie] = h
}

// recall is what is remembered of a connection. What was noted when the hook began is dropped if payload went since, because nobody
// looked meanwhile.
func (t *traffic) recall(s *sockdiag.Socket, g greeting) history {
	h, met := t.known[s.Cookie]
	switch {
	case !met:
		return newHistory(t.round <= t.first)
	case t.round == t.first && !h.holds(s, g):
		return newHistory(true)
	}
	return h
}

// carries takes into account when a connection has carried payload last, and whether its client is given up in this look.
func (t *traffic) carries(now time.Time, s *sockdiag.Socket, h *history, c claim, owed bool) {
	switch {
	case owed:
		h.given = false
	case !h.given && (h.owed || c == waiting) && canAnswer(s) && (c != nothing || s.Unacked > 0):
		h.given = true
		t.talk.given[s.Remote.Addr()]++
	}
	last := t.begun.Add(h.active.since())
	t.talk.carried(last)
	if !owed && now.Sub(last) >= t.For {
		return
	}
	t.talk.add(s.Remote.Addr(), last, owed, h.old)
	if h.little && h.old && !owed {
		t.talk.little++
	}
}

// waits takes a client into account that waits for an answer: when it is given up, and whether a handshake of our own may tell more.
func (t *traffic) waits(s *sockdiag.Socket, g greeting, patience, left time.Duration) {
	if patience > 0 {
		t.expires = min(t.expires, left)
	}
	if !g.known && s.Sent > 0 && s.Received > 1 && s.BytesReceived >= shortestHello {
		t.doubtful++
		t.doubt = s.Local
	}
}

// end remembers when a connection that has ended carried its last payload.
func (t *traffic) end(now time.Time, s *sockdiag.Socket) {
	if t.probing.mine(s.Remote) {
		return
	}
	h, met := t.known[s.Cookie]
	delete(t.known, s.Cookie)
	if forgotten(s) {
		s.Received, s.SinceReceived = 1, 0
	}
	if !t.counts(s, h.old) || !slices.Contains(t.Ports, s.Local.Port()) {
		return
	}
	at, parting := now.Add(-lastPayload(s)), h.parting(s)
	greeting := t.greetings[s.Local.Port()]
	if parting && !greeting.known {
		t.ask(s.Local)
	}
	closes := parting && (greeting.tls || greeting.http2 || t.Protocol == WebSocket)
	if closes || met && h.settled && h.received == s.Received && h.sent == s.Sent {
		at = t.begun.Add(min(h.active, h.last).since())
	}
	t.talk.carried(at)
	if now.Sub(at) < t.For {
		t.past.add(at)
		t.talk.left(s.Remote.Addr(), at, met && h.old)
	}
}

// sayGivenUp logs who was given up, if the log last did so at least often ago.
func (t *traffic) sayGivenUp(now time.Time, often time.Duration) {
	if t.log == nil || len(t.talk.given) == 0 || now.Sub(t.talk.told) < often {
		return
	}
	var after time.Duration
	for _, g := range t.greetings {
		after = max(after, t.patience(maybe, g))
	}
	t.log.Warn(t.talk.givenUp(after), "event.code", "gave-up-on-connections")
	t.talk.told = now
	clear(t.talk.given)
}

// forgotten tells whether the kernel had wiped out a connection's counters when it announced the end. It does so if the client
// speaks Multipath TCP. The client's port is gone then too.
func forgotten(s *sockdiag.Socket) bool {
	return s.Remote.Port() == 0 && !s.Remote.Addr().IsUnspecified()
}

// counts tells whether a connection has carried payload, and matters.
func (t *traffic) counts(s *sockdiag.Socket, old bool) bool {
	return s.Received+s.Sent > 0 && !(t.New && old) && !within(t.Ignore, s.Remote.Addr())
}

// undelivered tells whether there is payload that the client does not take, though it is alive.
func (t *traffic) undelivered(s *sockdiag.Socket) bool {
	most := t.patience(nothing, greeting{})
	return s.Unacked > 0 && s.SinceSent < most && s.SinceAck < most
}
