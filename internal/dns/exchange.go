package dns

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"

	mdns "github.com/miekg/dns"
)

const (
	ednsSize    = 1232 // announced: what fits every path unfragmented
	maxDatagram = 4096 // what is read all the same
)

// exchanger asks a nameserver one question, over TCP from the start if tcp is set. It returns an answer to that question, whatever the
// response code.
type exchanger func(ctx context.Context, server netip.AddrPort, question mdns.Question, tcp bool) (*mdns.Msg, error)

// exchange asks over the network. ctx limits the time for everything: also for TCP after a truncated answer, and for a second question
// without EDNS0 to a nameserver that does not know it.
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
	if !tcp {
		answer, err := sendOver(ctx, "udp", server, m)
		if err != errTruncated {
			return answer, err
		}
	}
	answer, err := sendOver(ctx, "tcp", server, m)
	if err == errTruncated {
		err = malformedError("truncated, though over TCP")
	}
	return answer, err
}

// sendOver closes the connection when ctx ends. The library does not notice when a context is cancelled, and ends a read after 2 s
// whatever the deadline is.
//
// Anybody can send a datagram that looks nearly like the answer, and it may arrive first. What is not the answer is ignored, and is an
// error only if no better message comes.
func sendOver(ctx context.Context, network string, server netip.AddrPort, m *mdns.Msg) (*mdns.Msg, error) {
	raw, err := new(net.Dialer).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	conn := mdns.Conn{Conn: raw, UDPSize: maxDatagram}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.WriteMsg(m); err != nil {
		return nil, err
	}
	for rejected := error(nil); ; {
		wire, err := conn.ReadMsgHeader(nil)
		var answer *mdns.Msg
		switch {
		case err == nil:
			answer, err = readMessage(wire, m)
		case errors.Is(err, mdns.ErrShortRead):
			err = malformedError("shorter than a header")
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			err = malformedError("the connection was closed before the answer was complete")
		default:
			return nil, cmp.Or(rejected, err)
		}
		if err == nil || err == errTruncated || network == "tcp" {
			return answer, err
		}
		rejected = err
	}
}
