// Package sockdiag asks the kernel about the TCP sockets of this network namespace, by netlink: who is connected, how
// much payload has gone either way, and when the last of it did. A [Dump] is a look at all sockets of some ports, which
// the kernel picks; a [Watch] announces those that end in between.
//
// It needs no privilege and is not in anybody's way. It knows nothing of what the sockets are for. Where netlink is
// refused, and on other systems than Linux, [ErrRefused] says so; /proc/net/tcp, which package drain falls back to, knows less.
package sockdiag

import (
	"errors"
	"net/netip"
	"time"
)

// ErrRefused says that this kernel or its sandbox gives no such answers.
var ErrRefused = errors.New("the kernel gives no socket diagnostics")

// ErrLost says that more sockets ended than could be told: what they carried is not known.
var ErrLost = errors.New("announcements of sockets that ended were lost")

// A State is a TCP socket's, as in the kernel's tcp_states.h.
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
	Local, Remote netip.AddrPort // IPv4 also where the socket is an IPv6 one that talks it

	// Received and Sent count the segments with payload, so that a handshake or a close is none. Known: the
	// kernel told them; it does not of a socket without a process, which has none to tell.
	Known          bool
	Received, Sent uint32
	// Acks counts the segments sent without payload. What came and is not answered within 200 ms is always
	// acknowledged by one.
	Acks uint32
	// BytesReceived and BytesAcked are the payload that came, and that went and has arrived. They may overflow: only
	// differences mean something.
	BytesReceived, BytesAcked uint32
	// SegmentSize is the most payload that is sent in one segment, in bytes, and Resent how many segments were sent again:
	// Sent counts those once more.
	SegmentSize, Resent uint32
	// Unacked is what lies here for the peer, in bytes: not sent, or sent and not acknowledged.
	Unacked uint32
	// SinceReceived and SinceSent are how long ago the last payload came and went, and SinceAck the last segment that
	// acknowledged any, with payload or without. To a [Tick] of the kernel's clock.
	SinceReceived, SinceSent, SinceAck time.Duration
	// RoundTrip is how long the peer takes to acknowledge what it is sent, smoothed by the kernel.
	RoundTrip time.Duration
}

const longestTick = 10 * time.Millisecond

// Tick is how often the clock ticks by which the kernel notes when something came or went: 1 to 10 ms, or 10 ms where the
// kernel does not say how often.
func Tick() time.Duration { return tick() }
