package drain

import (
	"slices"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// The kernel does not tell what a connection carries. For each direction it tells how many segments with payload went, how many bytes, and
// how long ago the last segment went. It also tells how many acknowledgements it sent in segments of their own, and how long
// ago the client acknowledged something. All times are exact to a tick of the kernel's clock, which is 1 to 10 ms.
//
// A look at a connection is settled if the last payload went at least 250 ms before. The kernel has then acknowledged all that came.
// The history keeps the counters of the last settled look. In this file, "since" means since that look. If there was none yet, it
// means since the connection was opened.
//
// judge has these rules. The first rule that fits decides.
//
//  1. Nothing has come: nobody waits.
//  2. Only a ping, a heartbeat or a farewell went since: the claim stays what it was. (pinged, beating, goesAway)
//  3. All that went may be a TLS handshake. If exactly so much was sent as a handshake takes, the client waits. If the size does not
//     tell, and the app was last to send, the claim is maybe. (opened)
//  4. A request may have followed a piece of an answer within a tick, or GOAWAY may look like an answer: maybe. (followed, speaksSoon)
//  5. The app was last to send: that was an answer if it was large. If it was small, it may have been a control frame. (unanswered, replied)
//     Some of what is large may be no answer either: maybe. (mayPermit, mayUpgrade, sentAgain, speaksSoon)
//  6. Both sent within a tick, and there was no settled look before: maybe, unless there is one request more than answers, and more than one answer. On a connection
//     that is kept alive, this counts from when the looks began.
//  7. The client was last to send: it waits, unless that may have been a control frame. (asks, mayBePong)
//
// The sizes of control frames are in frames.go. What is remembered of a connection is in history.go.

// A claim says whether a client waits for an answer, as far as the counters tell.
type claim uint8

const (
	nothing claim = iota // nobody waits
	maybe                // a request, or something that needs no answer: counts for 15 s or 13 s, or for unanswered=
	waiting              // a request: counts until it is answered, or for unanswered=
)

const (
	readTime     = 5 * time.Second        // within this time an app has read an upload, and has permitted more
	reactionTime = 50 * time.Millisecond  // within this time a client acknowledges by a frame what it was sent
	settleTime   = 250 * time.Millisecond // after this time the kernel has acknowledged
	// A client acknowledges what it was sent within 500 ms (RFC 9293, 3.8.6.3). Keep-alive probes come later.
	ackTime = 500 * time.Millisecond
	// If a client does not acknowledge at once, it waits at least so long.
	waitToAck = 40 * time.Millisecond
)

// judge is the claim of the client of a connection that has changed since. asked is when the payload came that may wait for an
// answer. It has no meaning if nobody waits.
func (h *history) judge(now time.Duration, s *sockdiag.Socket, g greeting) (asked time.Duration, c claim) {
	h.opening = false
	if s.Received == 0 {
		return 0, nothing
	}
	if h.pinged(s) || h.beats || h.goesAway(s, g) {
		return h.asked.since(), h.claim
	}
	came := now - s.SinceReceived
	if h.sameTick(s) && keptAlive(s) { // nobody knows when the client acknowledged before, so it counts from the first look
		came = max(came, 0)
	}
	if c := h.opened(s, g); c != nothing {
		return came, c
	}
	if h.followed(s) || g.stopped && h.speaksSoon(s) {
		return came, maybe
	}
	small := h.small(now, s, g)
	if !h.unanswered(s, g) || h.sameTick(s) && small {
		return h.replied(came, s, g, small)
	}
	return came, h.asks(s, g)
}

// sameTick tells whether both sent within a tick, and there was no settled look before.
func (h *history) sameTick(s *sockdiag.Socket) bool {
	return !h.settled && s.Sent > 0 && s.SinceReceived == s.SinceSent
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

// greeted tells whether the handshake was over at the last settled look. What went since then is no part of the handshake. If the
// server is short of processor time, its tickets may come long after the rest of the handshake.
func (h *history) greeted(g greeting) bool {
	less := uint32(oneTicket)
	if g.late >= longTicket {
		less = g.late - shortTickets/2
	}
	if g.hybrid {
		less += hybridKey
	}
	switch least, most := g.resumed(); {
	case !h.settled:
		return false
	case h.claim == waiting && h.sent > 1 && h.bytesOut < shortestServerHello && !g.tls: // that was no handshake
		return true
	case g.bytes == 0:
		return h.claim == nothing && h.received > helloSegments || h.claim == waiting && h.bytesOut >= shortestServerHello
	case !g.http2 && h.sent > 1 && least <= h.bytesOut && h.bytesOut <= most && h.bytesOut+oneTicket < g.bytes-g.late: // resumed, with its ticket
		return true
	}
	return h.bytesOut+less >= g.bytes
}

// unanswered tells whether the client was last to send payload. If payload went both ways within a tick, nothing is decided before the
// look is settled. The client's payload is then taken for the last if the kernel had to acknowledge it by a segment of its own. There are two
// exceptions: a single segment since a look at which nobody waited, and a client that acknowledged something later.
func (h *history) unanswered(s *sockdiag.Socket, g greeting) bool {
	switch {
	case s.Sent == 0 || s.SinceReceived < s.SinceSent:
		return true
	case s.SinceReceived > s.SinceSent || s.Received == 1:
		return false
	case s.SinceReceived < settleTime:
		return true
	}
	single := h.settled && h.claim == nothing && s.Received == h.received+1
	return h.acknowledged(s, g) && !single && !ackedLater(s)
}

// acknowledged tells whether the kernel has acknowledged a request by a segment of its own, as it does if there is no answer within
// 200 ms. Where no look was settled before, the first segment of all was acknowledged so, and one request more than answers tells the same.
func (h *history) acknowledged(s *sockdiag.Socket, g greeting) bool {
	oneMore := s.Received == s.Sent+1
	switch {
	case h.settled:
		return s.Acks != h.acks
	case g.mayBeTLS(s):
		return s.Acks != 0
	case g.unacked || s.FastOpen: // the first segment is acknowledged by its answer, as by HAProxy, or with the SYN
		return s.Acks != 0 || oneMore
	}
	return s.Acks != h.acks || oneMore
}

// followed tells whether a request may have followed the last piece of an answer within a tick.
func (h *history) followed(s *sockdiag.Socket) bool {
	return h.pieces && s.Received == h.received+1 && s.SinceReceived >= settleTime && h.asksWithin(s)
}

// asksWithin tells whether what came within a tick of what the app sent may be the next request. The kernel has acknowledged the
// request, as it does if nothing answers.
func (h *history) asksWithin(s *sockdiag.Socket) bool {
	return s.SinceReceived == s.SinceSent && s.Acks != h.acks && !ackedLater(s)
}

// ackedLater tells whether the client acknowledged something after its last payload. What it acknowledged is then the answer.
// The payload may overtake an older acknowledgement on its way, which then arrives a tick of the kernel's clock later. When a client says
// that it will send no more, it acknowledges too, whatever it waits for.
func ackedLater(s *sockdiag.Socket) bool {
	return s.SinceReceived-s.SinceAck > sockdiag.Tick() && s.State != sockdiag.CloseWait && !keptAlive(s)
}

// sentAgain tells whether what the client seems to have acknowledged later may be a request that it sent a second time. If a request takes several
// segments, the client does so when the first acknowledgement is late, which is sooner than an answer is acknowledged by a client that waits
// before it does.
func (h *history) sentAgain(s *sockdiag.Socket) bool {
	several, acknowledged := s.Received > h.received+2, s.Acks != h.acks
	return s.SinceReceived == s.SinceSent && several && acknowledged && ackedLater(s) && s.SinceReceived-s.SinceAck < waitToAck && s.LeastRoundTrip <= sockdiag.Tick()
}

// keptAlive tells whether the last acknowledgement answers a keep-alive probe. When the acknowledgement before came is not known.
func keptAlive(s *sockdiag.Socket) bool {
	return s.SinceReceived-s.SinceAck > ackTime+s.RoundTrip
}

// asks is the claim of a client whose payload came last.
func (h *history) asks(s *sockdiag.Socket, g greeting) claim {
	in, out := h.bytesSince(s)
	oneMore := s.Received == s.Sent+1 && !g.tls && !g.http2 && !g.messages // elsewhere, a segment need not be a request
	switch {
	case h.sameTick(s) && (!oneMore || s.Sent == 1 || keptAlive(s)): // a single answer may be that of a request in two segments
		return maybe
	case h.asksFirst(s, g):
		return waiting
	case h.onlySettings(s, g):
		return maybe
	case h.settled && in <= controlSize && out <= controlSize && (out > 0 || !g.http2 || g.controls(in)):
		return max(maybe, h.claim)
	case h.mayAcknowledge(s, g):
		return maybe
	}
	return waiting
}

// mayAcknowledge tells whether the client's last payload may be a frame that only acknowledges what the app sent.
func (h *history) mayAcknowledge(s *sockdiag.Socket, g greeting) bool {
	in, out := h.bytesSince(s)
	after := s.SinceSent - s.SinceReceived - s.RoundTrip // between what the app sent last, once it had arrived, and the client's payload
	switch {
	case g.http2 && !h.settled && s.Sent > 0 && after <= reactionTime && s.Received <= openingSegments && (g.known || !g.mayBeTLS(s)):
		return true // of the server's settings after an answer, or a request
	case after <= reactionTime+s.RoundTrip && h.mayBePong(s, g): // a round trip is not always as long as before
		return true
	}
	return g.http2 && after <= settleTime && out >= download && in <= controlSize+g.flow(out) // permission to send more, after a download
}

// replied is the claim of a client whose last payload came at the given time, and after which the app has sent something. small: this
// may be no answer. Over HTTP/2, what follows soon may be no answer either. A client of grpc-go pings when it is answered, and asks again
// before that ping is answered.
func (h *history) replied(came time.Duration, s *sockdiag.Socket, g greeting, small bool) (asked time.Duration, c claim) {
	in, out := h.bytesSince(s)
	switch {
	case !small && h.mayPermit(s, g):
		return came, max(maybe, h.claim)
	case !small && (g.http2 && h.speaksSoon(s) || h.mayUpgrade(s, g) || h.sentAgain(s) || g.asking && g.mayBeTLS(s) && h.mayPermit(s, greeting{http2: true})):
		return came, maybe
	case !small && g.asking && g.mayBeAlone(s): // what came long after the rest of a handshake may be its tickets, or HTTP/2's settings
		h.opening = true
		return came, maybe
	case !small:
		return 0, nothing
	case s.Received == h.received || h.claim == waiting:
		return h.asked.since(), h.claim
	case in >= uploadSize && out >= frameHeader || h.asksFirst(s, g):
		return came, waiting
	}
	return came, maybe
}

// small tells whether what the app has sent is too small for an answer, or is no more than permission to send more. An upload that
// the app still reads counts from its beginning. Pings that come after it do not make it longer.
func (h *history) small(now time.Duration, s *sockdiag.Socket, g greeting) bool {
	in, out := h.bytesSince(s)
	came := now - s.SinceReceived
	if s.Received == h.received || s.Received == h.received+1 && slices.Contains(pingSizes, in) {
		came = min(came, h.came.since())
	}
	reads := h.claim == waiting && now-s.SinceSent-came < readTime
	return out <= controlSize || h.permitsPiece(s, g, out) || !h.settled && out <= settingsSize || h.onlySettings(s, g) || h.permits(s, g, in, out) || reads && h.permits(s, g, h.asking, out)
}
