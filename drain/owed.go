package drain

import (
	"math"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// A claim is whether a client waits for an answer, as far as the counters tell.
type claim uint8

const (
	nothing claim = iota
	maybe         // a request, or something that no answer is due for: counts for 15 s
	waiting       // a request: counts until it is answered
)

// history is what is remembered of a connection, to tell whether its client waits for an answer.
//
// The kernel's clock ticks every 1 to 10 ms, so a request and its answer often have the same time, and so have an answer
// and the request that follows it. What tells them apart is that the kernel acknowledges by a segment of its own whatever
// is not answered within 200 ms.
//
// There may be ten thousand of them, so it is 52 bytes.
type history struct {
	round  uint32 // of the look that has met it last
	old    bool   // it was there at the first look
	counts bool   // it has carried payload that matters
	owed   bool   // the last look took it for one that waits
	given  bool   // it was given up
	little bool   // what went last is no more than a heartbeat is long
	beats  bool   // and is one
	last   moment // payload, heartbeats too
	active moment // payload, but no heartbeats
	judged
}

// judged is how a connection was at the last look with nothing under way, and what was thought of it.
type judged struct {
	settled           bool  // there was such a look
	opening           bool  // all that was known is that it may have carried no more than a handshake
	blind             bool  // it was judged by all that it has ever carried, and what the port speaks was not known
	claim             claim // if it waits
	asked             moment
	received, sent    uint32
	bytesIn, bytesOut uint32
	acks              uint32
	asking            uint32 // if it waits: bytes that came with the request
}

// A moment is on the clock of the looks, in milliseconds, which is exact enough; what came before they began is negative.
type moment int32

func at(d time.Duration) moment {
	return moment(max(math.MinInt32, d.Milliseconds()))
}

func (m moment) since() time.Duration { return time.Duration(m) * time.Millisecond }

const (
	longSilence  = 5 * time.Second        // before a heartbeat
	readTime     = 5 * time.Second        // within which an app has read an upload, and said that it may send more
	reactionTime = 50 * time.Millisecond  // within which a client acknowledges by a frame what it was sent
	settleTime   = 250 * time.Millisecond // after which the kernel has acknowledged
	// A client acknowledges what it was sent within 500 ms (RFC 9293, 3.8.6.3), and probes of keep-alive come later.
	ackTime = 500 * time.Millisecond
	// An HTTP/2 server sends more than answers: settings at first, then permission to send more, and pings. Nothing else
	// that speaks HTTP answers with so few bytes.
	helloSize   = 63 // all that it has ever sent
	helloFrames = 80 // the same, where it came in several segments
	controlSize = 48 // since a request, in a TLS record
	// A client's first words in HTTP/2 without a request are as few where it opens a channel in advance, as gRPC does: preface,
	// settings, and the acknowledgement of the server's.
	prefaceSize = 48
	// GOAWAY twice, each with a reason of some 15 bytes, and a ping, each in a TLS record.
	farewellSize = 2*(17+15+22) + 39
	// A handshake, the preface, one request, and that the server's settings were read, come in so many segments at most.
	openingSegments = helloSegments + 3
	// An upload of so many bytes makes a server send permission to send more.
	uploadSize  = 16 << 10
	frameHeader = 9
	// A client's first words of TLS come in so many segments at most, one of them sent twice.
	helloSegments = 3
	// Control frames come in segments of a few bytes each, an HTTP/1 answer in one or two of many.
	frameSize, recordSize = 32, 70 // a segment's mean, without TLS and with it
)

// newHistory is of a connection of which nothing is known but what is usual: the kernel acknowledges the first segment
// with payload at once.
func newHistory(old bool) history { return history{old: old, judged: judged{acks: 1}} }

// look tells whether the client waits for an answer, and since when.
func (h *history) look(now time.Duration, s *sockdiag.Socket, g greeting) (asked time.Duration, c claim) {
	if !canAnswer(s) {
		return 0, nothing
	}
	if h.blind && g.known && (h.unchanged(s) || h.pinged(s)) { // more is known of the port now than when this was judged
		h.judged = newHistory(h.old).judged
	}
	if h.unchanged(s) {
		if h.opening && g.known {
			first := newHistory(h.old)
			asked, h.claim = first.judge(now, s, g)
			h.asked, h.opening = at(asked), false
		}
		return h.asked.since(), h.claim
	}
	opening := h.opening
	h.blind = !g.known && (!h.settled || h.blind && h.pinged(s))
	asked, c = h.judge(now, s, g)
	h.opening = (h.opening || opening) && c == maybe
	if s.Received > 0 && min(s.SinceReceived, s.SinceSent) >= settleTime {
		h.settle(now, s, asked, c)
	}
	return asked, c
}

// unchanged tells whether nothing came or went since a look with nothing under way.
func (h *history) unchanged(s *sockdiag.Socket) bool {
	return h.settled && h.received == s.Received && h.sent == s.Sent && !h.late(s)
}

// note remembers when payload went last that counts.
func (h *history) note(now time.Duration, s *sockdiag.Socket, g greeting, q *Quiet) {
	if h.settled && s.Received == h.received && s.Sent == h.sent {
		return
	}
	in, out := s.BytesReceived-h.bytesIn, bytesOut(s)-h.bytesOut
	h.little = h.settled && in <= controlSize && out <= controlSize
	h.beats = h.beating(now, s, g, q.Protocol, min(q.For, longSilence))
	if !h.beats {
		h.active = at(now - lastPayload(s))
	}
}

// late tells whether the kernel has acknowledged something since nothing seemed to be under way, because the app was without
// processor time in the middle of reading. What the kernel sends later is for keep-alive.
func (h *history) late(s *sockdiag.Socket) bool {
	return h.claim == nothing && s.Acks != h.acks && s.SinceReceived == s.SinceSent && s.SinceReceived < readTime
}

// canAnswer tells whether the app has not closed the connection.
func canAnswer(s *sockdiag.Socket) bool {
	return s.State == sockdiag.Established || s.State == sockdiag.CloseWait
}

func (h *history) judge(now time.Duration, s *sockdiag.Socket, g greeting) (asked time.Duration, c claim) {
	came := now - s.SinceReceived
	h.opening = false
	if s.Received == 0 {
		return 0, nothing
	}
	if h.pinged(s) || h.beats || g.stopped && h.goesAway(s) {
		return h.asked.since(), h.claim
	}
	if may, sure := g.alone(s); may && !h.greeted(g) {
		h.opening = !g.known
		if sure {
			return came, waiting
		}
		if !h.unanswered(s, g) {
			return came, maybe
		}
	}
	in, out := s.BytesReceived-h.bytesIn, bytesOut(s)-h.bytesOut
	small := h.small(s, g, in, out) || h.claim == waiting && s.SinceReceived-s.SinceSent < readTime && h.permits(s, g, h.asking, out)
	if guess := s.SinceReceived == s.SinceSent && s.Sent > 0 && !h.settled; h.unanswered(s, g) && !(guess && small) {
		if guess && (s.Received != s.Sent+1 || g.tls || g.http2 || g.messages) { // a segment need not be a request
			return came, maybe
		}
		if guess && keptAlive(s) {
			return now, maybe
		}
		return came, h.asks(s, g, in, out)
	}
	if !small {
		return 0, nothing
	}
	if s.Received == h.received {
		return h.asked.since(), h.claim
	}
	if h.claim == waiting {
		return h.asked.since(), waiting
	}
	if in >= uploadSize && out >= frameHeader || h.hello(s) && in > prefaceSize {
		return came, waiting
	}
	return came, maybe
}

// greeted tells whether the handshake was over when nothing was under way last: what went since is no part of it. Where the
// server is short of processor time, its tickets may come long after the rest.
func (h *history) greeted(g greeting) bool {
	switch {
	case !h.settled:
		return false
	case g.bytes == 0:
		return h.claim == nothing && h.received > helloSegments || h.claim == waiting && h.bytesOut >= resumedHello/2
	case g.hybrid:
		return h.bytesOut+oneTicket+hybridKey >= g.bytes
	}
	return h.bytesOut+oneTicket >= g.bytes
}

// asks is what the client claims whose payload came last.
func (h *history) asks(s *sockdiag.Socket, g greeting, in, out uint32) claim {
	soon := s.Sent > 0 && s.SinceSent-s.SinceReceived <= reactionTime+s.RoundTrip
	switch {
	case h.hello(s) && in > prefaceSize:
		return waiting
	case h.hello(s):
		return maybe
	case h.settled && in <= controlSize && out <= controlSize:
		return max(maybe, h.claim)
	case soon && g.http2 && !h.settled && s.Received <= openingSegments && (g.known || !g.mayBeTLS(s)):
		return maybe // a request, or that the server's settings were read after an answer
	case soon && g.http2 && out >= 4<<10 && in <= controlSize+g.flow(out):
		return max(maybe, h.claim) // permission to send more, as comes after a download
	}
	return waiting
}

func (h *history) settle(now time.Duration, s *sockdiag.Socket, asked time.Duration, c claim) {
	if !(c != nothing && h.claim != nothing && s.Received == h.received) { // else it may be answered in small pieces
		h.bytesOut = bytesOut(s)
	}
	if c != waiting || h.claim != waiting {
		h.asking = 0
	}
	if h.settled || !h.old { // else nobody knows when they came
		h.asking += s.BytesReceived - h.bytesIn
	}
	h.settled, h.asked, h.claim = true, at(asked), c
	h.received, h.sent, h.acks, h.bytesIn = s.Received, s.Sent, s.Acks, s.BytesReceived
	h.last = at(now - lastPayload(s))
}

// unanswered tells whether the last payload came from the client. Of two in the same tick it was the answer if the kernel
// had nothing to acknowledge since, if nothing else came since nothing was under way, or if the client acknowledged
// something later; and what came first of all is taken for answered. Where nothing tells, it was not.
func (h *history) unanswered(s *sockdiag.Socket, g greeting) bool {
	switch {
	case s.Received == 0:
		return false
	case s.Sent == 0 || s.SinceReceived < s.SinceSent:
		return true
	case s.SinceReceived > s.SinceSent || s.Received == 1:
		return false
	}
	if s.SinceReceived < settleTime {
		return true
	}
	alone := h.settled && h.claim == nothing && s.Received == h.received+1
	acks := h.acks
	if !h.settled && g.mayBeTLS(s) { // HAProxy is woken by the first segment only once it was acknowledged, so that none is counted
		acks = 0
	}
	oneLess := !h.settled && !g.mayBeTLS(s) && s.Received == s.Sent+1 // an answer less than there were requests
	return (s.Acks != acks || oneLess) && !alone && !ackedLater(s)
}

// ackedLater tells whether the client acknowledged something after its last payload, which is then the answer. A segment that
// says so may be overtaken by that payload on its way, and be a tick of the kernel's clock later then.
func ackedLater(s *sockdiag.Socket) bool {
	return s.SinceReceived-s.SinceAck > sockdiag.Tick() && !keptAlive(s)
}

// keptAlive tells whether the last acknowledgement is an answer to a probe of keep-alive. When the one before came is not known.
func keptAlive(s *sockdiag.Socket) bool {
	return s.SinceReceived-s.SinceAck > ackTime+s.RoundTrip
}

// pinged tells whether all that went since a look with nothing under way is something small one way and something small
// back. HTTP/2 clients and servers do that on idle connections, and nobody is owed anything by it.
func (h *history) pinged(s *sockdiag.Socket) bool {
	in, out := s.BytesReceived-h.bytesIn, bytesOut(s)-h.bytesOut
	if !h.settled || s.Received != h.received+1 || s.Sent != h.sent+1 || in > controlSize || out > controlSize {
		return false
	}
	return s.SinceReceived >= s.SinceSent || in == out // else the client asks after something small that it was sent
}

// goesAway tells whether a request may wait, and all that went since is what a gRPC server and its client say when the server is shut
// down: twice GOAWAY, and between them a ping that is answered. A server that has answered then closes the connection.
func (h *history) goesAway(s *sockdiag.Socket) bool {
	in, out := s.BytesReceived-h.bytesIn, bytesOut(s)-h.bytesOut
	return h.settled && h.claim != nothing && slices.Contains(pingSizes, in) && out <= farewellSize
}

// hello tells whether all that the app has ever sent may be an HTTP/2 server's first words: settings, and that it has read the
// client's.
func (h *history) hello(s *sockdiag.Socket) bool {
	out := bytesOut(s)
	return !h.settled && out >= 2*frameHeader && (out <= helloSize || out <= helloFrames && out <= frameSize*s.Sent)
}

// small tells whether what the app has sent is too small for an answer, or is no more than permission to send more.
func (h *history) small(s *sockdiag.Socket, g greeting, in, out uint32) bool {
	if s.Received == 0 {
		return false
	}
	if out <= controlSize || !h.settled && out <= helloSize || h.hello(s) {
		return true
	}
	return h.permits(s, g, in, out)
}

// permits tells whether what the app has sent is no more than permission to send more, after so many bytes that came. An HTTP/2
// server's first words may come before, in a segment of their own.
func (h *history) permits(s *sockdiag.Socket, g greeting, in, out uint32) bool {
	most, each, segments := uint32(controlSize), uint32(frameSize), s.Sent-h.sent
	if g.tls && !g.http2 {
		return false
	}
	if g.tls || h.settled && s.BytesReceived-in > shortestHello && !g.known {
		each = recordSize
	}
	longest := each * segments
	if !h.settled && segments > 0 {
		most, longest = helloSize, helloSize+each*(segments-1)
	}
	return in >= 1<<10 && out <= most+greeting{http2: true}.flow(in) && out <= longest
}

// parting tells whether all that a connection has carried since it was idle, after it had carried something, is so little as
// what TLS and HTTP/2 say when they close one. Other protocols ask and answer with as little.
func (h *history) parting(s *sockdiag.Socket) bool {
	return h.settled && h.claim == nothing && h.received > 0 && s.BytesReceived-h.bytesIn <= controlSize && bytesOut(s)-h.bytesOut <= controlSize
}

func bytesOut(s *sockdiag.Socket) uint32 { return s.BytesAcked + s.Unacked }

// pingSizes are those of an HTTP/2 ping, without TLS, and in a record of TLS 1.3 and 1.2 with the usual ciphers.
var pingSizes = []uint32{17, 39, 38, 46}

// beating tells whether all that went since nothing was under way is a heartbeat, after a silence: it says that the peer is
// there, and nothing else. That can be told only where the protocol is known.
func (h *history) beating(now time.Duration, s *sockdiag.Socket, g greeting, p Protocol, silence time.Duration) bool {
	if !h.settled || now-lastPayload(s)-h.last.since() < silence {
		return false
	}
	in, out := s.BytesReceived-h.bytesIn, bytesOut(s)-h.bytesOut
	nin, nout := s.Received-h.received, s.Sent-h.sent
	switch {
	case p == WebSocket:
		return nin <= 1 && nout <= 1 && in <= controlSize && out <= controlSize
	case p == SSE:
		return nin == 0 && nout <= 2 && out <= helloSize
	case g.http2:
		return nin <= 1 && nout <= 1 && (in == out || nin == 0 || nout == 0) && slices.Contains(pingSizes, max(in, out))
	}
	return false
}
