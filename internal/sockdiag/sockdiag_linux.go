package sockdiag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The sizes and places of what the kernel writes (linux/inet_diag.h, linux/tcp.h).
const (
	sizeHeader  = 16 // nlmsghdr
	sizeMessage = 72 // inet_diag_msg
	attrInfo    = 2  // INET_DIAG_INFO: tcp_info

	infoOptions       = 5
	infoSegmentSize   = 16
	infoLastSent      = 44
	infoLastReceived  = 52
	infoLastAck       = 56
	infoRoundTrip     = 68
	infoResent        = 100
	infoBytesAcked    = 120
	infoBytesReceived = 128
	infoAllOut        = 136
	infoAllIn         = 140
	infoLeastTrip     = 148
	infoSegmentsIn    = 152
	infoSegmentsOut   = 156
	optionSynData     = 1 << 5 // TCPI_OPT_SYN_DATA
	sizeInfo          = 160    // as far as it is read; kernels before 4.6 tell less
)

var native = binary.NativeEndian

// parse makes s the socket of an inet_diag_msg and its attributes.
func (s *Socket) parse(message []byte) error {
	if len(message) < sizeMessage {
		return fmt.Errorf("%d bytes of a socket, expected %d", len(message), sizeMessage)
	}
	id := message[4:]
	*s = Socket{
		State:  State(message[1]),
		Local:  address(message[0], id[4:20], id[0:2]),
		Remote: address(message[0], id[20:36], id[2:4]),
		Cookie: uint64(native.Uint32(id[40:])) | uint64(native.Uint32(id[44:]))<<32,
	}
	s.Unacked = queued(s.State, native.Uint32(message[60:]))
	s.Full = s.State == Listen && native.Uint32(message[56:]) > native.Uint32(message[60:])
	return attributes(message[sizeMessage:], func(kind uint16, value []byte) {
		if kind == attrInfo && len(value) >= sizeInfo {
			s.Known = true
			s.FastOpen = value[infoOptions]&optionSynData != 0
			s.SinceSent = milliseconds(value[infoLastSent:])
			s.SinceReceived = milliseconds(value[infoLastReceived:])
			s.SinceAck = milliseconds(value[infoLastAck:])
			s.RoundTrip = time.Duration(native.Uint32(value[infoRoundTrip:])) * time.Microsecond
			s.LeastRoundTrip = time.Duration(native.Uint32(value[infoLeastTrip:])) * time.Microsecond
			s.Received = native.Uint32(value[infoSegmentsIn:])
			s.Sent = native.Uint32(value[infoSegmentsOut:])
			s.Acks = native.Uint32(value[infoAllOut:]) - s.Sent
			s.Came = native.Uint32(value[infoAllIn:])
			s.SegmentSize = native.Uint32(value[infoSegmentSize:])
			s.Resent = min(native.Uint32(value[infoResent:]), s.Sent) // the kernel counts a SYN-ACK too that it sent again (tcp_create_openreq_child)
			s.BytesAcked = low(value[infoBytesAcked:])
			s.BytesReceived = low(value[infoBytesReceived:])
		}
	})
}

// queued is how many bytes of a write queue are payload. A FIN counts as a byte there too.
func queued(state State, n uint32) uint32 {
	switch state {
	case Listen: // n is the most connections that may wait to be accepted
		return 0
	case FinWait1, Closing, LastAck:
		return n - min(n, 1)
	}
	return n
}

// low is the lower half of a 64-bit number.
func low(b []byte) uint32 { return uint32(native.Uint64(b)) }

func milliseconds(b []byte) time.Duration {
	return time.Duration(native.Uint32(b)) * time.Millisecond
}

func address(family byte, ip, port []byte) netip.AddrPort {
	at := netip.AddrFrom16([16]byte(ip)).Unmap()
	if family == unix.AF_INET {
		at = netip.AddrFrom4([4]byte(ip))
	}
	return netip.AddrPortFrom(at, binary.BigEndian.Uint16(port))
}

var errAttribute = errors.New("an attribute of a socket breaks off")

// attributes calls do for each netlink attribute.
func attributes(b []byte, do func(kind uint16, value []byte)) error {
	for len(b) >= 4 {
		size := int(native.Uint16(b))
		if size < 4 || size > len(b) {
			return errAttribute
		}
		do(native.Uint16(b[2:]), b[4:size])
		b = b[min(len(b), align(size)):]
	}
	return nil
}

func align(n int) int { return (n + 3) &^ 3 }

// messages calls do for each netlink message in b that answers the request with that number. 0: for each message.
func messages(b []byte, number uint32, do func(kind uint16, body []byte) error) error {
	for len(b) >= sizeHeader {
		size := int(native.Uint32(b))
		if size < sizeHeader || size > len(b) {
			return errors.New("a netlink message breaks off")
		}
		if number == 0 || number == native.Uint32(b[8:]) {
			if err := do(native.Uint16(b[4:]), b[sizeHeader:size]); err != nil {
				return err
			}
		}
		b = b[min(len(b), align(size)):]
	}
	return nil
}

// open makes a netlink socket.
func open(flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return -1, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return fd, nil
}

var tick = sync.OnceValue(func() time.Duration {
	var each unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &each); err != nil {
		return longestTick
	}
	return time.Duration(each.Nano())
})
