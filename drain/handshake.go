package drain

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// A greeting is what a port says on a connection before it answers anything. It is learned from a handshake of our own, which
// asks for nothing.
type greeting struct {
	known bool // whether it speaks TLS is known
	tls   bool
	http2 bool // it would speak HTTP/2
	// What the handshake took, in bytes and segments, tickets and settings included; 0: not known, as where it wants a client
	// certificate. Late is the part that came after our own last word.
	bytes, late, segments uint32
	hybrid                bool // with a post-quantum key, which not every client asks for
	stopped               bool // the app listens there no more: it has begun to shut down
	messages              bool // a word says that what goes there need not be answered
}

const (
	// A handshake differs a little from client to client: tickets name the host that was asked for, and HTTP/2's settings are
	// acknowledged. Answers below that size are taken for a part of it.
	greetingSlack = 112
	settingsRead  = 48   // in a TLS record, that HTTP/2's settings of the client were read
	oneTicket     = 256  // which clients that keep no sessions are not sent
	hybridKey     = 1088 // bytes that ML-KEM-768 adds to what a server sends (FIPS 203)
	resumedHello  = 320  // a resumed handshake has no certificates, and takes no more than so much besides its tickets
	// The most that a handshake takes where that is not known, long chains of certificates included.
	longestGreeting = 8 << 10
	// A client's part of a handshake has at least so many bytes, in two segments.
	shortestHello = 200
)

// speaks is what is known of a port whose protocol a word states.
func (q *Quiet) speaks(g greeting) greeting {
	switch q.Protocol {
	case HTTP2:
		g.http2 = true
	case WebSocket:
		g.messages = true
	case TLS:
		g.known, g.tls = true, true
	}
	return g
}

// alone tells whether a connection may have carried nothing but a handshake, and a request that waits. Sure: what was sent is
// just what a handshake takes; else it may be a handshake with another certificate, or an answer.
func (g greeting) alone(s *sockdiag.Socket) (may, sure bool) {
	out := bytesOut(s)
	if !g.mayBeTLS(s) {
		return false, false
	}
	if g.bytes == 0 {
		return out <= longestGreeting, false
	}
	slack := greetingSlack + g.flow(s.BytesReceived)
	if g.http2 {
		slack += settingsRead
	}
	few := s.Sent-s.Resent <= g.mostSegments(s)
	for _, whole := range []uint32{g.bytes, g.bytes - g.late} { // some servers send their tickets with the first answer
		if near(out, whole, slack) || g.hybrid && near(out, whole-hybridKey, slack) {
			return true, few || g.http2 && s.BytesReceived >= uploadSize
		}
	}
	if out <= resumedHello+g.late/2+g.flow(s.BytesReceived) {
		return true, few
	}
	return few && out <= g.bytes+longestGreeting, false
}

// mayBeTLS tells whether a connection has carried what a TLS handshake takes at least.
func (g greeting) mayBeTLS(s *sockdiag.Socket) bool {
	return (g.tls || !g.known) && s.Received >= 2 && s.BytesReceived >= shortestHello && bytesOut(s) >= resumedHello/2
}

// mostSegments is how many a handshake alone may have taken, were all that was sent a part of it. An answer takes one more at
// least.
func (g greeting) mostSegments(s *sockdiag.Socket) uint32 {
	first, size := bytesOut(s)-min(bytesOut(s), g.late), max(s.SegmentSize, 500)
	n := max(g.segments, 1) - 1
	if g.late > 0 { // two tickets may be one segment here and two there
		n = max(n, 2)
	}
	n += (first + size - 1) / size
	if g.http2 {
		n += 2 // settings, and that the client's were read
	}
	if first > 4<<10 { // OpenSSL writes four kilobytes at a time
		n++
	}
	if bytesOut(s)+oneTicket < g.bytes && n > 1 { // resumed: a ticket less
		n--
	}
	return n
}

func near(n, to, slack uint32) bool { return n+oneTicket >= to && n <= to+slack }

// flow is how much HTTP/2's permission to send more takes at most for so many bytes that came: two frames for each 4 KB, in
// TLS records of their own (as Go's server sends them, which sends the most of those that were tried).
func (g greeting) flow(in uint32) uint32 {
	if !g.http2 || in < 1<<10 {
		return 0
	}
	return 70 * (in/(4<<10) + 1)
}

// A prober makes at most one handshake for each port, and knows what came of it.
type prober struct {
	mu        sync.Mutex
	own       map[netip.AddrPort]bool // our ends of the connections: they are no traffic
	greetings map[uint16]greeting
	tried     map[uint16]bool
	cancel    context.CancelFunc
	ctx       context.Context
	running   sync.WaitGroup
}

func newProber() *prober {
	p := &prober{own: make(map[netip.AddrPort]bool), greetings: make(map[uint16]greeting), tried: make(map[uint16]bool)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// close waits for the handshakes that are under way, which end at once.
func (p *prober) close() { p.cancel(); p.running.Wait() }

func (p *prober) greeting(port uint16) greeting {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.greetings[port]
}

func (p *prober) mine(peer netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.own[peer]
}

// ask begins a handshake with the port, unless there was one.
func (p *prober) ask(to netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tried[to.Port()] {
		return
	}
	p.tried[to.Port()] = true
	p.running.Go(func() {
		g := p.shakeHands(to)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.greetings[to.Port()] = g
	})
}

const (
	handshakeTime = 10 * time.Second
	// After so long without a word the server is taken to have said all, be it short of processor time: a ticket that was not
	// counted would be taken for an answer.
	firstTicket, nextTicket = time.Second, 500 * time.Millisecond
)

func (p *prober) shakeHands(to netip.AddrPort) (g greeting) {
	ctx, cancel := context.WithTimeout(p.ctx, handshakeTime) // of the handshake, not of what comes after it
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return g
	}
	defer raw.Close()
	defer context.AfterFunc(p.ctx, func() { raw.Close() })()
	self := netip.MustParseAddrPort(raw.LocalAddr().String())
	self = netip.AddrPortFrom(self.Addr().Unmap(), self.Port())
	p.mu.Lock()
	p.own[self] = true // before it carries anything
	p.mu.Unlock()
	counted := &countingConn{Conn: raw}
	// With a cache for sessions, so that servers send their tickets.
	c := tls.Client(counted, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}, ClientSessionCache: tls.NewLRUClientSessionCache(1)})
	err = c.HandshakeContext(ctx)
	op, refused := errors.AsType[*net.OpError](err)
	switch _, plain := errors.AsType[tls.RecordHeaderError](err); {
	case plain:
		return greeting{known: true}
	case refused && op.Op == "remote error": // an alert, as crypto/tls calls it
		return greeting{known: true, tls: true}
	case err != nil:
		return g
	}
	state := c.ConnectionState()
	g = greeting{known: true, tls: true, http2: state.NegotiatedProtocol == "h2", hybrid: state.CurveID == tls.X25519MLKEM768}
	first := counted.read
	buffer := make([]byte, 4<<10)
	for end := time.Now().Add(handshakeTime); err == nil; { // HTTP/2's settings are payload to us; whatever it says is read, and thrown away
		if time.Now().After(end) {
			return g // it says no end of things
		}
		silence := firstTicket
		if counted.read > first {
			silence = nextTicket
		}
		raw.SetReadDeadline(time.Now().Add(silence))
		before := counted.read
		_, err = c.Read(buffer)
		if timedOut(err) && counted.read > before { // tickets are no payload
			err = nil
		}
	}
	if !timedOut(err) {
		return g // it refused us after all
	}
	if s := sentTo(self, to.Port()); s.Known {
		g.bytes, g.segments = bytesOut(&s), s.Sent
		g.late = g.bytes - min(g.bytes, first)
	}
	return g
}

// countingConn counts what is read.
type countingConn struct {
	net.Conn
	read uint32
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read += uint32(n)
	return n, err
}

func timedOut(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// sentTo is the server's end of our connection.
func sentTo(self netip.AddrPort, port uint16) (found sockdiag.Socket) {
	d, err := sockdiag.OpenDump(port)
	if err != nil {
		return found
	}
	defer d.Close()
	_ = d.Each([]sockdiag.State{sockdiag.Established}, func(s *sockdiag.Socket) {
		if s.Remote == self {
			found = *s
		}
	})
	return found
}
