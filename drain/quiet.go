package drain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/sockdiag"
	"github.com/prestop/prestop/internal/step"
)

// quietMin is how long a wait that watches connections looks at least. Until then, the rest of the cluster may not have heard that
// the pod ends. A shorter max= of the step takes precedence.
const quietMin = 10 * time.Second

func watchTime(l *grammar.Line) (step.Wait, error) {
	w, err := step.WaitOf(l)
	if _, given := l.Option("min"); !given {
		w.Min = quietMin
		if w.HasMax {
			w.Min = min(quietMin, w.Max)
		}
	}
	return w, err
}

// QuietVerb is the step that waits for silence. The steps that one such verb reads make their handshakes together.
func QuietVerb() *step.Verb {
	probing := new(prober)
	return &step.Verb{Name: "until quiet", Target: "[PORT[/udp],…] [http2|websocket|sse|tls]", Options: []string{"for", "min", "max", "traffic", "allow", "unanswered", "ignore", "probe"},
		Does:  "waits until no payload has gone over these ports for 3s, and nobody waits for an answer; seen in the kernel",
		Parse: func(l *grammar.Line) (*step.Spec, error) { return parseQuiet(l, probing) }}
}

func parseQuiet(l *grammar.Line, probing *prober) (*step.Spec, error) {
	wait, err := watchTime(l)
	if err != nil {
		return nil, err
	}
	q := Quiet{Min: wait.Min, Max: wait.Max, probing: probing}
	if wait.Max > 0 {
		q.Max = max(wait.Max, wait.Min)
	}
	for n := range l.Targets {
		if err := q.target(n, &l.Targets[n]); err != nil {
			return nil, err
		}
	}
	for n := range l.Options {
		if err := q.option(&l.Options[n]); err != nil {
			return nil, err
		}
	}
	if len(q.UDPPorts) > 0 && len(q.Ports) == 0 {
		q.doubtOptions(l)
	}
	n := wait.Needs()
	n.Ports, n.UDP = slices.Concat(q.Ports, q.UDPPorts), q.UDPPorts
	n.Quiet = &step.Quiet{For: q.window(), Allow: q.Allow, New: q.New, Peers: len(q.Ignore) > 0}
	if wait.Max == 0 || wait.Min < wait.Max { // otherwise a plain wait
		n.Looks = n.Quiet.For
	}
	return n.Spec(&q), nil
}

// Bind notes who listens and who waits, since an app may stop listening as soon as a step before this one has told it to shut down.
func (q *Quiet) Bind(m *step.Means) (step.Deed, error) {
	bound := *q
	if m.Elsewhere || m.DryRun {
		bound.probing = nil
		return &bound, nil
	}
	m.Keep(bound.Note())
	return &bound, nil
}

// doubtOptions doubts what has no effect on datagrams alone. The kernel counts them together, and does not say who sent them.
func (q *Quiet) doubtOptions(l *grammar.Line) {
	const doubt = "%s has no effect on datagrams alone"
	if q.Protocol != "" {
		l.Doubt(grammar.OptionUnused, doubt, q.Protocol)
	}
	for _, o := range l.Options {
		if slices.Contains([]string{"traffic", "allow", "unanswered", "ignore", "probe"}, o.Key) {
			l.Doubt(grammar.OptionUnused, doubt, o.Key+"=")
		}
	}
}

// target reads the ports, which come first, or the protocol that is spoken there.
func (q *Quiet) target(n int, w *grammar.Word) error {
	switch p := Protocol(w.Text); p {
	case HTTP2, WebSocket, SSE, TLS:
		if q.Protocol != "" {
			return w.Expected("expected an option or the end of the step, got %s", w.Got())
		}
		q.Protocol = p
		return nil
	}
	if n > 0 {
		return w.Expected("expected http2 (gRPC too), websocket, sse, tls or an option after the ports; HTTP/3 is a port, as in 443/udp; got %s", w.Got())
	}
	for _, text := range strings.Split(w.Text, ",") {
		number, datagrams := strings.CutSuffix(text, "/udp")
		port, err := strconv.ParseUint(strings.TrimSuffix(number, "/tcp"), 10, 16)
		if err != nil || port == 0 {
			return w.Expected("expected ports from 1 to 65535, as in until quiet 8080 or until quiet 443,443/udp, got %s", w.Got())
		}
		if datagrams {
			q.UDPPorts = append(q.UDPPorts, uint16(port))
		} else {
			q.Ports = append(q.Ports, uint16(port))
		}
	}
	return nil
}

func (q *Quiet) option(o *grammar.Option) (err error) {
	switch o.Key {
	case "for":
		q.For, err = o.Positive()
	case "unanswered":
		q.Unanswered, err = o.Positive()
	case "traffic":
		if o.Value != "any" && o.Value != "new" {
			return o.Expected("traffic: expected any or new, got %s", o.Got())
		}
		q.New = o.Value == "new"
	case "allow":
		q.Allow, err = o.Count(0, "how many connections do not count")
	case "ignore":
		q.Ignore, err = prefixes(o)
	case "probe":
		probe := false
		probe, err = o.Bool()
		q.NoProbe = !probe
	}
	return err
}

// prefixes reads CIDR,CIDR. An address alone is allowed too. IPv4 written as IPv6 becomes IPv4, like the peers' addresses.
func prefixes(o *grammar.Option) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range strings.Split(o.Value, ",") {
		p, err := netip.ParsePrefix(text)
		if a, errAddress := netip.ParseAddr(text); errAddress == nil {
			p, err = netip.PrefixFrom(a.Unmap().WithZone(""), a.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, o.Expected("ignore: expected addresses or networks, as in 10.0.0.0/8,fd00::1, got %s", o.Got())
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// Quiet waits until no payload was carried on the ports and nobody was left without an answer, for as long as For. The kernel
// tells this. The app is not asked anything, and nothing is added to the data path.
//
// The handshake of TCP, an idle connection and the end of a connection are no payload. So neither TCP health checks nor idle keep-alive
// connections hold up the wait. Connections that come and go between two looks are counted when they end.
//
// What the app has sent last is taken for an answer. The exception is payload so small, by itself or against what came, that it
// may be what TLS and HTTP/2 send besides answers. If the two cannot be told apart, the client is taken to wait. If a connection
// carries several requests at once, an unfinished request is not seen among others that are done. docs/quiet.md has a table of
// what ends when.
type Quiet struct {
	// Ports are TCP ports. If there are neither Ports nor UDPPorts, all ports count that were listened on when the hook began at
	// an address other than loopback, and UDP sockets bound to the same ports.
	Ports []uint16
	// UDPPorts are the ports to which a UDP socket must be bound. If there are any, datagrams count. The kernel counts datagrams
	// only for the network namespace as a whole, so the datagrams of all ports count, sent and received.
	UDPPorts []uint16
	// Noted are the sockets that were listened on when the hook began, see [Quiet.Note]. An app may close its listeners when
	// it is told to shut down, but its connections must still be seen. Nil: only the sockets that are listened on now.
	Noted Listeners
	For   time.Duration // no payload for so long; 0: 3 s
	Min   time.Duration // how long to look at least
	// Max is the longest time that the step may last. The context enforces it. 0: not known. If Min is not less than Max, the step
	// does not look, and is met at its end.
	Max time.Duration
	// New: only connections count that were opened after the step began. This is for an app that ends its connections well by
	// itself, and for clients that keep theirs.
	New bool
	// Allow is how many connections with payload in each For do not count, such as those of HTTP probes. Connections that are
	// owed an answer always count.
	Allow int
	// Unanswered is how long a connection counts that waits for an answer. 0: it counts until it is answered, if it plainly waits.
	// It counts for 15 s if nobody can tell whether it waits (it may have sent a control frame or a handshake), or if it does not
	// take what it is sent. Where HTTP/2, WebSocket or SSE is known to be spoken, pings are usual, and such a doubt lasts 13 s. A
	// warning names who is given up.
	Unanswered time.Duration
	Ignore     []netip.Prefix // peers that do not count
	// Protocol states what is spoken on the ports, where the counters alone cannot tell; "": not known.
	Protocol Protocol
	// NoProbe: make no handshake of our own to learn whether a port speaks TLS. Otherwise there is at most one for each port, and
	// only if the counters can be read in two ways. The handshake asks for nothing, and does not count as traffic.
	NoProbe bool

	found    bool     // the ports were not named
	probing  *prober  // of all steps of a hook; nil: Run makes one
	glimpsed *traffic // what Note saw; nil: nothing
}

// A Protocol is what is spoken on a port.
type Protocol string

// The protocols that make a difference. HTTP2, with TLS or without (gRPC too): its pings do not count. WebSocket and SSE: their
// heartbeats do not count. TLS: what it sends to close a connection does not count.
const (
	HTTP2     Protocol = "http2"
	WebSocket Protocol = "websocket"
	SSE       Protocol = "sse"
	TLS       Protocol = "tls"
)

const (
	defaultFor        = 3 * time.Second
	defaultUnanswered = 15 * time.Second // where nobody can tell whether a client waits
	// The same where pings are usual. A ping just before the hook may look like a request. It holds up the step no longer than the
	// default min= and for= do.
	pingUnanswered = quietMin + defaultFor
	quietEvery     = 250 * time.Millisecond
	quietSays      = 5 * time.Second // the log says no more often what goes on
)

// Run looks four times a second. With thousands of connections, it looks less often while they plainly carry traffic. It fails at
// once if a port has no listener, had none when the hook began, and has no connections, since nothing would be heard there. It also
// fails at once if no UDP socket is bound to a UDP port, nor was when the hook began. If there are no ports at all, it fails only when
// its time is over. For its other errors see [File.Run].
func (q *Quiet) Run(ctx context.Context, log *slog.Logger) error {
	q, err := q.ready()
	if err != nil {
		return err
	}
	if q.isWait() {
		return q.wait(ctx, log)
	}
	if len(q.Ports)+len(q.UDPPorts) == 0 {
		p := poll{every: quietEvery, rarely: quietSays, look: func(context.Context) (sight, error) { return sight{}, errNoPorts }}
		return p.run(ctx, log)
	}
	if q.found {
		log.Info("looking at what was listened on when the hook began", "ports", q.foundPorts())
	}
	for _, text := range q.warnings() {
		log.Warn(text, "event.code", "udp-not-counted")
	}
	if q.probing == nil {
		q.probing = new(prober)
		defer q.probing.close()
	}
	w, refused, err := q.watcher(log)
	if refused != nil {
		log.Warn("looking at /proc/net/tcp instead: idle connections and health checks count as traffic, and connections shorter than a quarter of a second may not be seen", "event.code", "no-netlink", "error", refused)
	}
	if err != nil {
		return err
	}
	defer w.close()
	p := poll{every: quietEvery, min: q.Min, watch: q.For, rarely: quietSays, look: w.look}
	err = p.run(ctx, log)
	if advice := w.advice(); err != nil && errors.Is(err, context.Cause(ctx)) && advice != "" {
		return fmt.Errorf("%w; %s", err, advice)
	}
	return err
}

// A watcher looks at the ports from time to time. There is a [traffic], and a [procWatch] where the kernel refuses to answer by netlink.
type watcher interface {
	look(context.Context) (sight, error)
	advice() string // what can be done about those that still talk
	close()
}

// watcher is what looks. refused says why it sees less, also with an error. log is told who was given up; nil: nobody is.
func (q *Quiet) watcher(log *slog.Logger) (_ watcher, refused, err error) {
	t, err := q.watch()
	if errors.Is(err, sockdiag.ErrRefused) {
		w := newProcWatch(q, procTable)
		return w, err, w.listens()
	}
	if err != nil {
		return nil, nil, err
	}
	t.log = log
	return t, nil, nil
}

var errNoPorts = errors.New("nothing listened on an address other than loopback when the hook began: name the ports")

// isWait tells whether Min leaves no time to look.
func (q *Quiet) isWait() bool { return q.Max > 0 && q.Min >= q.Max }

const withoutLooking = "waiting without looking, since min= is not less than max="

// wait is for a Quiet that isWait.
func (q *Quiet) wait(ctx context.Context, log *slog.Logger) error {
	log.Info(withoutLooking, "wait", q.Max)
	begin := time.Now()
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, step.ErrMax) && time.Since(begin) < q.Max-quietEvery {
		return fmt.Errorf("not met: too early: %w", cause)
	}
	return nil
}

// ready is a copy with defaults. If no ports are named, it has the ports that are listened on.
func (q *Quiet) ready() (*Quiet, error) {
	r := *q
	r.For = r.window()
	if len(r.Ports)+len(r.UDPPorts) > 0 {
		return &r, nil
	}
	if r.Noted == nil {
		var err error
		if r.Noted, err = NoteListeners(); err != nil {
			return nil, err
		}
	}
	r.Ports, r.UDPPorts = r.Noted.outward()
	r.found = true
	return &r, nil
}

// foundPorts names the ports for the log, if the step does not name them.
func (q *Quiet) foundPorts() string {
	text := "TCP " + strings.Trim(fmt.Sprint(q.Ports), "[]")
	if len(q.UDPPorts) > 0 {
		text += " and all datagrams"
	}
	return text
}

// patience is how long a claim on a port counts; 0: until it is answered.
func (q *Quiet) patience(c claim, g greeting) time.Duration {
	switch {
	case c == waiting || q.Unanswered > 0:
		return q.Unanswered
	case c == maybe && (g.http2 || q.Protocol == WebSocket || q.Protocol == SSE):
		return pingUnanswered
	}
	return defaultUnanswered
}

// warnings name the ports that are looked at for TCP alone, though a UDP socket is bound there.
func (q *Quiet) warnings() (all []string) {
	if len(q.UDPPorts) > 0 { // then all datagrams count
		return nil
	}
	for _, u := range udpSockets(procTable) {
		port := u.local.Port()
		text := fmt.Sprintf("a UDP socket is bound to port %d too, as for HTTP/3 or DNS, and its datagrams do not count: see until quiet %d/udp", port, port)
		if slices.Contains(q.Ports, port) && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

func (q *Quiet) window() time.Duration { return cmp.Or(q.For, defaultFor) }

// within tells whether one of the networks has a peer.
func within(networks []netip.Prefix, peer netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(peer) })
}

// Check says that the ports are listened on, and what goes on there now.
func (q *Quiet) Check(ctx context.Context) (all []step.Finding, err error) {
	if q, err = q.ready(); err != nil {
		return nil, err
	}
	if q.isWait() {
		return []step.Finding{step.Found(withoutLooking, "wait", q.Max.String())}, nil
	}
	if len(q.Ports)+len(q.UDPPorts) == 0 {
		return nil, errNoPorts
	}
	q.NoProbe, q.probing = true, new(prober)
	w, refused, err := q.watcher(nil)
	if err != nil {
		return nil, err
	}
	defer w.close()
	s, err := w.look(ctx)
	if err != nil {
		return nil, err
	}
	if refused != nil {
		all = append(all, step.Warned(refused.Error()), step.Warned("so idle connections and health checks would count as traffic"))
	}
	for _, text := range q.warnings() {
		all = append(all, step.Warned(text))
	}
	if q.found {
		all = append(all, step.Found("looking at what was listened on when the hook began", "ports", q.foundPorts()))
	}
	all = append(all, step.Found("each port is listened on, or has connections"), step.Found(s.says))
	for _, phrase := range s.more {
		all = append(all, step.Found(phrase))
	}
	return all, nil
}
