package dns

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
	"github.com/prestop/prestop/internal/testserver"
)

// server is a nameserver on loopback, UDP and TCP on one port, that keeps what it was asked.
type server struct {
	addr  netip.AddrPort
	mu    sync.Mutex
	asked []*mdns.Msg
	over  []string // "udp" or "tcp", as asked
}

func serve(t *testing.T, handle mdns.HandlerFunc) *server { return serveOn(t, "127.0.0.1", handle) }

func serveOn(t *testing.T, ip string, handle mdns.HandlerFunc) *server {
	t.Helper()
	packets, listener := listenBoth(t, ip)
	s := &server{addr: netip.MustParseAddrPort(packets.LocalAddr().String())}
	record := mdns.HandlerFunc(func(w mdns.ResponseWriter, m *mdns.Msg) {
		s.mu.Lock()
		s.asked = append(s.asked, m.Copy())
		s.over = append(s.over, w.LocalAddr().Network())
		s.mu.Unlock()
		handle(w, m)
	})
	for _, srv := range []*mdns.Server{{PacketConn: packets}, {Listener: listener}} {
		started, ended := make(chan struct{}), make(chan struct{})
		srv.Handler = record
		srv.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(ended)
			srv.ActivateAndServe()
		}()
		<-started
		t.Cleanup(func() {
			srv.Shutdown()
			<-ended
		})
	}
	return s
}

// listenBoth finds a port that is free for both.
func listenBoth(t *testing.T, ip string) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		packets, err := net.ListenPacket("udp", net.JoinHostPort(ip, "0"))
		if err != nil {
			testserver.Lacks(t, "no %s here: %v", ip, err)
		}
		listener, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, listener
		}
		packets.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

// names are the names that the server was asked for, in turn, each once.
func (s *server) names() []string {
	var names []string
	for _, m := range s.messages() {
		if name := m.Question[0].Name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (s *server) messages() []*mdns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *server) networks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := slices.Clone(s.over)
	slices.Sort(over)
	return slices.Compact(over)
}

// zone is what a server knows: records by name. A name without records exists and has none.
type zone map[string][]string

func (z zone) answer(m *mdns.Msg) *mdns.Msg {
	r := new(mdns.Msg).SetReply(m)
	r.RecursionAvailable = true
	records, ok := z[strings.ToLower(m.Question[0].Name)]
	if !ok {
		r.Rcode = mdns.RcodeNameError
	}
	for _, text := range records {
		rr, err := mdns.NewRR(text)
		if err != nil {
			panic(err)
		}
		if t := rr.Header().Rrtype; t == m.Question[0].Qtype || t == mdns.TypeCNAME {
			r.Answer = append(r.Answer, rr)
		}
	}
	return r
}

func (z zone) handle(w mdns.ResponseWriter, m *mdns.Msg) { w.WriteMsg(z.answer(m)) }

func fails(code int) mdns.HandlerFunc {
	return func(w mdns.ResponseWriter, m *mdns.Msg) { w.WriteMsg(new(mdns.Msg).SetRcode(m, code)) }
}

// silent never answers.
func silent(mdns.ResponseWriter, *mdns.Msg) {}

// closed is an address where nothing listens, on either protocol as a rule.
func closed(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

func pack(t *testing.T, m *mdns.Msg) []byte {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Error(err)
	}
	return wire
}

// resolver asks the servers, with resolv.conf's text for the rest and an empty hosts file.
func resolver(t *testing.T, text string, servers ...netip.AddrPort) *Resolver {
	t.Helper()
	return &Resolver{ResolvConf: file(t, text), Nameservers: servers}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, text)
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func within10s(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}
