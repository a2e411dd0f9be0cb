package drain

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/prestop/prestop/internal/testserver"
	"github.com/prestop/prestop/internal/timing"
)

// An authority is a real nameserver whose answer changes.
type authority struct {
	addr  netip.AddrPort
	with  func() // the pod's address
	after func() // without it
}

func coreDNS(t *testing.T, ttl int, others ...string) authority {
	t.Helper()
	address := testserver.Address(t, testserver.IP())
	zone := testserver.CoreDNS(t, address, "svc.test")
	var lines []string
	for _, ip := range others {
		lines = append(lines, fmt.Sprintf("web %d IN A %s", ttl, ip))
	}
	return authority{netip.MustParseAddrPort(address),
		func() { zone.Set(append(lines, fmt.Sprintf("web %d IN A %s", ttl, own))) },
		func() { zone.Set(lines) }}
}

func dnsmasq(t *testing.T, ttl int, others ...string) authority {
	t.Helper()
	address := testserver.Address(t, testserver.IP())
	hosts := testserver.Dnsmasq(t, address, "svc.test", time.Duration(ttl)*time.Second)
	var lines []string
	for _, ip := range others {
		lines = append(lines, ip+" web.svc.test")
	}
	return authority{netip.MustParseAddrPort(address),
		func() { hosts.Set(append(lines, own.String()+" web.svc.test")) },
		func() { hosts.Set(lines) }}
}

// A run is an until gone that has seen the address.
type run struct {
	log  *watched
	done chan error
}

func runGone(t *testing.T, servers ...netip.AddrPort) run {
	t.Helper()
	r := run{&watched{lines: make(chan string, 1000)}, make(chan error, 1)}
	go func() {
		r.done <- (&Gone{Name: "web", Address: own, Resolver: resolverOf(t, servers...)}).Run(t.Context(), slog.New(slog.NewTextHandler(r.log, nil)))
	}()
	r.log.await(t, "is in the answer")
	return r
}

// ends waits for its end, and tells how long that was after begin. How late it may be is judged in make timing; here it only has
// to come.
func (r run) ends(t *testing.T, begin time.Time, least, most time.Duration) time.Duration {
	t.Helper()
	err := <-r.done
	took := time.Since(begin)
	if err != nil || took < least || took > most+6*soon || timing.Judged && took > most {
		t.Errorf("%v after %v, want from %v to %v", err, took, least, most)
	}
	return took
}

func TestGoneFromRealNameservers(t *testing.T) {
	t.Parallel()
	together(t, []func(*testing.T){goneByTTL, goneFromCachesThatDisagree, goneFromALateNameserver, goneNameserverDies, goneNameserverDiesEarly},
		func(t *testing.T, do func(*testing.T)) { do(t) })
}

func goneByTTL(t *testing.T) {
	many := make([]string, 120) // more than a datagram takes
	for n := range many {
		many[n] = fmt.Sprintf("10.1.0.%d", n)
	}
	type row struct {
		name   string
		serve  func(*testing.T, int, ...string) authority
		ttl    int
		others []string
	}
	together(t, []row{
		{"CoreDNS, TTL 0", coreDNS, 0, nil},
		{"CoreDNS, TTL 5", coreDNS, 5, []string{other}},
		{"CoreDNS, TTL 30", coreDNS, 30, []string{other}},
		{"CoreDNS, truncated", coreDNS, 1, many},
		{"dnsmasq, TTL 0", dnsmasq, 0, nil},
		{"dnsmasq, TTL 5", dnsmasq, 5, []string{other}},
		{"dnsmasq, TTL 30", dnsmasq, 30, []string{other}},
		{"dnsmasq, truncated", dnsmasq, 1, many},
	}, func(t *testing.T, test row) {
		a := test.serve(t, test.ttl, test.others...)
		a.with()
		gone := runGone(t, a.addr)
		if strings.HasSuffix(test.name, "truncated") {
			isTruncated(t, a.addr)
		}
		begin := time.Now()
		a.after()
		ttl := time.Duration(test.ttl) * s
		// The last look that has seen it may be more than a second ago.
		if took := gone.ends(t, begin, max(ttl-2*s, s), max(ttl, 2*s)+2500*ms); has(t, a.addr) {
			t.Errorf("%s: ended after %v, while it has the address", test.name, took)
		}
	})
}

func isTruncated(t *testing.T, server netip.AddrPort) {
	answer, err := mdns.Exchange(new(mdns.Msg).SetQuestion("web.svc.test.", mdns.TypeA), server.String())
	if err != nil || !answer.Truncated {
		t.Errorf("the answer is not truncated: %v (%v)", answer, err)
	}
}

// Two caches of different make behind one address, each with what it has fetched at another time: it ends when neither has
// the address any more.
func goneFromCachesThatDisagree(t *testing.T) {
	a := coreDNS(t, 4)
	var caches []netip.AddrPort
	for _, start := range []func(testing.TB, string, string, string) *testserver.Process{testserver.CoreDNSCache, testserver.DnsmasqCache} {
		address := testserver.Address(t, testserver.IP())
		start(t, address, a.addr.String(), "svc.test")
		caches = append(caches, netip.MustParseAddrPort(address))
	}
	a.with()
	for !has(t, a.addr) {
		pause(t.Context(), 50*ms)
	}
	has(t, caches[0]) // it fetches now, the other later
	pause(t.Context(), 2*s)
	gone := runGone(t, behindOne(t, caches...))
	begin := time.Now()
	a.after()
	took := gone.ends(t, begin, 2*s, 13*s)
	for _, cache := range caches {
		if has(t, cache) {
			t.Errorf("it ended after %v, while %s has the address", took, cache)
		}
	}
}

// One of two nameservers behind one address learns of it late.
func goneFromALateNameserver(t *testing.T) {
	early, late := newFakeNameserver(t), newFakeNameserver(t)
	late.now.Store(own.String() + ":ttl=0")
	gone := runGone(t, behindOne(t, early.addr, late.addr))
	select {
	case err := <-gone.done:
		t.Fatalf("ended while one has the address: %v", err)
	case <-time.After(6 * s):
	}
	begin := time.Now()
	late.now.Store("gone")
	gone.ends(t, begin, 0, 4*s)
}

// behindOne is a nameserver's address that passes each question on to one of several, by its port: three ports in a row to
// the first, then three to the next. Questions for A and for others are counted apart, so that each gets its share of both.
func behindOne(t *testing.T, servers ...netip.AddrPort) netip.AddrPort {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { front.Close(); <-ended })
	go func() {
		defer close(ended)
		var all sync.WaitGroup
		defer all.Wait()
		chosen, next := make(map[netip.AddrPort]netip.AddrPort), make(map[uint16]int)
		for {
			packet := make([]byte, 4096)
			n, client, err := front.ReadFromUDPAddrPort(packet)
			if err != nil {
				return
			}
			question := new(mdns.Msg)
			if question.Unpack(packet[:n]) != nil || len(question.Question) != 1 {
				continue
			}
			if _, ok := chosen[client]; !ok {
				kind := question.Question[0].Qtype
				chosen[client] = servers[next[kind]/3%len(servers)]
				next[kind]++
			}
			server := chosen[client]
			all.Go(func() {
				back, err := net.Dial("udp", server.String())
				if err != nil {
					return
				}
				defer back.Close()
				back.SetDeadline(time.Now().Add(2 * s))
				back.Write(packet[:n])
				answer := make([]byte, 4096)
				if n, err := back.Read(answer); err == nil {
					front.WriteToUDPAddrPort(answer[:n], client)
				}
			})
		}
	}()
	return netip.MustParseAddrPort(front.LocalAddr().String())
}

// A nameserver that is gone for a while says nothing about the pod; when it is back, it goes on.
func goneNameserverDies(t *testing.T) {
	address := testserver.Address(t, testserver.IP())
	zone := testserver.CoreDNS(t, address, "svc.test")
	zone.Set([]string{"web 2 IN A " + own.String()})
	server := netip.MustParseAddrPort(address)
	gone := runGone(t, server)
	zone.Set(nil)
	gone.log.await(t, "has left the answer, in 1 of 3 looks")
	zone.Stop()
	gone.log.await(t, "cannot see")
	select {
	case err := <-gone.done:
		t.Fatalf("ended without a nameserver: %v", err)
	case <-time.After(4 * s): // longer than its TTL
	}
	zone.Restart()
	gone.ends(t, time.Now(), 0, 5*s)
}

// One that dies while it has the address: what it would have said since is not known.
func goneNameserverDiesEarly(t *testing.T) {
	address := testserver.Address(t, testserver.IP())
	zone := testserver.CoreDNS(t, address, "svc.test")
	server := netip.MustParseAddrPort(address)
	zone.Set([]string{"web 8 IN A " + own.String()})
	gone := runGone(t, server)
	zone.Stop()
	zone.Set(nil)
	gone.log.await(t, "cannot see")
	pause(t.Context(), 6*s)
	begin := time.Now()
	zone.Restart()
	gone.ends(t, begin, 6*s, 11*s) // its TTL, since a look has failed just before

	zone.Stop()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 1500*ms, errMax)
	defer cancel()
	err := (&Gone{Name: "web", Address: own, Resolver: resolverOf(t, server)}).Run(ctx, silent)
	if err == nil || !strings.HasPrefix(err.Error(), "could not see: ") || !strings.Contains(err.Error(), address) {
		t.Error(err)
	}
}
