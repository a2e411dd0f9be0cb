package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	mdns "github.com/miekg/dns"
)

// grace is how long a family of addresses is waited for once the other has answered. It is long enough for a nameserver that has to ask
// others, and short enough if a firewall swallows every question for AAAA.
const grace = 500 * time.Millisecond

// query is one look: a host's names, one after the other.
type query struct {
	config
	host     string
	exchange exchanger
}

// reply is what came of asking for one family: addresses or an error.
type reply struct {
	addrs  []netip.Addr
	ttl    time.Duration
	server netip.AddrPort
	err    *Error
}

func (r reply) settled() bool { return r.err == nil || r.err.empty() }

// search asks for the names in turn until one has addresses. It stops if no nameserver gave a sensible answer: none would for the next
// name either. A nameserver that says itself that it failed may still know the next name.
func (q *query) search(ctx context.Context, names []string) (*Answer, *Error) {
	var failed *Error
	for i, name := range names {
		answer, err := q.families(ctx, name)
		if err == nil {
			return answer, nil
		}
		failed = heavier(failed, err)
		failed.Names = i + 1
		if !err.answered() || ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// families asks for both families side by side.
func (q *query) families(ctx context.Context, name string) (*Answer, *Error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var replies [2]reply
	done := make(chan int, len(replies))
	for i, qtype := range []uint16{mdns.TypeA, mdns.TypeAAAA} {
		go func() {
			replies[i] = q.family(ctx, mdns.Question{Name: name, Qtype: qtype, Qclass: mdns.ClassINET})
			done <- i
		}()
	}
	// A name that does not exist has no address of either family, whatever the other question would have brought.
	if first := replies[<-done]; first.err == nil || first.err.Outcome == NotFound {
		defer time.AfterFunc(grace, cancel).Stop()
	}
	<-done
	q.prefer(replies[:])
	return join(name, replies[0], replies[1])
}

// prefer moves the nameserver that has just answered to the front, for the next name. So a dead nameserver before it in the list costs
// its time-out once a look, and not once for each name.
func (q *query) prefer(replies []reply) {
	for _, r := range replies {
		if i := slices.Index(q.nameservers, r.server); r.settled() && i > 0 {
			copy(q.nameservers[1:], q.nameservers[:i])
			q.nameservers[0] = r.server
			return
		}
	}
}

// join makes one answer of two: one family is enough.
func join(name string, v4, v6 reply) (*Answer, *Error) {
	server := v4.server
	switch {
	case v4.err != nil && v6.err != nil:
		return nil, joinErrors(v4.err, v6.err)
	case v4.err != nil:
		server = v6.server
	}
	return &Answer{
		Addrs: slices.Concat(v4.addrs, v6.addrs), TTL: max(v4.ttl, v6.ttl), Name: name, Server: server.String(),
		MissedV4: missed(v4), MissedV6: missed(v6),
	}, nil
}

// joinErrors prefers a failure of one family to NODATA of the other, but not to NXDOMAIN: NXDOMAIN is about all types (RFC 8020).
func joinErrors(v4, v6 *Error) *Error {
	if v4.Outcome == NotFound && !v6.empty() {
		return v4
	}
	if v6.Outcome == NotFound && !v4.empty() {
		return v6
	}
	return heavier(v4, v6)
}

func missed(r reply) error {
	if r.settled() {
		return nil
	}
	return r.err
}

// family asks each nameserver the question in turn, in several rounds, until one has an answer.
func (q *query) family(ctx context.Context, question mdns.Question) reply {
	var failed *Error
	tries := len(q.nameservers) * q.attempts
	for i := range tries {
		r := q.try(ctx, q.nameservers[i%len(q.nameservers)], question, tries-i)
		if r.settled() {
			return r
		}
		failed = heavier(failed, r.err)
		if ctx.Err() != nil {
			break
		}
	}
	return reply{err: failed}
}

// try asks one nameserver. It leaves at least as much time for each of the tries to come as it takes itself.
func (q *query) try(ctx context.Context, server netip.AddrPort, question mdns.Question, tries int) reply {
	timeout := q.timeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline)/time.Duration(tries))
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var r reply
	asked := server.String()
	if msg, err := q.exchange(ctx, server, question, q.tcp); err != nil {
		op, _ := errors.AsType[*net.OpError](err)
		r.err = explain(ctx, err, op)
		if op != nil && op.Net == "tcp" { // a firewall may let UDP alone through, and a long answer needs TCP
			asked += " over TCP"
		}
	} else {
		r = read(msg, question)
		r.server = server
	}
	if r.err != nil {
		r.err.Host, r.err.Servers = q.host, []string{asked}
	}
	return r
}

// explain names what kept a nameserver from answering before ctx ended. op is the net.OpError in err, or nil.
func explain(ctx context.Context, err error, op *net.OpError) *Error {
	bad, malformed := errors.AsType[malformedError](err)
	switch {
	case malformed:
		return &Error{Outcome: Malformed, Err: bad}
	case ctx.Err() != nil || op != nil && op.Timeout():
		return &Error{Outcome: Timeout}
	case op != nil:
		err = op.Err // the addresses are known
	}
	return &Error{Outcome: Unreachable, Err: err}
}
