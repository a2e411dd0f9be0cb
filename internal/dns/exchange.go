package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"

	mdns "github.com/miekg/dns"
)

const (
	ednsSize    = 1232 // announced: what fits every path unfragmented
	maxDatagram = 4096 // read nevertheless
)

// exchanger asks a nameserver one question, over TCP from the start if so told. What it returns is an answer to that
// question; its response code may be any.
type exchanger func(ctx context.Context, server netip.AddrPort, question mdns.Question, tcp bool) (*mdns.Msg, error)

// exchange asks over the network. The time-out is ctx's, for everything: TCP after a truncated answer too, and
// a nameserver that does not know EDNS0 being asked again without.
func exchange(ctx context.Context, server netip.AddrPort, question mdns.Question, tcp bool) (*mdns.Msg, error) {
	answer, err := send(ctx, server, newMessage(question).SetEdns0(ednsSize, false), tcp)
	if err == nil && answer.Rcode == mdns.RcodeFormatError {
		return send(ctx, server, newMessage(question), tcp)
	}
	return answer, err
}

func newMessage(question mdns.Question) *mdns.Msg {
	m := new(mdns.Msg)
	return m.SetQuestion(question.Name, question.Qtype) // with a random id
}

func send(ctx context.Context, server netip.AddrPort, m *mdns.Msg, tcp bool) (*mdns.Msg, error) {
	if tcp {
		return sendOver(ctx, "tcp", server, m, tcpAnswer)
	}
	answer, err := sendOver(ctx, "udp", server, m, udpAnswer)
	if err == errTruncated {
		return sendOver(ctx, "tcp", server, m, tcpAnswer)
	}
	return answer, err
}

// sendOver closes the connection when ctx ends, which is the one thing that ends reading and writing at once; deadlines
// alone would not notice a context that is cancelled.
func sendOver(ctx context.Context, network string, server netip.AddrPort, m *mdns.Msg, answer func(net.Conn, *mdns.Msg, []byte) (*mdns.Msg, error)) (*mdns.Msg, error) {
	wire, err := m.Pack()
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	return answer(conn, m, wire)
}

// udpAnswer reads until the answer is there. Anybody can send a datagram that looks nearly like it, or send it
// first: whatever is not an answer is passed over, and is an error only if no better one comes.
func udpAnswer(conn net.Conn, m *mdns.Msg, wire []byte) (*mdns.Msg, error) {
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	buf := make([]byte, maxDatagram)
	var rejected error
	for {
		n, err := conn.Read(buf)
		if err != nil && rejected != nil {
			return nil, rejected
		} else if err != nil {
			return nil, err
		}
		answer, err := readMessage(buf[:n], m)
		if err == nil || err == errTruncated {
			return answer, err
		}
		rejected = err
	}
}

func tcpAnswer(conn net.Conn, m *mdns.Msg, wire []byte) (*mdns.Msg, error) {
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, brokenOff(err)
	}
	buf := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, brokenOff(err)
	}
	answer, err := readMessage(buf, m)
	if err == errTruncated {
		return nil, malformedError("truncated, though over TCP")
	}
	return answer, err
}

func brokenOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformedError("the connection was closed before the answer was complete")
	}
	return err
}
