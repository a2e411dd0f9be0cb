package drain

import (
	"slices"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// What TLS and HTTP/2 send for themselves is payload to the kernel. It is told from requests and answers by its size.
const (
	// An HTTP/2 server does not only send answers: it sends settings at first, then permission to send more, and pings. No
	// other server that speaks HTTP answers with so few bytes.
	settingsSize   = 63 // if this is all that it has ever sent
	settingsFrames = 80 // the same, if it came in several segments
	coreSettings   = 85 // the same, of gRPC's C core in two segments, and of gRPC's Java
	javaSettings   = 66
	controlSize    = 48 // since a request, in a TLS record
	// A client that opens an HTTP/2 channel in advance, as gRPC does, sends at most so much without a request: the preface, its
	// settings, and the acknowledgement of the server's settings.
	prefaceSize = 48
	// Two GOAWAY frames, each with a reason of about 15 bytes, and a ping. Each frame is in a TLS record.
	farewellSize = 2*(17+15+22) + 39
	// A handshake, the preface, one request, and the acknowledgement of the server's settings take at most so many segments.
	openingSegments = helloSegments + 3
	// An upload of so many bytes makes a server send permission to send more.
	uploadSize  = 16 << 10
	frameHeader = 9               // bytes of each HTTP/2 frame besides its payload (RFC 9113, 4.1)
	pingSize    = frameHeader + 8 // (RFC 9113, 6.7)
	// The consent to speak HTTP/2, a server's settings, permission and the acknowledgement of the client's settings take at most so many bytes.
	upgradeSize = 200
	fewSegments = 3  // of an HTTP/1 answer to an upload
	beatSize    = 63 // bytes of a heartbeat of an event stream
	// A client's part of a TLS handshake takes at most so many segments, if one of them is sent twice.
	helloSegments = 3
	// Control frames come in segments of a few bytes each. An HTTP/1 answer comes in one or two segments of many bytes.
	frameSize, recordSize = 32, 70 // mean bytes of a segment, without TLS and with TLS
	// A server permits a client to send more once it has read so many bytes, and a client permits a server once it has read so much of
	// a download.
	leastPermitted, download = 1 << 10, 4 << 10
)

// permission is how many bytes HTTP/2's permission to send more takes at most after so many bytes came: two frames for each 4 KB, each in
// a TLS record of its own. Go's server sends this much, the most of all servers that were tried.
func permission(in uint32) uint32 {
	if in < leastPermitted {
		return 0
	}
	return recordSize * (in/(4<<10) + 1)
}

// pingSizes are the bytes of an HTTP/2 ping: without TLS, and in a record of TLS 1.3 or 1.2 with the usual ciphers.
var pingSizes = []uint32{pingSize, 39, 38, 46}

// farewellSizes are the bytes of two GOAWAY frames and a ping, without TLS, as servers of gRPC send them to an old connection: for no reason,
// the same with permission to send more, and for max_age. There are no more: gRPC's clients also ping when they are answered.
var farewellSizes = []uint32{3 * pingSize, 3*pingSize + 13, 3*pingSize + 2*7}

// permitSizes are the bytes of one or two frames of HTTP/2 that permit to send more, without TLS and in a record as above. A
// server may send them as soon as it has read a small request.
var permitSizes = []uint32{13, 26, 34, 35, 42, 47, 48}

// piecePermits are the bytes that a server sends for each piece of a body over TLS. Go's sends two such frames, each in a record of TLS 1.3
// or 1.2. Java's TLS 1.3 adds 16 bytes to each record, so one frame is longer than controlSize. Tomcat sends one, two, one and a ping, or
// a ping alone as soon as it has read a request. The last is what gRPC's server of Node.js sends when a connection has become old: two GOAWAY
// frames in a record, one of them for max_age. It answers the call after that.
var piecePermits = []uint32{70, 84, 51, 102, 106, 55, 63}

// clientSizes are the bytes of frames of HTTP/2 that a client sends unasked, and that are no request: it has read settings, it permits to
// send more, it gives up a request, or it pings. The last two are of two frames. secureSizes are the same in a record of TLS 1.3.
var (
	clientSizes = []uint32{9, 13, 17, 26, 30}
	secureSizes = []uint32{31, 35, 39, 48}
)

// controls tells whether so few bytes of a client of HTTP/2, to which nothing was sent, may be such frames. Otherwise they are a request.
func (g greeting) controls(in uint32) bool {
	return !g.tls && slices.Contains(clientSizes, in) || (g.tls || !g.known) && slices.Contains(secureSizes, in)
}

// alertSizes are the bytes by which TLS closes a connection on one side: none, or an alert in a record of TLS 1.3 or 1.2 with the usual
// ciphers. The end of the connection counts as one byte more.
var alertSizes = []uint32{0, 1, 23, 24, 25, 31, 32}

// onlySettings tells whether all that the app has ever sent may be what an HTTP/2 server sends first: its settings, and the
// acknowledgement of the client's settings.
func (h *history) onlySettings(s *sockdiag.Socket, g greeting) bool {
	out := bytesOut(s)
	if h.settled || out < frameHeader*max(2, s.Sent-s.Resent) {
		return false
	}
	return out <= settingsSize || out <= settingsFrames && out <= frameSize*s.Sent || g.http2 && (out == coreSettings || out == javaSettings) && s.Sent > 1
}

// asksFirst tells whether a client has sent more than opens a channel, while the app has sent its settings only. A channel of HTTP/2 that was never
// used may have carried pings besides. Each takes a segment each way, and settings take two.
func (h *history) asksFirst(s *sockdiag.Socket, g greeting) bool {
	in, _ := h.bytesSince(s)
	most := uint32(prefaceSize)
	if segments := min(s.Received, s.Sent-s.Resent); g.http2 && segments > 2 {
		most += pingSize * (segments - 2)
	}
	return h.onlySettings(s, g) && in > most
}

// permits tells whether the app has sent no more than permission to send more, where in is how many bytes came. What an HTTP/2
// server sends first may come before that, in a segment of its own.
func (h *history) permits(s *sockdiag.Socket, g greeting, in, out uint32) bool {
	most, each, segments := uint32(controlSize), uint32(frameSize), s.Sent-h.sent
	if g.tls && !g.http2 {
		return false
	}
	if g.tls || h.settled && s.BytesReceived-in > shortestHello && !g.known { // more came before than a client's part of a handshake
		each = recordSize
	}
	longest := each * segments
	if !h.settled && segments > 0 {
		most, longest = settingsSize, settingsSize+each*(segments-1)
		if segments > 1 && in >= uploadSize { // two of its segments may have become one
			longest += each
		}
	}
	return in >= leastPermitted && out <= most+permission(in) && out <= longest
}

// permitsPiece tells whether the app has sent no more than permission, for a piece of a body that may have any size. While a port is asked
// what it speaks, that may be HTTP/2 over TLS.
func (h *history) permitsPiece(s *sockdiag.Socket, g greeting, out uint32) bool {
	return (g.tls && g.http2 || g.asking && g.mayBeTLS(s)) && s.Sent <= h.sent+2+s.Resent && slices.Contains(piecePermits, out)
}

// mayPermit tells whether what the app has sent may be no more than permission, where permits says that it is more. A server, or its kernel, may
// send several frames in a segment. Where HTTP/2 is not known, an answer of HTTP/1 comes in a few segments.
func (h *history) mayPermit(s *sockdiag.Socket, g greeting) bool {
	in, out := h.bytesSince(s)
	segments, each := s.Sent-h.sent, uint32(recordSize)
	switch {
	case g.http2:
		each = 3 * recordSize
	case segments <= fewSegments:
		each = controlSize
	}
	return (g.http2 || !g.tls) && in >= uploadSize && out <= each*segments && out <= settingsSize+permission(in)
}

// mayUpgrade tells whether all that the app has ever sent may be the consent to speak HTTP/2 instead of HTTP/1, and then its settings. The
// request that asked for that may wait.
func (h *history) mayUpgrade(s *sockdiag.Socket, g greeting) bool {
	out := bytesOut(s)
	return !h.settled && !g.tls && s.Received > 1 && s.Received <= openingSegments && s.Sent > 1 && out <= upgradeSize && out <= recordSize*s.Sent
}

// pinged tells whether only one small segment went each way since. HTTP/2 clients and servers send pings like this on idle
// connections. A ping changes no claim. A small request with a small answer looks the same.
func (h *history) pinged(s *sockdiag.Socket) bool {
	in, out := h.bytesSince(s)
	if !h.settled || s.Received != h.received+1 || s.Sent != h.sent+1 || in > controlSize {
		return false
	}
	if out > controlSize { // while the client waits, the app may have sent something small before
		return h.claim == waiting && h.last > h.came && slices.Contains(pingSizes, in) && out <= in+controlSize && s.SinceReceived >= s.SinceSent
	}
	if in != out && (h.claim != nothing && h.asksWithin(s) || slices.Contains(permitSizes, out)) {
		return false
	}
	return s.SinceReceived >= s.SinceSent || in == out // otherwise the app sent something small, and then the client asked
}

// mayBePong tells whether what the client has sent last, soon after the server, may be the answer to a ping. Nobody looked before, so the size
// of it is not known. A client that was never answered asks: what was sent to it was a handshake, permission to send more, or less than came.
func (h *history) mayBePong(s *sockdiag.Socket, g greeting) bool {
	in, out := h.bytesSince(s)
	if g.mayBeAlone(s) || h.settled || s.Sent == 0 {
		return false
	}
	return g.http2 && !h.permits(s, g, in, out) || g.messages && (g.tls || s.Received <= s.Sent)
}

// beating tells whether a heartbeat, after a silence, is all that went since. A heartbeat says that the
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
		return nin == 0 && nout <= 2 && out <= beatSize
	case g.http2:
		return nin <= 1 && nout <= 1 && (in == out || nin == 0 || nout == 0 && s.SinceReceived < settleTime) && slices.Contains(pingSizes, max(in, out))
	}
	return false
}

// goesAway tells whether a request may wait, and nothing went since but what a gRPC server and its client say before the server closes the
// connection: two GOAWAY frames, and between them a ping, which the client answers. A server that shuts down says so, and also one
// that listens on, to a connection that has become old. If the server has answered the request, it closes the connection after that.
func (h *history) goesAway(s *sockdiag.Socket, g greeting) bool {
	in, out := h.bytesSince(s)
	pong := slices.Contains(pingSizes, in)
	switch {
	case !h.settled || h.claim == nothing || g.tls && !g.http2 && g.bytes > 0:
		return false
	case g.stopped:
		return (pong || in == 0 && g.http2) && out <= farewellSize
	}
	pong = pong && s.SinceSent <= s.SinceReceived && !h.asksWithin(s) // the second GOAWAY follows it
	record := in - pingSize                                           // what TLS adds to a segment
	segments := uint32(2)
	if record == 0 && s.Sent > h.sent+2+s.Resent { // gRPC's Java may send each frame in a segment
		segments = 3
	}
	all := s.Sent >= h.sent+segments && s.Sent <= h.sent+segments+s.Resent
	return pong && s.Received == h.received+1 && all && slices.Contains(farewellSizes, out-2*record)
}

// speaksSoon tells whether what the app has sent last came so soon after the client's payload that it may answer a ping, or be the GOAWAY that
// follows at once on the client's answer to a ping.
func (h *history) speaksSoon(s *sockdiag.Socket) bool {
	after := s.SinceReceived - s.SinceSent
	return !h.settled && s.Sent > 0 && 0 <= after && after < reactionTime
}

// parting tells whether a connection has carried so little since it was idle that this may be what TLS and HTTP/2 send to close
// a connection. Before it was idle, it must have carried something. Other protocols ask and answer with as few bytes. If its client may have
// waited, it is closed by no more than an alert of TLS.
func (h *history) parting(s *sockdiag.Socket) bool {
	in, out := h.bytesSince(s)
	idle := h.claim == nothing || h.claim == maybe && slices.Contains(alertSizes, in) && slices.Contains(alertSizes, out)
	return h.settled && idle && h.received > 0 && in <= controlSize && out <= controlSize
}
