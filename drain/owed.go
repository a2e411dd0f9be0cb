package drain

import (
	"math"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// history is what is remembered of a connection, to tell whether its client waits for an answer.
//
// The kernel's clock ticks every 1 to 10 ms, so a request and its answer often have the same time, and so have an answer
// and the request that follows it. What tells them apart is that the kernel acknowledges by a segment of its own whatever
// is not answered within 200 ms.
//
// There may be ten thousand of them, so it is 32 bytes.
type history struct {
	round  uint32 // of the look that has met it last
	old    bool   // it was there at the first look
	counts bool   // it has carried payload that matters

	settled           bool // there was a look with nothing under way; the rest is of then
	waits             bool
	asked             moment // if it waits: when the request came
	received, sent    uint32
	bytesIn, bytesOut uint32
	acks              uint32
}

// A moment is on the clock of the looks, in milliseconds, which is exact enough; what came before they began is negative.
type moment int32

func at(d time.Duration) moment {
	return moment(max(math.MinInt32, d.Milliseconds()))
}

func (m moment) since() time.Duration { return time.Duration(m) * time.Millisecond }

const (
	settleTime = 250 * time.Millisecond // after which the kernel has acknowledged
	// An HTTP/2 server sends more than answers: settings at first, then permission to send more, and pings. Nothing else
	// that speaks HTTP answers with so few bytes.
	helloSize   = 63 // all that it has ever sent
	controlSize = 48 // since a request, in a TLS record
)

// newHistory is of a connection of which nothing is known but what is usual: the kernel acknowledges the first segment
// with payload at once.
func newHistory(old bool) history { return history{old: old, acks: 1} }

// look tells whether the client waits for an answer, and since when.
func (h *history) look(now time.Duration, s sockdiag.Socket) (asked time.Duration, waits bool) {
	if !canAnswer(s) {
		return 0, false
	}
	if h.settled && h.received == s.Received && h.sent == s.Sent && !h.late(s) {
		return h.asked.since(), h.waits
	}
	asked, waits = h.judge(now, s)
	if min(s.SinceReceived, s.SinceSent) >= settleTime {
		h.settle(s, asked, waits)
	}
	return asked, waits
}

// late tells whether the kernel has acknowledged something since nothing seemed to be under way, because the app was without
// processor time in the middle of reading.
func (h *history) late(s sockdiag.Socket) bool {
	return !h.waits && s.Acks != h.acks && s.SinceReceived == s.SinceSent
}

// canAnswer tells whether the app has not closed the connection.
func canAnswer(s sockdiag.Socket) bool {
	return s.State == sockdiag.Established || s.State == sockdiag.CloseWait
}

func (h *history) judge(now time.Duration, s sockdiag.Socket) (asked time.Duration, waits bool) {
	came := now - s.SinceReceived
	switch {
	case h.pinged(s):
		return h.asked.since(), h.waits
	case h.unanswered(s):
		return came, true
	case !h.small(s):
		return 0, false
	case s.Received != h.received:
		return came, true
	}
	return h.asked.since(), h.waits
}

func (h *history) settle(s sockdiag.Socket, asked time.Duration, waits bool) {
	if !(waits && h.waits && s.Received == h.received) { // else it may be answered in small pieces
		h.bytesOut = bytesOut(s)
	}
	h.settled, h.asked, h.waits = true, at(asked), waits
	h.received, h.sent, h.acks, h.bytesIn = s.Received, s.Sent, s.Acks, s.BytesReceived
}

// unanswered tells whether the last payload came from the client. Of two in the same tick it was the answer if the kernel
// had nothing to acknowledge since, if nothing else came since nothing was under way, or if the client acknowledged
// something later; and what came first of all is taken for answered. Where nothing tells, it was not.
func (h *history) unanswered(s sockdiag.Socket) bool {
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
	alone := h.settled && !h.waits && s.Received == h.received+1
	return s.Acks != h.acks && !alone && s.SinceAck >= s.SinceReceived
}

// pinged tells whether all that went since a look with nothing under way is something small one way and something small
// back. HTTP/2 clients and servers do that on idle connections, and nobody is owed anything by it.
func (h *history) pinged(s sockdiag.Socket) bool {
	return h.settled && s.Received == h.received+1 && s.Sent == h.sent+1 &&
		s.BytesReceived-h.bytesIn <= controlSize && bytesOut(s)-h.bytesOut <= controlSize
}

// small tells whether what the app has sent is too small for an answer.
func (h *history) small(s sockdiag.Socket) bool {
	if s.Received == 0 {
		return false
	}
	if !h.settled {
		return bytesOut(s) <= helloSize
	}
	return bytesOut(s)-h.bytesOut <= controlSize
}

// parting tells whether all that a connection has carried since it was idle, after it had carried something, is so little as
// what TLS and HTTP/2 say when they close one.
func (h *history) parting(s sockdiag.Socket) bool {
	return h.settled && !h.waits && h.received > 0 && s.BytesReceived-h.bytesIn <= controlSize && bytesOut(s)-h.bytesOut <= controlSize
}

func bytesOut(s sockdiag.Socket) uint32 { return s.BytesAcked + s.Unacked }
