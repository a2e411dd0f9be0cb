package drain

import (
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// The kernel does not tell what a connection carries. It tells how many segments with payload and how many bytes went each way, how long
// ago the last of them went, and how long ago the client acknowledged something. Whether a client is owed an answer follows from four
// questions:
//
//  1. Is there more than a handshake? Until then, a server sends bytes that answer nothing. (opened)
//  2. Who was last to send payload? If the client was, it asked for something. (unanswered)
//  3. Was it a request? The client may also have permitted the server to send more, or answered a ping. (asks)
//  4. Was what the app sent an answer? It may also have permitted the client to send more. (replied)
//
// The sizes of what is no request and no answer are in frames.go. If an answer and a request cannot be told apart, the claim is maybe.

// A claim says whether a client waits for an answer, as far as the counters tell.
type claim uint8

const (
	nothing claim = iota
	maybe         // a request, or something that needs no answer: counts for 15 s
	waiting       // a request: counts until it is answered
)

const (
	readTime     = 5 * time.Second        // within this time an app has read an upload, and has permitted more
	reactionTime = 50 * time.Millisecond  // within this time a client acknowledges by a frame what it was sent
	settleTime   = 250 * time.Millisecond // after this time the kernel has acknowledged
	// A client acknowledges what it was sent within 500 ms (RFC 9293, 3.8.6.3). Keep-alive probes come later.
	ackTime = 500 * time.Millisecond
)

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

// small tells whether what the app has sent is too small for an answer, or is no more than permission to send more. An upload that
// the app still reads counts from its beginning.
func (h *history) small(s *sockdiag.Socket, g greeting) bool {
	in, out := h.bytesSince(s)
	reads := h.claim == waiting && s.SinceReceived-s.SinceSent < readTime
	return out <= controlSize || !h.settled && out <= helloSize || h.hello(s) || h.permits(s, g, in, out) || reads && h.permits(s, g, h.asking, out)
}
