package dns

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// malformedError says why a message is no answer to the question.
type malformedError string

func (e malformedError) Error() string { return string(e) }

var errTruncated = errors.New("truncated")

const maxAliases = 16

// readMessage returns the message on the wire, which has a header at least, if it is the answer to question. That the library can unpack
// the message is not enough: the library stops without an error if records that the header announces are missing.
func readMessage(wire []byte, question *mdns.Msg) (*mdns.Msg, error) {
	m := new(mdns.Msg)
	err := m.Unpack(wire)
	switch {
	case m.Id != question.Id:
		return nil, malformedError("with another id")
	case !m.Response || m.Opcode != mdns.OpcodeQuery:
		return nil, malformedError("not marked as an answer")
	case refusesUnseen(m):
		return m, nil
	case m.Truncated && len(m.Question) == 0:
		return nil, errTruncated
	case !sameQuestion(m.Question, question.Question[0]):
		return nil, malformedError("to another question")
	case m.Truncated: // looked at before err: a message that was cut need not be readable
		return nil, errTruncated
	case err != nil:
		return nil, malformedError(err.Error())
	}
	return m, complete(wire, m)
}

// refusesUnseen tells whether a message is only an error code. A nameserver that could not read a question, or does not want to, need
// not repeat it. Such a message ends the wait for this nameserver, and says nothing about the name.
func refusesUnseen(m *mdns.Msg) bool {
	return len(m.Question) == 0 && len(m.Answer) == 0 && m.Rcode != mdns.RcodeSuccess && m.Rcode != mdns.RcodeNameError
}

func sameQuestion(got []mdns.Question, want mdns.Question) bool {
	return len(got) == 1 && strings.EqualFold(got[0].Name, want.Name) && got[0].Qtype == want.Qtype && got[0].Qclass == want.Qclass
}

func complete(wire []byte, m *mdns.Msg) error {
	for i, have := range []int{len(m.Question), len(m.Answer), len(m.Ns), len(m.Extra)} {
		if announced := int(binary.BigEndian.Uint16(wire[4+2*i:])); have != announced {
			return malformedError(fmt.Sprintf("%d records of %d that it announces", have, announced))
		}
	}
	return nil
}

// read takes what an answer says about the question.
func read(m *mdns.Msg, question mdns.Question) reply {
	switch {
	case m.Rcode == mdns.RcodeNameError:
		return reply{err: &Error{Outcome: NotFound}}
	case m.Rcode != mdns.RcodeSuccess:
		return reply{err: &Error{Outcome: Outcome(cmp.Or(mdns.RcodeToString[m.Rcode], fmt.Sprintf("response code %d", m.Rcode)))}}
	case isReferral(m):
		return reply{err: &Error{Outcome: Malformed, Err: malformedError("a referral to other nameservers")}}
	}
	return follow(m.Answer, question)
}

// isReferral tells whether a nameserver only says whom to ask, because it neither owns the name nor asks others. That is not NODATA.
func isReferral(m *mdns.Msg) bool {
	return len(m.Answer) == 0 && !m.Authoritative && !m.RecursionAvailable && len(m.Ns) > 0 && m.Ns[0].Header().Rrtype == mdns.TypeNS
}

// follow collects the addresses at the end of the chain of aliases that begins with the question. Other records are ignored, wherever
// they come from.
func follow(records []mdns.RR, question mdns.Question) reply {
	name := question.Name
	r := reply{ttl: math.MaxInt64}
	for range maxAliases {
		alias := ""
		for _, rr := range records {
			h := rr.Header()
			if h.Class != question.Qclass || !strings.EqualFold(h.Name, name) || h.Rrtype != question.Qtype && h.Rrtype != mdns.TypeCNAME {
				continue
			}
			switch rr := rr.(type) {
			case *mdns.A:
				r.add(rr.A)
			case *mdns.AAAA:
				r.add(rr.AAAA)
			case *mdns.CNAME:
				alias = rr.Target
			}
			r.ttl = min(r.ttl, time.Duration(h.Ttl)*time.Second)
		}
		switch {
		case len(r.addrs) > 0:
			return r
		case alias == "":
			return reply{err: &Error{Outcome: NoAddress}}
		}
		name = alias
	}
	return reply{err: &Error{Outcome: Malformed, Err: malformedError(fmt.Sprintf("more than %d aliases, or a circle of them", maxAliases))}}
}

func (r *reply) add(ip net.IP) {
	if addr, ok := netip.AddrFromSlice(ip); ok {
		r.addrs = append(r.addrs, addr.Unmap())
	}
}
