package drain

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/prestop/prestop/internal/dns"
)

var (
	own   = netip.MustParseAddr("10.0.0.7")
	own6  = netip.MustParseAddr("fd00::7")
	other = "10.0.0.8"
)

// fakeNameserver answers the script's word of the moment: what it has for A and for AAAA.
type fakeNameserver struct {
	addr netip.AddrPort
	now  atomic.Value
}

func newFakeNameserver(t *testing.T) *fakeNameserver {
	t.Helper()
	f := &fakeNameserver{}
	f.now.Store("gone")
	started := make(chan struct{})
	srv := &mdns.Server{Net: "udp", Addr: "127.0.0.1:0", Handler: mdns.HandlerFunc(f.answer), NotifyStartedFunc: func() { close(started) }}
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	select {
	case <-started:
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Shutdown(); <-ended })
	f.addr = netip.MustParseAddrPort(srv.PacketConn.LocalAddr().String())
	return f
}

func (f *fakeNameserver) answer(w mdns.ResponseWriter, m *mdns.Msg) {
	a, aaaa, both := strings.Cut(f.now.Load().(string), "/")
	if !both {
		aaaa = a
	}
	word := a
	if m.Question[0].Qtype == mdns.TypeAAAA {
		word = aaaa
	}
	r := new(mdns.Msg).SetReply(m)
	name := m.Question[0].Name
	address, ttl, _ := strings.Cut(word, ":ttl=")
	switch word {
	case "drop":
		return
	case "gone":
		r.Rcode = mdns.RcodeNameError
	case "servfail":
		r.Rcode = mdns.RcodeServerFailure
	case "refused":
		r.Rcode = mdns.RcodeRefused
	case "nodata":
	default:
		if !strings.HasPrefix(name, "web.svc.test.") {
			r.Rcode = mdns.RcodeNameError
			break
		}
		kind := "A"
		if strings.Contains(address, ":") {
			kind = "AAAA"
		}
		if rr, err := mdns.NewRR(fmt.Sprintf("%s %s IN %s %s", name, ttl, kind, address)); err == nil && rr.Header().Rrtype == m.Question[0].Qtype {
			r.Answer = append(r.Answer, rr)
		}
	}
	w.WriteMsg(r)
}

func resolverOf(t *testing.T, servers ...netip.AddrPort) *dns.Resolver {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("search other.test svc.test\noptions ndots:5 timeout:1 attempts:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &dns.Resolver{ResolvConf: path, Nameservers: servers}
}

// What is seen, look by look: + it is there, - it has left but that does not count yet, ! it cannot be seen, = met.
func TestGoneLooks(t *testing.T) {
	t.Parallel()
	here, here6, others := own.String()+":ttl=0", own6.String()+":ttl=0", other+":ttl=0"
	for _, test := range []struct {
		name    string
		ask     string
		address netip.Addr
		looks   []string
		want    string
	}{
		{"no such name any more", "web.svc.test", own, []string{here, "gone", "gone", "gone"}, "+--="},
		{"no address any more", "web.svc.test", own, []string{here, "nodata", "nodata", "nodata"}, "+--="},
		{"the others' addresses", "web.svc.test", own, []string{here, others, others, others}, "+--="},
		{"by a search domain", "web", own, []string{here, "gone", "gone", "gone"}, "+--="},
		{"back again", "web.svc.test", own, []string{here, others, others, here, others, others, others}, "+--+--="},
		{"the nameserver fails", "web.svc.test", own, []string{here, "servfail", "servfail", "servfail", "servfail"}, "+!!!!"},
		{"it refuses", "web.svc.test", own, []string{here, "refused", "refused", "refused", "refused"}, "+!!!!"},
		{"it is silent", "web.svc.test", own, []string{here, "drop", "drop", "drop"}, "+!!!"},
		{"it fails in between", "web.svc.test", own, []string{here, others, others, "servfail", others, others, others}, "+--!--="},
		{"only one family fails", "web.svc.test", own, []string{here + "/servfail", others + "/servfail", others + "/drop", others + "/drop"}, "+--="},
		{"the own family fails", "web.svc.test", own, []string{here, "servfail/" + here6, "drop/" + here6, "drop/" + here6}, "+!!!"},
		{"IPv6", "web.svc.test", own6, []string{others + "/" + here6, others + "/nodata", others + "/nodata", others + "/nodata"}, "+--="},
		{"IPv6, which fails", "web.svc.test", own6, []string{others + "/" + here6, others + "/drop", others + "/servfail", others + "/servfail"}, "+!!!"},
		{"an IPv4 address in IPv6", "web.svc.test", netip.MustParseAddr("::ffff:10.0.0.7"), []string{here, "gone", "gone", "gone"}, "+--="},
		{"never there", "web.svc.test", own, []string{others, "gone", "nodata", others}, "!!!!"},
		{"a typo", "wbe.svc.test", own, []string{here, here, here, here}, "!!!!"},
		{"there late", "web.svc.test", own, []string{"gone", here, "gone", "gone", "gone"}, "!+--="},
		{"an address is asked for", "10.0.0.7", own, []string{here}, "!"},
		{"localhost", "localhost", netip.MustParseAddr("127.0.0.1"), []string{here}, "!"},
		{"others may keep it", "web.svc.test", own, []string{own.String() + ":ttl=1", "gone", "gone", "gone"}, "+---"},
		{"others may keep it, and IPv6 not", "web.svc.test", own, []string{own.String() + ":ttl=1/" + own6.String() + ":ttl=0", "gone", "gone", "gone"}, "+---"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeNameserver(t)
			a := newAbsence(&Gone{Name: test.ask, Address: test.address, Resolver: resolverOf(t, f.addr)})
			got, says := "", ""
			for _, word := range test.looks {
				f.now.Store(word)
				s, err := a.look(t.Context())
				says += fmt.Sprintf("\n%s: %+v %v", word, s, err)
				switch {
				case err != nil:
					got += "!"
				case s.met:
					got += "="
				case strings.Contains(s.says, "is in the answer"):
					got += "+"
				default:
					got += "-"
				}
			}
			if got != test.want {
				t.Errorf("%s, want %s%s", got, test.want, says)
			}
		})
	}
}

// Of caches that have fetched it at different times, the one that may keep it longest counts, whichever answers first.
func TestGoneLargestTTL(t *testing.T) {
	t.Parallel()
	long, short := newFakeNameserver(t), newFakeNameserver(t)
	long.now.Store(own.String() + ":ttl=30")
	short.now.Store(own.String() + ":ttl=2")
	for _, servers := range [][]netip.AddrPort{{long.addr, short.addr}, {short.addr, long.addr}} {
		r := resolverOf(t, servers...)
		if err := os.WriteFile(r.ResolvConf, []byte("options rotate timeout:1 attempts:1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		a := newAbsence(&Gone{Name: "web.svc.test.", Address: own, Resolver: r})
		if _, err := a.look(t.Context()); err != nil || a.ttl != 30*s {
			t.Errorf("a TTL of %v (%v), want the larger", a.ttl, err)
		}
	}
}

// The pod's own name is in its hosts file, whatever DNS says.
func TestGoneHostsFile(t *testing.T) {
	t.Parallel()
	f := newFakeNameserver(t)
	r := resolverOf(t, f.addr)
	r.Hosts = filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(r.Hosts, []byte("10.0.0.7 web.svc.test web\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := (&Gone{Name: "web.svc.test", Address: own, Resolver: r}).Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no nameserver is asked for web.svc.test, which is in "+r.Hosts) {
		t.Error(err)
	}
}

func TestGoneEnded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		says, ask, want string
		sees            bool
	}{
		{own.String() + ":ttl=0", "web", "the Service publishes addresses that are not ready, or if the pod is not being deleted", true},
		{own.String() + ":ttl=0", "wbe", "wbe has never had this pod's address, 10.0.0.7: its answer is empty; expected the name of a headless Service", false},
		{other + ":ttl=0", "web", "its answer is [10.0.0.8]", false},
		{"servfail", "web", "SERVFAIL", false},
	} {
		f := newFakeNameserver(t)
		f.now.Store(test.says)
		ctx, cancel := context.WithCancelCause(t.Context())
		log, done := &watched{lines: make(chan string, 100)}, make(chan error, 1)
		g := &Gone{Name: test.ask, Address: own, Resolver: resolverOf(t, f.addr)}
		go func() { done <- g.Run(ctx, log.logger()) }()
		log.await(t, "level=") // a look has come to its end
		begin := time.Now()
		cancel(errMax)
		err := <-done
		endsSoon(t, begin, 300*ms)
		if err == nil || errors.Is(err, errMax) != test.sees || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s for %s: %v, want %s", test.says, test.ask, err, test.want)
		}
	}
}

// has tells whether a nameserver has the pod's address.
func has(t *testing.T, server netip.AddrPort) bool {
	t.Helper()
	answer, err := resolverOf(t, server).Look(t.Context(), "web.svc.test.")
	if e, ok := errors.AsType[*dns.Error](err); ok && e.Outcome != dns.NotFound && e.Outcome != dns.NoAddress {
		t.Error(err)
	}
	return err == nil && slices.Contains(answer.Addrs, own)
}

// Whoever asks just before the address leaves may keep the answer for its whole TTL.
func TestGoneLastsTheWholeTTL(t *testing.T) {
	t.Parallel()
	f := newFakeNameserver(t)
	a := newAbsence(&Gone{Name: "web.svc.test", Address: own, Resolver: resolverOf(t, f.addr)})
	f.now.Store(own.String() + ":ttl=4")
	if _, err := a.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-time.After(900 * ms)
	b, _ := a.Resolver.Look(t.Context(), "web.svc.test") // somebody else asks, just before the address leaves
	kept := time.Now().Add(b.TTL)
	f.now.Store("gone")
	for {
		s, err := a.look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.met {
			break
		}
		<-time.After(100 * ms)
	}
	if early := time.Until(kept); early > 0 {
		t.Errorf("met %v before the other's answer has expired", early)
	}
}
