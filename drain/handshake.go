package drain

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// A greeting is what is known of a port in one look, above all what it says on a connection before it answers anything. A handshake of
// our own tells that, and asks for nothing. A word of the step may state known, tls, http2 and messages. Who listens tells stopped and age.
type greeting struct {
	known  bool // it is known whether the port speaks TLS
	asking bool // a handshake of our own is under way, which may tell that
	tls    bool
	http2  bool // it would speak HTTP/2
	// How many bytes and segments the server sent for the handshake, tickets and settings included. 0: not known, as where the
	// server wants a client certificate. late is the part that came after the last message of our own.
	bytes, late, segments uint32
	prefaced              bool          // HTTP/2's settings are not among these, since they come after the client's preface: as behind a proxy that only ends TLS
	hybrid                bool          // with a post-quantum key, which not every client asks for
	ticket                uint32        // bytes of these that are a ticket of TLS 1.2, which not every client asks for
	stapled               uint32        // bytes of these that say that the certificate is still valid (OCSP), which not every client asks for
	stopped               bool          // the app listens there no more: it has begun to shut down
	age                   time.Duration // how long ago that was looked up
	messages              bool          // a word of the step says that messages there need no answer
	unacked               bool          // a first segment is not acknowledged before it is answered, as by HAProxy, which asks the kernel for that
}

const (
	// The size of a handshake differs a little from client to client: tickets name the host that was asked for, and HTTP/2's
	// settings are acknowledged. An answer smaller than this is taken for a part of the handshake.
	greetingSlack = 112
	settingsRead  = 48  // the acknowledgement of the client's HTTP/2 settings, in a TLS record
	oneTicket     = 256 // a ticket is not sent to clients that keep no sessions
	// Java's ticket has the server's certificate, and is longer than others' tickets together. If the app binds something to a session, as Jetty
	// binds a host name that is in the certificate, Java keeps the session itself, and sends two short tickets.
	longTicket, shortTickets = 640, 2 * 88
	extensions               = 20   // bytes by which a server's hello differs, as the client names a host and protocols or does not
	hybridKey                = 1088 // bytes that ML-KEM-768 adds to what a server sends, and to what a client sends (FIPS 203)
	hybridShare              = 1184
	ticketHeader             = 15  // bytes before a ticket of TLS 1.2, in a record of its own (RFC 5077, 3.3)
	ocspHeader               = 8   // bytes before what says that the certificate is still valid (RFC 6066, 8, and RFC 8446, 4.4.2)
	resumedHello             = 320 // a resumed handshake has no certificates, and takes at most so much besides its tickets
	// A server's part of a handshake has at least so many bytes. Less looks like the answer of a port without TLS.
	shortestServerHello = resumedHello / 2
	shortestResumed     = 120 // a resumed handshake of TLS 1.2 without a ticket
	// The most that a handshake takes, long certificate chains included. It is used where the size is not known. Another certificate than
	// the one that we were shown is longer by at most so much.
	longestGreeting, longerCertificate = 32 << 10, 8 << 10
	// A client's part of a handshake has at least so many bytes, in two segments.
	shortestHello = 200
	longestHello  = 2 << 10 // with a post-quantum key
)

// speaks adds to a greeting what a word of the step states about the port's protocol.
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

// alone tells whether a connection may have carried nothing but a handshake and a request that waits. sure: exactly so much was
// sent as a handshake takes. Otherwise there may have been a handshake with another certificate, or an answer.
func (g greeting) alone(s *sockdiag.Socket) (may, sure bool) {
	out := bytesOut(s)
	if !g.mayBeTLS(s) {
		return false, false
	}
	if g.bytes == 0 {
		return out <= longestGreeting, false
	}
	permitted := g.flow(s.BytesReceived - min(s.BytesReceived, longestHello))
	slack := greetingSlack + permitted
	if g.http2 {
		slack += settingsRead
	}
	if g.prefaced {
		slack += settingsSize
	}
	few := s.Sent-s.Resent <= g.mostSegments(s)
	full, bare := g.bytes, g.bytes-g.stapled
	hybrid := g.hybrid && s.BytesReceived >= hybridShare // a client that sends less has not asked for such a key

	for _, whole := range []uint32{full, full - g.late, full - g.ticket, bare, bare - g.late, bare - g.ticket} { // some servers send their tickets with the first answer
		if hybrid == g.hybrid && near(out, whole, slack) || g.hybrid && near(out, whole-hybridKey, slack) {
			return true, few || g.http2 && s.BytesReceived >= uploadSize
		}
	}
	if short := full - g.late + shortTickets; g.late >= longTicket && near(out, short, slack) {
		exact := short <= out+extensions && out <= short+extensions
		return true, exact && !g.http2 && s.Sent-s.Resent > g.segments // each ticket is in a segment of its own, and an answer seldom is in two
	}
	if least, most := g.resumed(); out <= most+permitted || hybrid && least+hybridKey <= out && out <= most+hybridKey+slack {
		return true, few
	}
	return few && out <= g.bytes+longerCertificate, false
}

// mayBeAlone is alone, however sure that is.
func (g greeting) mayBeAlone(s *sockdiag.Socket) bool {
	may, _ := g.alone(s)
	return may
}

// resumed are the fewest and the most bytes of a server's part of a resumed handshake, with half of its tickets or all. What is late has HTTP/2's
// settings too, unless they follow the preface.
func (g greeting) resumed() (least, most uint32) {
	fewest, tickets := g.late/2, g.late
	if g.fewerTickets() {
		tickets /= 2
	}
	if g.late >= longTicket { // Java's hello with a short ticket is longer than a hello alone
		fewest = resumedHello - shortestServerHello
	}
	least, most = shortestServerHello+fewest, resumedHello+tickets
	if g.http2 {
		most += settingsRead
	}
	if g.prefaced {
		most += settingsSize
	}
	return least, most
}

// fewerTickets tells whether a resumed session gets half of the tickets. OpenSSL sends one instead of two, and GnuTLS sends two again. OpenSSL
// encrypts blocks of 16 bytes. What else is in a record with a ticket has 47 bytes, or 55 with early data. HTTP/2's settings hide that.
func (g greeting) fewerTickets() bool {
	const block, besides, withEarlyData = 16, 47, 55
	ticket := g.late / 2 % block
	return g.http2 || g.late%2 == 0 && (ticket == besides%block || ticket == withEarlyData%block)
}

// mayBeTLS tells whether a connection has carried at least as much as a TLS handshake takes, on a port that may speak TLS.
func (g greeting) mayBeTLS(s *sockdiag.Socket) bool {
	least := uint32(shortestServerHello)
	if g.tls {
		least = shortestResumed
	}
	return (g.tls || !g.known) && s.Received >= 2 && s.BytesReceived >= shortestHello && bytesOut(s) >= least
}

// mostSegments is how many segments a handshake takes at most, if all that was sent is a part of it. An answer takes at least
// one segment more. Our own handshake goes over loopback, where what comes before the tickets is one segment. On the way to a client its
// segments are smaller, so their number follows from the size.
func (g greeting) mostSegments(s *sockdiag.Socket) uint32 {
	first, size := bytesOut(s)-min(bytesOut(s), g.late), max(s.SegmentSize, 500)
	n := max(g.segments, 1) - 1
	if g.late > 0 { // two tickets may come in one segment or in two
		n = max(n, 2)
	}
	n += (first + size - 1) / size
	if least, _ := g.resumed(); first == 0 && bytesOut(s) >= least { // in a resumed handshake, what comes before the ticket may be less than a second ticket
		n++
	}
	if g.http2 {
		n += 2 // settings, and the acknowledgement of the client's
	}
	if g.prefaced { // permission to send more besides, each frame in a segment of its own
		n++
	}
	if first > 4<<10 { // OpenSSL writes four kilobytes at a time
		n++
	}
	if bytesOut(s)+max(oneTicket, g.ticket+greetingSlack) < g.bytes-g.stapled && n > 1 && (g.late == 0 || g.fewerTickets()) { // resumed: one ticket fewer
		n--
	}
	return n
}

func near(n, to, slack uint32) bool { return n+oneTicket >= to && n <= to+slack }

// flow is how many bytes of permission the port may send after so many bytes came.
func (g greeting) flow(in uint32) uint32 {
	if !g.http2 {
		return 0
	}
	return permission(in)
}

// A prober makes at most one handshake with each port, and keeps the result. All steps of a hook have the same prober. The zero value
// is ready to use, also after close.
type prober struct {
	running sync.WaitGroup // the handshakes that are under way

	mu     sync.Mutex
	own    map[netip.AddrPort]bool // our ends of the connections, which do not count as traffic
	begun  map[uint16]*greeting    // by port; zero where a handshake has told nothing
	ctx    context.Context         // of the handshakes that are under way
	cancel context.CancelFunc      // nil: none is under way
}

// close ends the handshakes that are under way, and waits for them. A step may ask again later, for another port.
func (p *prober) close() {
	p.mu.Lock()
	if p.cancel != nil {
		p.cancel()
		p.cancel = nil
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *prober) greeting(port uint16) greeting {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.begun[port]; g != nil {
		return *g
	}
	return greeting{}
}

func (p *prober) mine(peer netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.own[peer]
}

// ask begins a handshake with the port, unless there was one. It tells whether a handshake is under way.
func (p *prober) ask(to netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.begun[to.Port()]; g != nil {
		return g.asking
	}
	if p.begun == nil {
		p.own, p.begun = make(map[netip.AddrPort]bool), make(map[uint16]*greeting)
	}
	if p.cancel == nil {
		p.ctx, p.cancel = context.WithCancel(context.Background())
	}
	learned, until := &greeting{asking: true}, p.ctx
	p.begun[to.Port()] = learned
	p.running.Go(func() {
		g := p.shakeHands(until, to)
		p.mu.Lock()
		defer p.mu.Unlock()
		*learned = g
	})
	return true
}

const (
	handshakeTime = 10 * time.Second
	// After so long a silence, even a server that is short of processor time is taken to have sent everything. A ticket that was
	// not counted would be taken for an answer.
	firstTicket, nextTicket = time.Second, 500 * time.Millisecond
)

// shakeHands makes a handshake, and tells what it learned: the zero greeting is nothing. It takes about 1.5 s as a rule, and ends with until.
func (p *prober) shakeHands(until context.Context, to netip.AddrPort) (g greeting) {
	ctx, cancel := context.WithTimeout(until, handshakeTime) // of the handshake; what comes after it has as much time again
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return g
	}
	defer raw.Close()
	defer context.AfterFunc(until, func() { raw.Close() })()
	self := netip.MustParseAddrPort(raw.LocalAddr().String())
	self = netip.AddrPortFrom(self.Addr().Unmap(), self.Port())
	p.mu.Lock()
	p.own[self] = true // before it carries anything
	p.mu.Unlock()
	counted := &countingConn{Conn: raw}
	// With a cache for sessions, so that servers send their tickets.
	sessions := tls.NewLRUClientSessionCache(1)
	c := tls.Client(counted, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}, ClientSessionCache: sessions})
	err = c.HandshakeContext(ctx)
	op, refused := errors.AsType[*net.OpError](err)
	switch _, plain := errors.AsType[tls.RecordHeaderError](err); {
	case plain:
		return greeting{known: true, unacked: unacked(connectedTo(to, self.Port()))}
	case refused && op.Op == "remote error": // crypto/tls calls an alert a remote error
		return greeting{known: true, tls: true}
	case err != nil:
		return g
	}
	state := c.ConnectionState()
	g = greeting{known: true, tls: true, http2: state.NegotiatedProtocol == "h2", hybrid: state.CurveID == tls.X25519MLKEM768}
	first := counted.read
	if !counted.silenced(c) {
		return g
	}
	g.prefaced = g.http2 && !counted.spoke
	if s := connectedTo(self, to.Port()); s.Known {
		g.bytes, g.segments = bytesOut(&s), s.Sent
		g.late = g.bytes - min(g.bytes, first)
		if n := len(state.OCSPResponse); n > 0 {
			g.stapled = ocspHeader + uint32(n)
		}
		if session, ok := sessions.Get(raw.RemoteAddr().String()); ok && state.Version == tls.VersionTLS12 {
			ticket, _, _ := session.ResumptionState()
			g.ticket = ticketHeader + uint32(len(ticket))
		}
	}
	return g
}

// unacked tells of our end of a connection whether no segment came but those of its beginning, of an answer, and perhaps of its end.
func unacked(s sockdiag.Socket) bool {
	most := s.Received + 1
	if s.State == sockdiag.CloseWait {
		most++ // the end may have come with the answer
	}
	return s.Known && s.Received > 0 && s.Came <= most
}

// countingConn counts the bytes that are read.
type countingConn struct {
	net.Conn
	read  uint32
	spoke bool // the server has sent more than TLS sends for itself
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read += uint32(n)
	return n, err
}

// silenced reads and throws away what the server sends after the handshake: tickets, and settings of HTTP/2. It tells whether the server
// fell silent. Otherwise the server refused us after all, or does not stop sending.
func (c *countingConn) silenced(secure *tls.Conn) bool {
	first, buffer := c.read, make([]byte, 4<<10)
	for end := time.Now().Add(handshakeTime); time.Now().Before(end); {
		silence := firstTicket
		if c.read > first {
			silence = nextTicket
		}
		c.SetReadDeadline(time.Now().Add(silence))
		before := c.read
		switch _, err := secure.Read(buffer); {
		case err == nil:
			c.spoke = true
		case !os.IsTimeout(err):
			return false
		case c.read == before: // otherwise a ticket came, which is no payload
			return true
		}
	}
	return false
}

// connectedTo is the socket on a port that is connected to a remote one: the server's end of our connection, or our own.
func connectedTo(remote netip.AddrPort, port uint16) (found sockdiag.Socket) {
	connected := func(s *sockdiag.Socket) {
		if s.Remote == remote {
			found = *s
		}
	}
	_ = eachSocket([]uint16{port}, []sockdiag.State{sockdiag.Established, sockdiag.CloseWait}, connected, func() error { return nil })
	return found
}
