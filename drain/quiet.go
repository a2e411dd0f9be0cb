package drain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// Quiet is waited for until, for as long as For, no payload was carried on the ports and nobody was left without an
// answer. The kernel tells it: nothing is asked of the app, and nothing is in the data path.
//
// A handshake, an idle connection and one that is closed are no payload, so neither TCP health checks nor kept
// connections hold it. Connections that come and go between two looks are counted when they end.
type Quiet struct {
	Ports []uint16
	For   time.Duration // no payload for so long; 0: 3 s
	Min   time.Duration // how long to look at least
	// New: only connections that were opened meanwhile count, for an app that ends its connections well by itself and
	// clients that keep theirs.
	New bool
	// Allow is how many connections with payload in each For do not count, such as HTTP probes.
	Allow int
	// Unanswered is how long a connection counts whose last payload came from its client; 0: 15 s.
	Unanswered time.Duration
	Ignore     []netip.Prefix // peers that do not count
}

const (
	defaultFor        = 3 * time.Second
	defaultUnanswered = 15 * time.Second
	quietEvery        = 250 * time.Millisecond
)

// live are the states in which a connection may carry payload.
var live = []sockdiag.State{sockdiag.Established, sockdiag.FinWait1, sockdiag.FinWait2, sockdiag.CloseWait, sockdiag.LastAck, sockdiag.Closing}

// Run looks four times a second. It fails at once where a port has no listener, since nothing would be heard there; for
// its other errors see [File.Run].
func (q Quiet) Run(ctx context.Context, log *slog.Logger) error {
	w, err := q.watch()
	if errors.Is(err, sockdiag.ErrRefused) {
		return q.runProc(ctx, log, err)
	}
	if err != nil {
		return err
	}
	defer w.close()
	if err := q.listens(w.dump); err != nil {
		return err
	}
	q = q.withDefaults()
	p := poll{every: quietEvery, min: max(q.Min, q.For), rarely: 5 * time.Second, look: func(context.Context) (sight, error) { return w.look(q) }}
	return p.run(ctx, log)
}

func (q Quiet) withDefaults() Quiet {
	if q.For == 0 {
		q.For = defaultFor
	}
	if q.Unanswered == 0 {
		q.Unanswered = defaultUnanswered
	}
	return q
}

// Check says what goes on now.
func (q Quiet) Check(_ context.Context, log *slog.Logger) error {
	w, err := q.watch()
	if err != nil {
		return err
	}
	defer w.close()
	if err := q.listens(w.dump); err != nil {
		return err
	}
	s, err := w.look(q.withDefaults())
	if err == nil {
		log.Info("looked", "now", s.says)
	}
	return err
}

// listens fails unless each port has a listener.
func (q Quiet) listens(d *sockdiag.Dump) error {
	var found []uint16
	if err := d.Each([]sockdiag.State{sockdiag.Listen}, func(s sockdiag.Socket) { found = append(found, s.Local.Port()) }); err != nil {
		return err
	}
	for _, port := range q.Ports {
		if !slices.Contains(found, port) {
			return fmt.Errorf("could not see: nothing listens on port %d; %s", port, listeners())
		}
	}
	return nil
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

// trafficWatch is what is remembered from look to look.
type trafficWatch struct {
	dump  *sockdiag.Dump
	ended *sockdiag.Watch
	begun time.Time

	recent []time.Time     // last payload of connections that have ended, newest first, as many as are allowed and one
	lost   time.Time       // when it was not known what had ended
	known  map[uint64]bool // New: connections that are no new ones, and whether they are still there
	talk   talk            // of this look
}

// watch begins to listen before it looks, so that nothing is missed in between.
func (q Quiet) watch() (*trafficWatch, error) {
	ended, err := sockdiag.OpenWatch()
	if err != nil {
		return nil, err
	}
	dump, err := sockdiag.OpenDump(q.Ports...)
	if err != nil {
		ended.Close()
		return nil, err
	}
	w := &trafficWatch{dump: dump, ended: ended, begun: time.Now(), talk: talk{peers: make(map[netip.Addr]int)}}
	if q.New {
		w.known = make(map[uint64]bool)
		err = dump.Each(live, func(s sockdiag.Socket) { w.known[s.Cookie] = true })
	}
	return w, err
}

func (w *trafficWatch) close() {
	w.dump.Close()
	w.ended.Close()
}

// talk is what goes on at one moment.
type talk struct {
	connections int
	active      int // carried payload within For, or are owed an answer
	owed        int
	last        time.Duration // since the last payload, of those that count
	any         bool
	peers       map[netip.Addr]int // those of the active
}

func (w *trafficWatch) look(q Quiet) (sight, error) {
	clear(w.talk.peers)
	w.talk = talk{peers: w.talk.peers}
	now := time.Now()
	switch err := w.ended.Drain(func(s sockdiag.Socket) { w.end(q, now, s) }); {
	case errors.Is(err, sockdiag.ErrLost):
		w.lost = now
	case err != nil:
		return sight{}, err
	}
	if err := w.dump.Each(live, func(s sockdiag.Socket) { w.meet(q, s) }); err != nil {
		return sight{}, err
	}
	for _, at := range w.recent {
		if now.Sub(at) < q.For {
			w.talk.active++
		}
	}
	lost := !w.lost.IsZero() && now.Sub(w.lost) < q.For
	return sight{w.talk.active <= q.Allow && !lost, w.talk.says(lost)}, nil
}

// counts tells whether a socket is a connection that matters and has carried payload.
func (w *trafficWatch) counts(q Quiet, s sockdiag.Socket) bool {
	return s.Received+s.Sent > 0 && !w.known[s.Cookie] && !q.ignores(s.Remote.Addr())
}

func (q Quiet) ignores(peer netip.Addr) bool {
	return slices.ContainsFunc(q.Ignore, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// end remembers when a connection that is no more carried its last payload.
func (w *trafficWatch) end(q Quiet, now time.Time, s sockdiag.Socket) {
	counts := w.counts(q, s)
	delete(w.known, s.Cookie)
	if !counts || !slices.Contains(q.Ports, s.Local.Port()) {
		return
	}
	w.recent = append(w.recent, now.Add(-lastPayload(s)))
	slices.SortFunc(w.recent, func(a, b time.Time) int { return b.Compare(a) })
	w.recent = w.recent[:min(len(w.recent), q.Allow+1)]
}

// meet takes a connection into account that is there.
func (w *trafficWatch) meet(q Quiet, s sockdiag.Socket) {
	if q.ignores(s.Remote.Addr()) {
		return
	}
	w.talk.connections++
	if !w.counts(q, s) {
		return
	}
	age := lastPayload(s)
	if !w.talk.any || age < w.talk.last {
		w.talk.any, w.talk.last = true, age
	}
	owed := unanswered(s) && s.SinceReceived < q.Unanswered
	if owed {
		w.talk.owed++
	}
	if owed || age < q.For {
		w.talk.active++
		w.talk.peers[s.Remote.Addr()]++
	}
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

// unanswered tells whether the last payload came from the client. Both may be of one tick of the kernel's clock: then it
// was the answer if the client acknowledged something later, or has asked only once.
func unanswered(s sockdiag.Socket) bool {
	switch {
	case s.Received == 0:
		return false
	case s.Sent == 0 || s.SinceReceived < s.SinceSent:
		return true
	case s.SinceReceived > s.SinceSent:
		return false
	}
	return s.SinceAck >= s.SinceReceived && s.Received > 1
}

func (t talk) says(lost bool) string {
	text := fmt.Sprintf("%d of %d connections carry traffic", t.active, max(t.active, t.connections))
	if t.owed > 0 {
		text += fmt.Sprintf(", %d of them wait for an answer", t.owed)
	}
	if len(t.peers) > 0 {
		text += ", from " + t.who()
	}
	if t.any {
		text += fmt.Sprintf("; last payload %s ago", t.last.Round(100*time.Millisecond))
	}
	if lost {
		text += "; more connections ended than the kernel could tell of"
	}
	return text
}

// who names the peers with most connections.
func (t talk) who() string {
	const most = 3
	peers := make([]netip.Addr, 0, len(t.peers))
	for p := range t.peers {
		peers = append(peers, p)
	}
	slices.SortFunc(peers, func(a, b netip.Addr) int {
		if t.peers[a] != t.peers[b] {
			return t.peers[b] - t.peers[a]
		}
		return a.Compare(b)
	})
	var names []string
	for _, p := range peers[:min(len(peers), most)] {
		names = append(names, p.String())
	}
	if len(peers) > most {
		names = append(names, fmt.Sprintf("%d more", len(peers)-most))
	}
	return strings.Join(names, ", ")
}
