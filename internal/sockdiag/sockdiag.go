// Package sockdiag asks the kernel about the TCP sockets of this network namespace, by netlink: who is connected, how much
// payload has gone either way, and when the last payload went. A [Dump] looks at all sockets of some ports. The kernel picks
// these sockets. A [Watch] announces the sockets that end in between.
//
// The package needs no privilege and is not in anybody's way. It knows nothing of what the sockets are for. Where netlink is
// refused, and on other systems than Linux, [ErrRefused] says so. Package drain then falls back to /proc/net/tcp, which tells less.
package sockdiag

import (
	"errors"
	"net/netip"
	"time"
)

// ErrRefused says that this kernel or its sandbox gives no such answers.
var ErrRefused = errors.New("the kernel gives no socket diagnostics")

// ErrLost says that more sockets ended than were announced. What the others carried is not known.
var ErrLost = errors.New("announcements of sockets that ended were lost")

// A State is the state of a TCP socket, as in the kernel's tcp_states.h.
type State uint8

// The states. SYN_SENT, SYN_RECV and CLOSED are left out: no payload goes in them.
const (
	Established State = 1
	FinWait1    State = 4
	FinWait2    State = 5
	TimeWait    State = 6
	CloseWait   State = 8
	LastAck     State = 9
	Listen      State = 10
	Closing     State = 11
)

// A Socket is a TCP socket, at the moment it was looked at.
type Socket struct {
	Cookie        uint64 // the kernel's name for it, never given twice
	State         State
	Local, Remote netip.AddrPort // IPv4 also where an IPv6 socket speaks IPv4

	// Received and Sent count the segments with payload. So a handshake or a close does not count. Known: the kernel
	// told them. It has none to tell for a socket without a process.
	Known          bool
	Received, Sent uint32
	// Acks counts the segments sent without payload. If payload is not answered within 200 ms, it is always
	// acknowledged by such a segment.
	Acks uint32
	// Came counts all segments that came, without payload too.
	Came uint32
	// BytesReceived is the payload that came. BytesAcked is the payload that went and has arrived. Both overflow after
	// 4 GiB, so that only differences are exact.
	BytesReceived, BytesAcked uint32
	// SegmentSize is the most payload that is sent in one segment, in bytes. Resent is how many segments were sent again.
	// Sent counts each time that a segment was sent.
	SegmentSize, Resent uint32
	// Unacked is how many bytes lie here for the peer: not sent yet, or sent and not acknowledged.
	Unacked uint32
	// SinceReceived and SinceSent are how long ago the last payload came and went. SinceAck is how long ago the last segment
	// came that acknowledged payload. That segment may carry payload or not. All three are exact to a [Tick] of the kernel's clock.
	SinceReceived, SinceSent, SinceAck time.Duration
	// RoundTrip is how long the peer takes to acknowledge what it is sent, smoothed by the kernel.
	RoundTrip time.Duration
	// FastOpen: the first payload came with the SYN, and was acknowledged with that (RFC 7413).
	FastOpen bool
	// Full: so many connections wait for this listener to accept them that the kernel keeps others out.
	Full bool
	// LeastRoundTrip is the shortest of the last minutes: how far away the peer is, without the time that it takes to acknowledge.
	LeastRoundTrip time.Duration
}

const longestTick = 10 * time.Millisecond

// Tick is how long a tick of the clock is by which the kernel notes when something came or went. It is 1 to 10 ms, or 10 ms where
// the kernel does not say how long.
func Tick() time.Duration { return tick() }
