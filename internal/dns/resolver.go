// Package dns finds the addresses of hosts for a hook that has seconds to live.
//
// A [Resolver] sits in the DialContext of every HTTP client of a run: [Resolver.DialContext] connects,
// [Resolver.Lookup] only resolves, and both know when a host has failed so often that it is not asked again.
// [Resolver.Look] is a single look for whoever watches a name; it says who answered and for how long the
// answer holds.
//
// It reads resolv.conf and the hosts file as the C library does, asks over UDP and TCP, and always ends: by its
// context, or by time-outs of its own that are shorter than the C library's. Nothing is kept between look-ups, neither
// answers nor the files: a hook lives for seconds and has to see what changes in them. There is no DNSSEC, no
// nsswitch.conf, no service discovery. It alone imports github.com/miekg/dns.
//
// cmd/prestop makes the Resolver of all calls, and drain one for each step that watches a name.
package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A Resolver resolves host names. It is safe for concurrent use and must not be copied. The zero value reads no
// files, asks 127.0.0.1:53 and gives a host up at its first failure.
type Resolver struct {
	// ResolvConf and Hosts are files, read at each look. One that cannot be read counts as empty.
	ResolvConf, Hosts string
	// Nameservers, if there are any, are asked instead of those in ResolvConf.
	Nameservers []netip.AddrPort
	// MaxErrors is how many look-ups of a host may fail in a row; one more and it is given up.
	MaxErrors int

	turn     atomic.Uint32 // of "options rotate"
	failures failures

	exchange exchanger // nil: exchange
	connect  func(ctx context.Context, network, address string) (net.Conn, error)
}

// System is the Resolver of this machine or container: /etc/resolv.conf and /etc/hosts.
func System(maxErrors int) *Resolver {
	return &Resolver{ResolvConf: "/etc/resolv.conf", Hosts: "/etc/hosts", MaxErrors: maxErrors}
}

// An Answer is what a name stands for at the moment.
type Answer struct {
	// Addrs has one address at least. IPv4 comes first: most listeners in a pod, and on its loopback interface above all, are on IPv4
	// alone. And clusters with both families have routes for IPv4 rather than for IPv6.
	Addrs []netip.Addr
	// TTL is how long some of Addrs may be kept. For one family it is the smallest TTL of the records that led to its addresses. Of the
	// two families' TTLs it is the larger one, since a cache may have fetched the families at different times. It is 0 if the addresses
	// are from no nameserver.
	TTL time.Duration
	// Name is the name that has the addresses: the host completed by a search domain, and with a final dot, so that
	// it can be looked at again without the search list.
	Name string
	// Server is the nameserver's address and port, or the hosts file's path, or "" where nothing was asked.
	Server string
	// MissedV4 and MissedV6 say why there was no answer about a family, not even an empty one. If one of them is not nil, an address of
	// its family may exist although it is not in Addrs.
	MissedV4, MissedV6 error
}

// Lookup returns the addresses of host, IPv4 first. Any error is an [*Error]. A failure is counted. After it, the next look-up of the
// host waits until 1, 2, 4, 4, … seconds have passed. After MaxErrors failures in a row, the next failure gives the host up. From then
// on Lookup returns that error at once.
//
// If ctx has a deadline, Lookup ends a little before it, with an error that says what did not answer. So a dead nameserver is counted
// even if each try has less time than the nameserver is given. Some failures are not counted: a look-up that ctx ended, a time-out if
// ctx left less than 200 ms, and a host that is not a possible name.
func (r *Resolver) Lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if tell, ok := ctx.Value(lookingKey{}).(func(string)); ok {
		answer, err := r.Look(ctx, host)
		if err != nil {
			return nil, err
		}
		if line := answer.line(); line != "" {
			tell(line)
		}
		return answer.Addrs, nil
	}
	if answer := r.local(host); answer != nil {
		return answer.Addrs, nil
	}
	if err := r.failures.wait(ctx, host); err != nil {
		return nil, err
	}
	hurried := timeLeft(ctx) < leastLook
	answer, err := r.ask(ctx, host)
	switch {
	case err == nil:
		r.failures.reset(host)
		return answer.Addrs, nil
	case err.Outcome == Cut, err.Outcome == Timeout && hurried:
		return nil, r.failures.after(err)
	case err.Outcome == Invalid:
		return nil, err
	}
	return nil, r.failures.add(host, err, r.MaxErrors)
}

// Look looks at host once. It counts nothing and never waits for its turn, but it does not ask for a host that Lookup has given up. Any
// error is an [*Error].
func (r *Resolver) Look(ctx context.Context, host string) (*Answer, error) {
	if answer := r.local(host); answer != nil {
		return answer, nil
	}
	if final := r.failures.of(host).final; final != nil {
		return nil, final
	}
	answer, err := r.ask(ctx, host)
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// ask asks the nameservers.
func (r *Resolver) ask(ctx context.Context, host string) (*Answer, *Error) {
	if ctx.Err() != nil {
		return nil, cut(ctx, host)
	}
	q := &query{config: r.config(), host: host, exchange: r.exchange}
	names, err := q.names(host)
	if err != nil {
		return nil, &Error{Host: host, Outcome: Invalid, Err: err}
	}
	if q.exchange == nil {
		q.exchange = exchange
	}
	early, cancel := context.WithTimeout(ctx, timeLeft(ctx))
	defer cancel()
	answer, failed := q.search(early, names)
	if failed != nil && ctx.Err() != nil {
		return nil, cut(ctx, host)
	}
	return answer, failed
}

func (r *Resolver) config() config {
	c := parseResolvConf(readFile(r.ResolvConf))
	if len(r.Nameservers) > 0 {
		c.nameservers = slices.Clone(r.Nameservers)
	}
	if c.rotate {
		first := int(r.turn.Add(1)-1) % len(c.nameservers)
		c.nameservers = slices.Concat(c.nameservers[first:], c.nameservers[:first])
	}
	return c
}

type lookingKey struct{}

// Looking is ctx for those who only look, as a dry run does. With it, [Resolver.Lookup] and [Resolver.DialContext] count no failure and
// wait for no turn, as [Resolver.Look] does. Before Lookup returns, tell gets a line about each answer, unless the host is an address itself.
func Looking(ctx context.Context, tell func(string)) context.Context {
	return context.WithValue(ctx, lookingKey{}, tell)
}

// line says what the addresses are, who said so, and for how long they hold. It is empty for a host that is an address itself.
func (a *Answer) line() string {
	text := "resolved to " + shown(a.Addrs) + " by " + a.Server
	switch {
	case a.TTL > 0:
		return text + ", ttl " + a.TTL.String()
	case a.Server != "":
		return text
	case isLocalhost(strings.TrimSuffix(a.Name, ".")):
		return text + "nobody: localhost is never asked for"
	}
	return ""
}

// shown are the first of the addresses: a headless Service may have thousands.
func shown(addrs []netip.Addr) string {
	const most = 3
	text := strings.Trim(fmt.Sprint(addrs[:min(len(addrs), most)]), "[]")
	if n := len(addrs) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

const (
	leastLook = 200 * time.Millisecond // with less, silence says nothing about the nameservers
	noLimit   = time.Hour              // more than the time-outs can add up to
)

// timeLeft is how long something may take so that it ends before ctx does, with an error that says what it waited for.
func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return noLimit
	}
	left := time.Until(deadline)
	return left - min(left/10, 200*time.Millisecond)
}
