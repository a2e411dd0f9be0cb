package drain

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/sockdiag"
	"github.com/prestop/prestop/internal/step"
)

// What was seen of real servers, with a handshake of our own and clients' first connections: bytes are as the kernel
// counted them.
func TestGreetingAlone(t *testing.T) {
	nginx := greeting{known: true, tls: true, bytes: 1766, late: 510, segments: 3}
	nginx2 := greeting{known: true, tls: true, http2: true, bytes: 1817, late: 571, segments: 4}
	haproxy := greeting{known: true, tls: true, bytes: 1932, late: 558, segments: 3}
	stapled := greeting{known: true, tls: true, bytes: 3787, late: 510, segments: 3, stapled: 1192}
	golang := greeting{known: true, tls: true, bytes: 2467, late: 0, segments: 1, hybrid: true}
	golang2 := greeting{known: true, tls: true, http2: true, bytes: 2538, late: 61, segments: 2, hybrid: true}
	rustls2 := greeting{known: true, tls: true, http2: true, bytes: 2506, late: 235, segments: 3, hybrid: true}
	hitch2 := greeting{known: true, tls: true, http2: true, bytes: 1723, late: 478, segments: 3, prefaced: true}
	haproxy2 := greeting{known: true, tls: true, http2: true, bytes: 1771, late: 510, segments: 3, prefaced: true}
	gnutls := greeting{known: true, tls: true, bytes: 1765, late: 514, segments: 3}
	gnutls12 := greeting{known: true, tls: true, bytes: 1580, segments: 2, ticket: 403}
	jetty := greeting{known: true, tls: true, bytes: 2431, late: 1103, segments: 4}
	jetty2 := greeting{known: true, tls: true, http2: true, bytes: 2440, late: 1103, segments: 4, prefaced: true}
	hyper2 := greeting{known: true, tls: true, http2: true, bytes: 1497, late: 152, segments: 3}
	ats12 := greeting{known: true, tls: true, bytes: 1384, segments: 2}
	for _, test := range []struct {
		name                       string
		of                         greeting
		in, bytesIn, out, bytesOut uint32
		may, sure                  bool
	}{
		{"node waits for nginx", nginx, 2, 535, 3, 1798, true, true},
		{"and is answered, which may be another certificate", nginx, 2, 535, 4, 1972, true, false},
		{"and is answered in a segment more", nginx, 2, 535, 5, 1972, false, false},
		{"puma sends its tickets with the answer", nginx, 2, 535, 1, 1256, true, true},
		{"Python waits for OpenSSL", nginx, 3, 656, 3, 1762, true, true},
		{"Go's client offers a post-quantum key", golang, 4, 1684, 2, 2328, true, true},
		{"Node's does not", golang, 2, 519, 1, 1384, true, true},
		{"and is answered", golang, 2, 519, 3, 1912, false, false},
		{"another certificate than ours, bigger by a segment", nginx, 2, 535, 4, 3200, true, false},
		{"a handshake that is resumed", nginx, 2, 800, 2, 520, true, true},
		{"the same with early data, of a server with longer tickets", haproxy, 2, 745, 2, 508, true, true},
		{"and is answered", haproxy, 2, 745, 3, 743, false, false},
		{"the same, and a large answer", nginx, 2, 800, 4, 1400, false, false},
		{"GnuTLS sends two tickets in a resumed session too", gnutls, 4, 1963, 3, 739, true, true},
		{"and is answered", gnutls, 4, 1963, 4, 1400, false, false},
		{"Jetty sends shorter tickets to clients that ask for its host", jetty, 3, 657, 5, 1508, true, true},
		{"or an answer is as long as these", jetty, 3, 657, 4, 1508, true, false},
		{"and is answered", jetty, 3, 657, 6, 1659, false, false},
		{"a resumed session of Jetty over HTTP/2", jetty2, 5, 1902, 6, 489, true, true},
		{"a resumed session of hyper over HTTP/2", hyper2, 5, 1870, 4, 430, true, true},
		{"and is answered", hyper2, 5, 1870, 5, 630, false, false},
		{"a client of TLS 1.2 that keeps no sessions gets no ticket", gnutls12, 4, 1721, 2, 1172, true, true},
		{"and is answered, which may be another certificate", gnutls12, 4, 1721, 3, 1972, true, false},
		{"a resumed session of TLS 1.2, without a ticket", ats12, 4, 1904, 1, 141, true, true},
		{"and is answered", ats12, 4, 1904, 2, 541, false, false},
		{"Node does not ask whether the certificate is still valid", stapled, 2, 536, 4, 2600, true, true},
		{"and is answered", stapled, 2, 536, 5, 2972, false, false},
		{"Go's client asks for that", stapled, 3, 1600, 5, 3790, true, true},
		{"HTTP/2's settings besides", nginx2, 4, 569, 5, 1932, true, true},
		{"an upload, and permission to send more", nginx2, 17, 20608, 5, 2056, true, true},
		{"an answer of HTTP/1 where HTTP/2 would be spoken", golang2, 4, 1682, 3, 2758, true, false},
		{"answers to a client without a post-quantum key, together as long as one", golang2, 5, 752, 4, 2674, true, false},
		{"HTTP/2's settings there, both ways", golang2, 6, 1770, 4, 2600, true, true},
		{"a resumed handshake with a post-quantum key", rustls2, 6, 1860, 4, 1583, true, true},
		{"and an answer", rustls2, 6, 1901, 5, 1977, true, false},
		{"the same without such a key", rustls2, 5, 900, 4, 430, true, true},
		{"settings that are not among what we were sent", hitch2, 4, 569, 4, 1890, true, true},
		{"the same, in a segment for each frame", hitch2, 4, 569, 6, 1934, true, true},
		{"and an answer", hitch2, 6, 1764, 5, 2205, true, false},
		{"a resumed handshake, and settings that follow the preface", haproxy2, 5, 2082, 3, 577, true, true},
		{"and a larger answer than settings", haproxy2, 5, 2082, 4, 877, true, false},
		{"only the client's first words", nginx, 1, 361, 0, 0, false, false},
		{"no TLS", greeting{known: true}, 4, 1684, 3, 1750, false, false},
		{"not known", greeting{}, 4, 1684, 3, 1750, true, false},
		{"not known, and a certificate with many names", greeting{}, 4, 1685, 18, 22_874, true, false},
		{"not known, and more than any handshake", greeting{}, 4, 1684, 30, 40000, false, false},
		{"TLS, but it would not have us", greeting{known: true, tls: true}, 4, 1684, 3, 1750, true, false},
	} {
		s := sockdiag.Socket{State: sockdiag.Established, Received: test.in, BytesReceived: test.bytesIn, Sent: test.out, BytesAcked: test.bytesOut, SegmentSize: 1448}
		if may, sure := test.of.alone(&s); may != test.may || sure != test.sure {
			t.Errorf("%s: may %v, sure %v, want %v, %v", test.name, may, sure, test.may, test.sure)
		}
	}
}

// A handshake of our own learns what a port speaks, ends where nobody answers, and is made once.
func TestShakeHands(t *testing.T) {
	if inside(t, asUser) == "" {
		return
	}
	certificate := testCertificate(t)
	secure := func(config *tls.Config) func(*testing.T, net.Listener) {
		return func(t *testing.T, l net.Listener) {
			config.Certificates = []tls.Certificate{certificate}
			serve(t, l, func(c net.Conn) { io.Copy(io.Discard, tls.Server(c, config)) })
		}
	}
	stapled := certificate
	stapled.OCSPStaple = make([]byte, 500)
	for _, test := range []struct {
		name  string
		serve func(*testing.T, net.Listener)
		want  greeting // its sizes: 1 if there are any
	}{
		{"TLS 1.3 with HTTP/2, whose settings come after the client's preface", secure(&tls.Config{NextProtos: []string{"h2"}}), greeting{known: true, tls: true, http2: true, bytes: 1, hybrid: true, prefaced: true}},
		{"TLS 1.3 with HTTP/2", func(t *testing.T, l net.Listener) {
			serve(t, l, func(c net.Conn) {
				server := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
				server.Write(make([]byte, 33))
				io.Copy(io.Discard, server)
			})
		}, greeting{known: true, tls: true, http2: true, bytes: 1, hybrid: true}},
		{"TLS 1.3 without", secure(&tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}), greeting{known: true, tls: true, bytes: 1}},
		{"TLS 1.2", secure(&tls.Config{MaxVersion: tls.VersionTLS12}), greeting{known: true, tls: true, bytes: 1, ticket: 1}},
		{"TLS 1.2 without a ticket", secure(&tls.Config{MaxVersion: tls.VersionTLS12, SessionTicketsDisabled: true}), greeting{known: true, tls: true, bytes: 1}},
		{"TLS that says that its certificate is still valid", secure(&tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{stapled}}, nil
		}}), greeting{known: true, tls: true, bytes: 1, hybrid: true, stapled: 508}},
		{"TLS that asks for a certificate", secure(&tls.Config{ClientAuth: tls.RequireAnyClientCert}), greeting{known: true, tls: true, hybrid: true}},
		{"TLS for nothing that we speak", secure(&tls.Config{NextProtos: []string{"other"}}), greeting{known: true, tls: true}},
		{"no TLS", func(t *testing.T, l net.Listener) {
			serve(t, l, func(c net.Conn) { c.Read(make([]byte, 1000)); io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
		}, greeting{known: true}},
		{"no TLS, and the first segment is acknowledged by the answer", func(t *testing.T, l net.Listener) {
			acknowledgeLater(t, l)
			serve(t, l, func(c net.Conn) { c.Read(make([]byte, 4<<10)); io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
		}, greeting{known: true, unacked: true}},
		{"no TLS, and the end", func(t *testing.T, l net.Listener) {
			serve(t, l, func(c net.Conn) { c.Read(make([]byte, 4<<10)); io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
		}, greeting{known: true}},
		{"no TLS, the same, and the connection stays", func(t *testing.T, l net.Listener) {
			acknowledgeLater(t, l)
			serve(t, l, func(c net.Conn) {
				c.Read(make([]byte, 1000))
				io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				io.Copy(io.Discard, c)
			})
		}, greeting{known: true, unacked: true}},
		{"no TLS, and the connection stays", func(t *testing.T, l net.Listener) {
			serve(t, l, func(c net.Conn) {
				c.Read(make([]byte, 1000))
				io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				io.Copy(io.Discard, c)
			})
		}, greeting{known: true}},
		{"the end", func(t *testing.T, l net.Listener) { serve(t, l, func(c net.Conn) {}) }, greeting{}},
		{"silence", func(t *testing.T, l net.Listener) { serve(t, l, func(c net.Conn) { io.Copy(io.Discard, c) }) }, greeting{}},
	} {
		var listens net.ListenConfig
		listens.SetMultipathTCP(false) // its sockets have no such option
		l, err := listens.Listen(t.Context(), "tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		test.serve(t, l)
		var p prober
		begin := time.Now()
		p.ask(netip.MustParseAddrPort(l.Addr().String()))
		if test.name == "silence" {
			time.AfterFunc(500*ms, p.cancel)
		}
		p.running.Wait()
		got, took := p.greeting(port(l)), time.Since(begin)
		if got.bytes > 0 {
			got.bytes, got.late, got.segments, got.ticket = 1, 0, 0, min(got.ticket, 1)
		}
		if got != test.want || took > handshakeTime+s {
			t.Errorf("%s: %+v after %v, want %+v", test.name, got, took, test.want)
		}
		if len(p.own) != 1 {
			t.Errorf("%s: %d of its ends are known, want 1", test.name, len(p.own))
		}
		p.close()
	}
}

// acknowledgeLater has the kernel acknowledge by the answer what comes on the listener's connections, as HAProxy does.
func acknowledgeLater(t *testing.T, l net.Listener) {
	t.Helper()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 0) }); err != nil {
		t.Fatal(err)
	}
}

func testCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Two steps of a hook ask a port for one handshake together, and it is traffic to neither of them.
func TestOneHandshakeForAHook(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	var connections atomic.Int32
	serve(t, l, func(c net.Conn) { connections.Add(1); serveLines(t.Context(), tls.Server(c, config), 0) })
	c := tls.Client(dial(t.Context(), l), &tls.Config{InsecureSkipVerify: true})
	defer c.Close() // else it ends when garbage is collected
	io.WriteString(c, "never\n")
	verb, ends := []*step.Verb{QuietVerb()}, []func(){}
	var steps sync.WaitGroup
	for range 2 {
		_, spec, _, err := parse.Line(verb, fmt.Sprintf("until quiet %d for=500ms min=1s", port(l)), nil)
		if err != nil {
			t.Fatal(err)
		}
		deed, err := spec.Bind(&step.Means{Keep: func(end func()) { ends = append(ends, end) }})
		if err != nil {
			t.Fatal(err)
		}
		steps.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*s)
			defer cancel()
			if err := deed.Run(ctx, silent); err == nil || !strings.Contains(err.Error(), "1 of 1 connections") {
				t.Errorf("have %v, expected a wait for one connection", err)
			}
		})
	}
	steps.Wait()
	for _, end := range ends {
		end()
	}
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections, expected the client's and one handshake of our own", n)
	}
}

// A signal step ends the connections of all steps. A step after it may still ask another port for a handshake.
func TestHandshakeAfterClose(t *testing.T) {
	t.Parallel()
	config := &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	p := &prober{}
	for n := range 2 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		serve(t, l, func(c net.Conn) { serveLines(t.Context(), tls.Server(c, config), 0) })
		p.ask(netip.MustParseAddrPort(l.Addr().String()))
		p.running.Wait()
		if g := p.greeting(port(l)); !g.tls {
			t.Errorf("port %d of two: learned %+v, expected TLS", n+1, g)
		}
		p.close()
	}
}

// No handshake is made where none would tell more.
func TestNoHandshakeWithoutDoubt(t *testing.T) {
	for _, test := range []struct {
		doubtful, active int
		want             bool
	}{{0, 0, false}, {1, 2, false}, {1, 1, true}} {
		q := Quiet{probing: &prober{}}
		w := q.traffic()
		w.doubt, w.doubtful, w.talk.active = netip.MustParseAddrPort("127.0.0.1:1"), test.doubtful, test.active
		w.askIfDoubtful()
		if got := q.probing.begun != nil; got != test.want {
			t.Errorf("%+v: %t", test, got)
		}
		q.probing.close()
	}
}

// What was too old when the hook began is not given up when the port has told nothing, since most of it has been answered.
func TestNobodyIsGivenUpByAHandshake(t *testing.T) {
	for _, unanswered := range []time.Duration{0, time.Minute} {
		q := Quiet{For: defaultFor, Unanswered: unanswered, probing: &prober{}}
		w := q.traffic()
		w.known = make(map[uint64]history)
		for n, asking := range []bool{false, true, false} { // the port is asked in the first look; its handshake ends in the second one
			w.greetings[1] = greeting{asking: asking}
			owed := 0
			if n < 2 && unanswered == 0 {
				owed = 1
			}
			w.round++
			w.talk.begin(w.begun)
			w.meet(w.begun, &sockdiag.Socket{Cookie: 9, State: sockdiag.Established, Local: netip.MustParseAddrPort("127.0.0.1:1"), SegmentSize: 1448, Received: 3, Sent: 3, BytesReceived: 656, BytesAcked: 1762,
				SinceReceived: 300 * s, SinceSent: 300 * s, SinceAck: 300*s - 40*ms})
			if w.talk.owed != owed || len(w.talk.given) > 0 {
				t.Errorf("unanswered=%s, look %d: %d wait, want %d; given up: %v", unanswered, n+1, w.talk.owed, owed, w.talk.given)
			}
			q.probing.close()
		}
	}
}

// A first request over TLS counts until it is answered. So the port is asked what it speaks, also if the request came so long before the
// hook that it would be given up, and while other connections are active.
func TestHandshakeForAFirstRequest(t *testing.T) {
	speaks := greeting{known: true, tls: true, bytes: 1766, late: 510, segments: 3}
	for _, test := range []struct {
		name        string
		ago         time.Duration
		received    uint32
		others      int
		asks, holds bool
	}{
		{"just before", s, 3, 0, true, true},
		{"just before, beside others", s, 3, 2, true, true},
		{"long before", 40 * s, 3, 0, true, true},
		{"long before, beside others", 40 * s, 3, 2, true, true},
		{"one segment, which is no handshake", 40 * s, 1, 2, false, false},
	} {
		q := Quiet{For: defaultFor, probing: &prober{}}
		w := q.traffic()
		w.known = make(map[uint64]history)
		local := netip.MustParseAddrPort("127.0.0.1:1")
		look := func() {
			w.round++
			w.talk.begin(w.begun)
			for n := range test.others {
				w.meet(w.begun, &sockdiag.Socket{Cookie: uint64(n), State: sockdiag.Established, Local: local, Received: 1, Sent: 9, BytesReceived: 100, BytesAcked: 90_000, SinceReceived: s})
			}
			w.meet(w.begun, &sockdiag.Socket{Cookie: 9, State: sockdiag.Established, Local: local, SegmentSize: 1448, Received: test.received, Sent: 3, BytesReceived: 656, BytesAcked: 1762,
				SinceReceived: test.ago, SinceSent: test.ago, SinceAck: test.ago - 40*ms})
			w.askIfDoubtful()
		}
		look()
		asked := q.probing.begun != nil
		if asked && w.talk.owed != 1 {
			t.Errorf("%s: %d wait while the port is asked, want 1", test.name, w.talk.owed)
		}
		q.probing.close()
		w.greetings[local.Port()] = speaks
		look()
		if holds := w.talk.owed == 1; asked != test.asks || holds != test.holds {
			t.Errorf("%s: asked %v, holds %v", test.name, asked, holds)
		}
	}
}

// A first request over TLS that waits is seen to wait, and one that was answered is not, because the port was asked for a
// handshake; that one is no traffic. Without it, both count for as long as what nobody can tell.
func TestFirstRequestOverTLS(t *testing.T) {
	if inside(t, asUser) == "" {
		return
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	serve(t, l, func(c net.Conn) { serveLines(t.Context(), tls.Server(c, config), 0) })
	for _, test := range []struct {
		name, line string
		noProbe    bool
		held       bool
	}{
		{"answered", "request", false, false},
		{"not answered", "never", false, true},
		{"answered, without a handshake of our own", "request", true, true},
	} {
		q := &Quiet{Ports: []uint16{port(l)}, NoProbe: test.noProbe, For: defaultFor, probing: new(prober)}
		w, err := q.watch()
		if err != nil {
			t.Fatal(err)
		}
		raw := dial(t.Context(), l)
		c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
		for range 3 {
			io.WriteString(c, test.line+"\n")
			if test.line == "request" {
				c.Read(make([]byte, 200))
			}
		}
		for n := 0; n < 6 || !test.noProbe && !w.greetings[port(l)].known; n++ {
			pause(t.Context(), quietEvery)
			if _, err := w.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if held := w.talk.owed == 1; held != test.held || w.talk.connections != 1 {
			t.Errorf("%s: %s", test.name, w.seen.says)
		}
		raw.Close()
		w.close()
		w.probing.close()
		if w.probing.greeting(port(l)).known == test.noProbe {
			t.Fatalf("%s: a handshake of our own: %v", test.name, !test.noProbe)
		}
	}
}
