package drain

import (
	"math"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// A claim says whether a client waits for an answer, as far as the counters tell.
type claim uint8

const (
	nothing claim = iota
	maybe         // a request, or something that needs no answer: counts for 15 s
	waiting       // a request: counts until it is answered
)

// history is what is remembered of a connection, to tell whether its client waits for an answer.
//
// The kernel's clock ticks every 1 to 10 ms. So a request and its answer often have the same time, and so do an answer and
// the next request. The acknowledgements tell the two cases apart: if payload is not answered within 200 ms, the kernel
// acknowledges it by a separate segment.
//
// There may be ten thousand histories, so each has only 52 bytes.
type history struct {
	round  uint32 // number of the last look that found the connection
	old    bool   // it was there at the first look
	counts bool   // it has carried payload that matters
	owed   bool   // at the last look, something was owed to its client
	given  bool   // it was given up
	little bool   // its last payload was no longer than a heartbeat
	beats  bool   // its last payload was a heartbeat
	pieces bool   // the app has sent more since an answer, and was not asked
	last   moment // last payload, heartbeats included
	active moment // last payload, heartbeats not included
	judged
}

// judged is the state of a connection at the last look with nothing under way, and the verdict of that look.
type judged struct {
	settled           bool  // there was such a look
	opening           bool  // it may have carried no more than a handshake, and nothing else was known
	blind             bool  // it was judged by all that it ever carried, before it was known what the port speaks
	claim             claim // whether its client waits
	asked             moment
	received, sent    uint32
	bytesIn, bytesOut uint32
	acks              uint32
	asking            uint32 // if it waits: bytes that came with the request
}

// A moment is a time in milliseconds since the looks began, which is exact enough. An earlier time is negative.
type moment int32

func at(d time.Duration) moment {
	return moment(max(math.MinInt32, d.Milliseconds()))
}

func (m moment) since() time.Duration { return time.Duration(m) * time.Millisecond }

const (
	longSilence  = 5 * time.Second        // of silence before a heartbeat
	readTime     = 5 * time.Second        // within this time an app has read an upload, and has permitted more
	reactionTime = 50 * time.Millisecond  // within this time a client acknowledges by a frame what it was sent
	settleTime   = 250 * time.Millisecond // after this time the kernel has acknowledged
	// A client acknowledges what it was sent within 500 ms (RFC 9293, 3.8.6.3). Keep-alive probes come later.
	ackTime = 500 * time.Millisecond
	// An HTTP/2 server does not only send answers: it sends settings at first, then permission to send more, and pings. No
	// other server that speaks HTTP answers with so few bytes.
	helloSize   = 63 // if this is all that it has ever sent
	helloFrames = 80 // the same, if it came in several segments
	controlSize = 48 // since a request, in a TLS record
	// A client that opens an HTTP/2 channel in advance, as gRPC does, sends at most so much without a request: the preface, its
	// settings, and the acknowledgement of the server's settings.
	prefaceSize = 48
	// Two GOAWAY frames, each with a reason of about 15 bytes, and a ping. Each frame is in a TLS record.
	farewellSize = 2*(17+15+22) + 39
	// A handshake, the preface, one request, and the acknowledgement of the server's settings take at most so many segments.
	openingSegments = helloSegments + 3
	// An upload of so many bytes makes a server send permission to send more.
	uploadSize  = 16 << 10
	frameHeader = 9
	// A client's part of a TLS handshake takes at most so many segments, if one of them is sent twice.
	helloSegments = 3
	// Control frames come in segments of a few bytes each. An HTTP/1 answer comes in one or two segments of many bytes.
	frameSize, recordSize = 32, 70 // mean bytes of a segment, without TLS and with TLS
)

// newHistory is the history of a connection of which nothing is known yet. It assumes what is usual: the kernel acknowledges
// the first segment with payload at once.
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
	if h.opening && g.known && h.settled { // something went since, but more is known now of what went before
		if _, sure := g.alone(h.before(s)); sure {
			h.claim = waiting
		}
		h.opening = false
	}
	opening := h.opening
	h.blind = !g.known && (!h.settled || h.blind && h.pinged(s))
	asked, c = h.judge(now, s, g)
	h.opening = (h.opening || opening) && c == maybe
	if s.Received > 0 && min(s.SinceReceived, s.SinceSent) >= settleTime+g.age { // the app may have stopped listening since that was looked up
		h.settle(now, s, asked, c)
	}
	return asked, c
}

// holds tells whether what was seen when the hook began still tells who waits: nothing went since then, or only a farewell. After other
// payload the connection is judged as if it were seen for the first time, since nobody looked meanwhile.
func (h *history) holds(s *sockdiag.Socket, g greeting) bool {
	return h.unchanged(s) || g.stopped && h.goesAway(s, g.http2)
}

// before is a connection as it was at the last look with nothing under way.
func (h *history) before(s *sockdiag.Socket) *sockdiag.Socket {
	b := *s
	b.Received, b.Sent, b.BytesReceived, b.BytesAcked, b.Unacked = h.received, h.sent, h.bytesIn, h.bytesOut, 0
	return &b
}

// unchanged tells whether nothing came or went since a look with nothing under way.
func (h *history) unchanged(s *sockdiag.Socket) bool {
	return h.settled && h.received == s.Received && h.sent == s.Sent && !h.late(s)
}

// note remembers when payload that counts last went.
func (h *history) note(now time.Duration, s *sockdiag.Socket, g greeting, q *Quiet) {
	if h.settled && s.Received == h.received && s.Sent == h.sent {
		return
	}
	in, out := h.bytesSince(s)
	h.little = h.settled && in <= controlSize && out <= controlSize
	h.beats = h.beating(now, s, g, q.Protocol, min(q.For, longSilence))
	if !h.beats {
		h.active = at(now - lastPayload(s))
	}
}

// late tells whether the kernel has acknowledged something since the look that saw nothing under way. This happens if the app
// got no processor time in the middle of reading. Acknowledgements after readTime are for keep-alive.
func (h *history) late(s *sockdiag.Socket) bool {
	return h.claim == nothing && s.Acks != h.acks && s.SinceReceived == s.SinceSent && s.SinceReceived < readTime
}

// canAnswer tells whether the app has not closed the connection.
func canAnswer(s *sockdiag.Socket) bool {
	return s.State == sockdiag.Established || s.State == sockdiag.CloseWait
}

// bytesSince is how many bytes came and went since the last look with nothing under way.
func (h *history) bytesSince(s *sockdiag.Socket) (in, out uint32) {
	return s.BytesReceived - h.bytesIn, bytesOut(s) - h.bytesOut
}

// judge tells what the client of a connection claims that has changed since the last look with nothing under way.
func (h *history) judge(now time.Duration, s *sockdiag.Socket, g greeting) (asked time.Duration, c claim) {
	h.opening = false
	switch {
	case s.Received == 0:
		return 0, nothing
	case h.pinged(s) || h.beats || g.stopped && h.goesAway(s, g.http2):
		return h.asked.since(), h.claim
	}
	came := now - s.SinceReceived
	if c := h.opened(s, g); c != nothing {
		return came, c
	}
	small := h.small(s, g)
	guess := !h.settled && s.Sent > 0 && s.SinceReceived == s.SinceSent
	switch {
	case h.followed(s):
		return came, maybe
	case g.stopped && h.takesLeave(s):
		return came, maybe
	case !h.unanswered(s, g) || guess && small:
		return h.replied(came, s, small)
	case guess && (s.Received != s.Sent+1 || g.tls || g.http2 || g.messages): // a segment need not be a request
		return came, maybe
	case guess && keptAlive(s):
		return now, maybe
	}
	return came, h.asks(s, g)
}

// opened is the claim of a client whose connection may have carried nothing but a handshake, with or without a request.
func (h *history) opened(s *sockdiag.Socket, g greeting) claim {
	may, sure := g.alone(s)
	if !may || h.greeted(g) {
		return nothing
	}
	h.opening = !g.known
	switch {
	case sure:
		return waiting
	case !h.unanswered(s, g):
		return maybe
	}
	return nothing
}

// replied is the claim of a client whose last payload came at the given time, and after which the app has sent something. small: this
// may be no answer.
func (h *history) replied(came time.Duration, s *sockdiag.Socket, small bool) (asked time.Duration, c claim) {
	in, out := h.bytesSince(s)
	switch {
	case !small:
		return 0, nothing
	case s.Received == h.received || h.claim == waiting:
		return h.asked.since(), h.claim
	case in >= uploadSize && out >= frameHeader || h.hello(s) && in > prefaceSize:
		return came, waiting
	}
	return came, maybe
}

// greeted tells whether the handshake was over at the last look with nothing under way. What went since then is no part of
// the handshake. If the server is short of processor time, its tickets may come long after the rest of the handshake.
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

// asks is the claim of a client whose payload came last.
func (h *history) asks(s *sockdiag.Socket, g greeting) claim {
	in, out := h.bytesSince(s)
	after := s.SinceSent - s.SinceReceived - s.RoundTrip
	soon := s.Sent > 0 && after <= reactionTime
	switch {
	case h.hello(s) && in > prefaceSize:
		return waiting
	case h.hello(s):
		return maybe
	case h.settled && in <= controlSize && out <= controlSize:
		return max(maybe, h.claim)
	case soon && g.http2 && !h.settled && s.Received <= openingSegments && (g.known || !g.mayBeTLS(s)):
		return maybe // a request, or the acknowledgement of the server's settings after an answer
	case after <= settleTime && g.http2 && out >= 4<<10 && in <= controlSize+g.flow(out):
		return maybe // permission to send more, as a client gives it when it has read a download
	}
	return waiting
}

func (h *history) settle(now time.Duration, s *sockdiag.Socket, asked time.Duration, c claim) {
	if !(c != nothing && h.claim != nothing && s.Received == h.received) { // otherwise the answer may be coming in small pieces
		h.bytesOut = bytesOut(s)
	}
	if c != waiting || h.claim != waiting {
		h.asking = 0
	}
	if h.settled || !h.old { // otherwise nobody knows when these bytes came
		h.asking += s.BytesReceived - h.bytesIn
	}
	h.pieces = h.settled && h.claim == nothing && s.Received == h.received && s.Sent != h.sent
	h.settled, h.asked, h.claim = true, at(asked), c
	h.received, h.sent, h.acks, h.bytesIn = s.Received, s.Sent, s.Acks, s.BytesReceived
	h.last = at(now - lastPayload(s))
}

// unanswered tells whether the last payload came from the client. If payload went both ways in the same tick, the answer was last
// in three cases: the kernel has had nothing to acknowledge since, or only one segment has come since nothing was under way, or
// the client acknowledged something later. The first segment of all is taken for answered. If nothing tells, the client's payload
// is taken for the last.
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
	if !h.settled && (g.mayBeTLS(s) || g.unacked) { // HAProxy has the first segment acknowledged by its answer, so no acknowledgement is counted
		acks = 0
	}
	oneLess := !h.settled && !g.mayBeTLS(s) && s.Received == s.Sent+1 // one answer fewer than requests
	return (s.Acks != acks || oneLess) && !alone && !ackedLater(s)
}

// followed tells whether a request may have followed the last piece of an answer within a tick. The kernel has acknowledged the
// request, as it does if nothing answers.
func (h *history) followed(s *sockdiag.Socket) bool {
	return h.pieces && s.Received == h.received+1 && s.SinceReceived == s.SinceSent && s.SinceReceived >= settleTime && s.Acks != h.acks && !ackedLater(s)
}

// ackedLater tells whether the client acknowledged something after its last payload. What it acknowledged is then the answer.
// The payload may overtake an older acknowledgement on its way, which then arrives a tick of the kernel's clock later.
func ackedLater(s *sockdiag.Socket) bool {
	return s.SinceReceived-s.SinceAck > sockdiag.Tick() && !keptAlive(s)
}

// keptAlive tells whether the last acknowledgement answers a keep-alive probe. When the acknowledgement before came is not known.
func keptAlive(s *sockdiag.Socket) bool {
	return s.SinceReceived-s.SinceAck > ackTime+s.RoundTrip
}

// pinged tells whether only one small segment went each way since the last look with nothing under way. HTTP/2 clients and
// servers send pings like this on idle connections, and nobody waits for an answer after that.
func (h *history) pinged(s *sockdiag.Socket) bool {
	in, out := h.bytesSince(s)
	if !h.settled || s.Received != h.received+1 || s.Sent != h.sent+1 || in > controlSize || out > controlSize {
		return false
	}
	if in != out && slices.Contains(permitSizes, out) {
		return false
	}
	return s.SinceReceived >= s.SinceSent || in == out // otherwise the app sent something small, and then the client asked
}

// goesAway tells whether a request may wait, and nothing went since but what a gRPC server and its client say when the server
// shuts down: two GOAWAY frames, and between them a ping, which the client answers. If the server has answered the request, it
// closes the connection after that.
func (h *history) goesAway(s *sockdiag.Socket, http2 bool) bool {
	in, out := h.bytesSince(s)
	answered := slices.Contains(pingSizes, in) || in == 0 && http2
	return h.settled && h.claim != nothing && answered && out <= farewellSize
}

// takesLeave tells whether what the app has sent last may be GOAWAY, which follows at once on the client's answer to a ping.
func (h *history) takesLeave(s *sockdiag.Socket) bool {
	after := s.SinceReceived - s.SinceSent
	return !h.settled && s.Sent > 0 && 0 <= after && after < reactionTime
}

// hello tells whether all that the app has ever sent may be what an HTTP/2 server sends first: its settings, and the
// acknowledgement of the client's settings.
func (h *history) hello(s *sockdiag.Socket) bool {
	out := bytesOut(s)
	return !h.settled && out >= 2*frameHeader && (out <= helloSize || out <= helloFrames && out <= frameSize*s.Sent)
}

// small tells whether what the app has sent is too small for an answer, or is no more than permission to send more. An upload that
// the app still reads counts from its beginning.
func (h *history) small(s *sockdiag.Socket, g greeting) bool {
	in, out := h.bytesSince(s)
	reads := h.claim == waiting && s.SinceReceived-s.SinceSent < readTime
	return out <= controlSize || !h.settled && out <= helloSize || h.hello(s) || h.permits(s, g, in, out) || reads && h.permits(s, g, h.asking, out)
}

// permits tells whether the app has sent no more than permission to send more, where in is how many bytes came. What an HTTP/2
// server sends first may come before that, in a segment of its own.
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

// parting tells whether a connection has carried so little since it was idle that this may be what TLS and HTTP/2 send to close
// a connection. Before it was idle, it must have carried something. Other protocols ask and answer with as few bytes.
func (h *history) parting(s *sockdiag.Socket) bool {
	in, out := h.bytesSince(s)
	return h.settled && h.claim == nothing && h.received > 0 && in <= controlSize && out <= controlSize
}

func bytesOut(s *sockdiag.Socket) uint32 { return s.BytesAcked + s.Unacked }

// pingSizes are the bytes of an HTTP/2 ping: without TLS, and in a record of TLS 1.3 or 1.2 with the usual ciphers.
var pingSizes = []uint32{17, 39, 38, 46}

// permitSizes are the bytes of one or two frames of HTTP/2 that permit to send more, without TLS and in a record as above. A
// server may send them as soon as it has read a small request.
var permitSizes = []uint32{13, 26, 34, 35, 42, 47, 48}

// beating tells whether a heartbeat, after a silence, is all that went since nothing was under way. A heartbeat says that the
// peer is there, and nothing else. It can be told from other payload only where the protocol is known.
func (h *history) beating(now time.Duration, s *sockdiag.Socket, g greeting, p Protocol, silence time.Duration) bool {
	if !h.settled || now-lastPayload(s)-h.last.since() < silence {
		return false
	}
	in, out := h.bytesSince(s)
	nin, nout := s.Received-h.received, s.Sent-h.sent
	switch {
	case p == WebSocket:
		return nin <= 1 && nout <= 1 && in <= controlSize && out <= controlSize
	case p == SSE:
		return nin == 0 && nout <= 2 && out <= helloSize
	case g.http2:
		return nin <= 1 && nout <= 1 && (in == out || nin == 0 || nout == 0 && s.SinceReceived < settleTime) && slices.Contains(pingSizes, max(in, out))
	}
	return false
}
