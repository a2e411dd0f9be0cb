package drain

import (
	"math"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// history is what is remembered of a connection, to tell whether its client waits for an answer.
//
// The kernel's clock ticks every 1 to 10 ms. So a request and its answer often have the same time, and so do an answer and
// the next request. The acknowledgements tell the two cases apart: if payload is not answered within 200 ms, the kernel
// acknowledges it by a separate segment.
//
// There may be ten thousand histories, so each has only 56 bytes.
type history struct {
	round  uint32 // number of the last look that found the connection
	old    bool   // it was there at the first look
	counts bool   // it has carried payload that matters
	owed   bool   // at the last look, something was owed to its client
	given  bool   // it was given up
	little bool   // its last payload was no longer than a heartbeat
	beats  bool   // its last payload was a heartbeat
	pieces bool   // the app has sent more since an answer, and was not asked
	chats  bool   // it was pinged before it was known what the port speaks
	last   moment // last payload, heartbeats included
	active moment // last payload, heartbeats not included
	judged
}

// judged is what the last settled look saw, and its verdict. See owed.go.
type judged struct {
	settled        bool   // there was such a look
	opening        bool   // maybe only because it may have carried no more than a handshake, and nobody knew what the port speaks
	blind          bool   // it was judged by all that it ever carried, before it was known what the port speaks
	claim          claim  // whether its client waits
	asked          moment // when the payload came that may wait
	came           moment // when the last payload came that was no ping
	received, sent uint32 // segments with payload
	bytesIn        uint32
	bytesOut       uint32 // of an earlier look, as long as an answer may come in pieces
	acks           uint32 // what the kernel acknowledged by a segment of its own; 1 before there was a settled look
	asking         uint32 // if the client waits: bytes that came with the request
}

// A moment is a time in milliseconds since the looks began, which is exact enough. An earlier time is negative.
type moment int32

func at(d time.Duration) moment {
	return moment(max(math.MinInt32, d.Milliseconds()))
}

func (m moment) since() time.Duration { return time.Duration(m) * time.Millisecond }

const longSilence = 5 * time.Second // before a heartbeat

// newHistory is the history of a connection of which nothing is known yet. It assumes what is usual: the kernel acknowledges
// the first segment with payload at once.
func newHistory(old bool) history { return history{old: old, judged: judged{acks: 1}} }

// look tells whether the client waits for an answer, and since when.
func (h *history) look(now time.Duration, s *sockdiag.Socket, g greeting) (asked time.Duration, c claim) {
	if !canAnswer(s) {
		return 0, nothing
	}
	settled := s.Received > 0 && min(s.SinceReceived, s.SinceSent) >= settleTime+g.age // also when it was looked up who listens, g.age ago
	pinged := h.pinged(s)
	h.chats = h.chats || pinged && (h.blind || h.opening)
	switch {
	case h.blind && g.known && settled && (pinged || h.unchanged(s)): // more is known of the port now than when this was judged
		asked, c = h.again(now, s, g)
		h.judged, h.beats = newHistory(h.old).judged, false
	case h.unchanged(s):
		return h.remembered(now, s, g)
	default:
		h.learn(s, g)
		opening := h.opening
		asked, c = h.judge(now, s, g)
		if !settled { // a ping that is not answered yet changes nothing that is remembered
			h.opening = opening
			return asked, c
		}
		h.blind = !g.known && !h.settled || h.blind && pinged
		h.opening = (h.opening || opening) && c == maybe
	}
	h.settle(now, s, g, asked, c)
	return asked, c
}

// remembered is the last verdict. It is corrected first if it rested on a handshake, and it is known by now what the port speaks.
func (h *history) remembered(now time.Duration, s *sockdiag.Socket, g greeting) (asked time.Duration, c claim) {
	if h.opening && g.known {
		asked, h.claim = h.again(now, s, g)
		h.asked, h.opening = at(asked), false
	}
	return h.asked.since(), h.claim
}

// again judges a connection by all that it ever carried, since it is known now what the port speaks. If a ping went last, nobody sees what
// went before. So the ping is taken neither for a request nor for the answer to a request.
func (h *history) again(now time.Duration, s *sockdiag.Socket, g greeting) (asked time.Duration, c claim) {
	first := newHistory(h.old)
	if asked, c = first.judge(now, s, g); h.chats && h.claim != nothing {
		return h.asked.since(), max(c, maybe)
	}
	return asked, c
}

// learn corrects the last verdict, before something newer is judged: it may have rested on a handshake whose size is known by now.
func (h *history) learn(s *sockdiag.Socket, g greeting) {
	if !h.opening || !g.known || !h.settled {
		return
	}
	if _, sure := g.alone(h.before(s)); sure {
		h.claim = waiting
	}
	h.opening = false
}

// holds tells whether what was seen when the hook began still tells who waits: nothing went since then, or only a farewell. After other
// payload the connection is judged as if it were seen for the first time, since nobody looked meanwhile.
func (h *history) holds(s *sockdiag.Socket, g greeting) bool {
	return h.unchanged(s) || h.goesAway(s, g)
}

// before is a connection as it was at the last settled look.
func (h *history) before(s *sockdiag.Socket) *sockdiag.Socket {
	b := *s
	b.Received, b.Sent, b.BytesReceived, b.BytesAcked, b.Unacked = h.received, h.sent, h.bytesIn, h.bytesOut, 0
	return &b
}

// unchanged tells whether nothing came or went since a settled look.
func (h *history) unchanged(s *sockdiag.Socket) bool {
	return h.settled && h.received == s.Received && h.sent == s.Sent && !h.late(s)
}

// late tells whether the kernel has acknowledged something since the last settled look. This happens if the app
// got no processor time in the middle of reading. Acknowledgements after readTime are for keep-alive.
func (h *history) late(s *sockdiag.Socket) bool {
	return h.claim == nothing && s.Acks != h.acks && s.SinceReceived == s.SinceSent && s.SinceReceived < readTime
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

// settle makes this look the one with which later looks are compared.
func (h *history) settle(now time.Duration, s *sockdiag.Socket, g greeting, asked time.Duration, c claim) {
	if !h.pinged(s) && !h.goesAway(s, g) {
		h.came = at(now - s.SinceReceived)
	}
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

// bytesSince is how many bytes came and went since the last settled look.
func (h *history) bytesSince(s *sockdiag.Socket) (in, out uint32) {
	return s.BytesReceived - h.bytesIn, bytesOut(s) - h.bytesOut
}

func bytesOut(s *sockdiag.Socket) uint32 { return s.BytesAcked + s.Unacked }

// lastPayload is how long ago the last payload went either way.
func lastPayload(s *sockdiag.Socket) time.Duration {
	switch {
	case s.Received == 0:
		return s.SinceSent
	case s.Sent == 0:
		return s.SinceReceived
	}
	return min(s.SinceReceived, s.SinceSent)
}

// canAnswer tells whether the app has not closed the connection.
func canAnswer(s *sockdiag.Socket) bool {
	return s.State == sockdiag.Established || s.State == sockdiag.CloseWait
}
