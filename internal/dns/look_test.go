package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
)

func TestLookAnswers(t *testing.T) {
	t.Parallel()
	cluster := zone{
		"es.default.svc.cluster.local.": {
			"es.default.svc.cluster.local. 7 IN AAAA fd00::1",
			"es.default.svc.cluster.local. 5 IN A 10.0.0.2",
			"es.default.svc.cluster.local. 9 IN A 10.0.0.1",
		},
		"v6.test.":   {"v6.test. 5 IN AAAA fd00::1"},
		"case.test.": {"CASE.Test. 5 IN A 10.0.0.1"},
		"alias.test.": { // the chain is not in order, and is not all that is there
			"other.test. 1 IN A 10.9.9.9",
			"c.test. 30 IN A 10.0.0.3",
			"b.test. 3 IN CNAME c.test.",
			"alias.test. 30 IN CNAME B.test.",
			"c.test. 30 IN AAAA fd00::3",
			"alias.test. 30 CH A 10.9.9.8",
		},
		"mapped.test.": {"mapped.test. 5 IN AAAA ::ffff:10.0.0.1"},
	}
	for _, c := range []struct {
		host, name string
		ttl        time.Duration
		addrs      []netip.Addr
	}{
		{"es", "es.default.svc.cluster.local.", 7 * time.Second, addrs("10.0.0.2", "10.0.0.1", "fd00::1")},
		{"v6.test", "v6.test.", 5 * time.Second, addrs("fd00::1")},
		{"Case.TEST.", "Case.TEST.", 5 * time.Second, addrs("10.0.0.1")},
		{"alias.test", "alias.test.", 3 * time.Second, addrs("10.0.0.3", "fd00::3")},
		{"mapped.test", "mapped.test.", 5 * time.Second, addrs("10.0.0.1")},
	} {
		t.Run(c.host, func(t *testing.T) {
			t.Parallel()
			s := serve(t, cluster.handle)
			have, err := resolver(t, "search default.svc.cluster.local\noptions ndots:5\n", s.addr).Look(within10s(t), c.host)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(have.Addrs, c.addrs) || have.Name != c.name || have.TTL != c.ttl || have.Server != s.addr.String() ||
				have.MissedV4 != nil || have.MissedV6 != nil {
				t.Errorf("have %+v, want %v, %s, %s", have, c.addrs, c.name, c.ttl)
			}
		})
	}
}

func TestLookOverIPv6(t *testing.T) {
	t.Parallel()
	s := serveOn(t, "::1", zone{"a.test.": {"a.test. 5 IN A 10.0.0.1"}}.handle)
	have, err := resolver(t, "", s.addr).Look(within10s(t), "a.test")
	if err != nil || have.Server != s.addr.String() {
		t.Errorf("have %+v, %v", have, err)
	}
}

func TestSearchOrder(t *testing.T) {
	t.Parallel()
	const conf = "search x.local y.local\noptions ndots:2\n"
	for _, c := range []struct {
		host  string
		asked []string
	}{
		{"es", []string{"es.x.local.", "es.y.local.", "es."}},
		{"es.a", []string{"es.a.x.local.", "es.a.y.local.", "es.a."}},
		{"es.a.b", []string{"es.a.b.", "es.a.b.x.local.", "es.a.b.y.local."}},
		{"es.", []string{"es."}},
	} {
		t.Run(c.host, func(t *testing.T) {
			t.Parallel()
			s := serve(t, zone{}.handle)
			_, err := resolver(t, conf, s.addr).Look(within10s(t), c.host)
			if have := s.names(); !slices.Equal(have, c.asked) {
				t.Errorf("asked %v, want %v", have, c.asked)
			}
			var e *Error
			if !errors.As(err, &e) || e.Names != len(c.asked) {
				t.Errorf("have %v, want an error after %d names", err, len(c.asked))
			}
		})
	}
}

func TestSearchGoesOn(t *testing.T) {
	t.Parallel()
	known := zone{"es.y.local.": {"es.y.local. 5 IN A 10.0.0.1"}, "empty.x.local.": nil}
	s := serve(t, func(w mdns.ResponseWriter, m *mdns.Msg) {
		if strings.HasPrefix(m.Question[0].Name, "broken.x.") || strings.HasPrefix(m.Question[0].Name, "es.x.") {
			fails(mdns.RcodeServerFailure)(w, m)
			return
		}
		known.handle(w, m)
	})
	r := resolver(t, "search x.local y.local\noptions ndots:5\n", s.addr)
	if have, err := r.Look(within10s(t), "es"); err != nil || have.Name != "es.y.local." {
		t.Errorf("after SERVFAIL: have %v, %v", have, err)
	}
	for host, want := range map[string]Outcome{
		"empty":  NoAddress,  // one of the names does exist
		"broken": "SERVFAIL", // and so it may well exist
		"none":   NotFound,
	} {
		_, err := r.Look(within10s(t), host)
		if e, ok := errors.AsType[*Error](err); !ok || e.Outcome != want || e.Names != 3 {
			t.Errorf("%s: have %v, want %s of three names", host, err, want)
		}
	}
}

func TestLookOutcomes(t *testing.T) {
	t.Parallel()
	circle := zone{"a.test.": {"a.test. 5 IN CNAME b.test.", "b.test. 5 IN CNAME a.test."}}
	nowhere := zone{"a.test.": {"a.test. 5 IN CNAME b.test."}}
	referral := func(w mdns.ResponseWriter, m *mdns.Msg) {
		r := new(mdns.Msg).SetReply(m)
		ns, _ := mdns.NewRR("test. 5 IN NS ns.test.")
		r.Ns = append(r.Ns, ns)
		w.WriteMsg(r)
	}
	bare := func(w mdns.ResponseWriter, m *mdns.Msg) { // a header and no question
		w.Write(pack(t, &mdns.Msg{MsgHdr: mdns.MsgHdr{Id: m.Id, Response: true, Rcode: mdns.RcodeRefused}}))
	}
	for _, c := range []struct {
		name   string
		handle mdns.HandlerFunc
		want   Outcome
	}{
		{"no such name", zone{}.handle, NotFound},
		{"no address", zone{"a.test.": nil}.handle, NoAddress},
		{"alias of nothing", nowhere.handle, NoAddress},
		{"failure", fails(mdns.RcodeServerFailure), "SERVFAIL"},
		{"refused", fails(mdns.RcodeRefused), "REFUSED"},
		{"refused with a bare header", bare, "REFUSED"},
		{"not implemented", fails(mdns.RcodeNotImplemented), "NOTIMP"},
		{"format error, without EDNS0 too", fails(mdns.RcodeFormatError), "FORMERR"},
		{"unknown code", fails(13), "response code 13"},
		{"circle of aliases", circle.handle, Malformed},
		{"referral", referral, Malformed},
		{"silence", silent, Timeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, c.handle)
			_, err := resolver(t, "options timeout:1 attempts:1", s.addr).Look(within10s(t), "a.test")
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Outcome != c.want || e.Host != "a.test" || !slices.Equal(e.Servers, []string{s.addr.String()}) {
				t.Errorf("have %v, want %s", err, c.want)
			}
		})
	}
}

func TestNextNameserver(t *testing.T) {
	t.Parallel()
	good := zone{"a.test.": {"a.test. 5 IN A 10.0.0.1"}}
	nxdomain := serve(t, zone{}.handle)
	for _, c := range []struct {
		name  string
		first netip.AddrPort
	}{
		{"nothing listens", closed(t)},
		{"silent", serve(t, silent).addr},
		{"fails", serve(t, fails(mdns.RcodeServerFailure)).addr},
		{"refuses", serve(t, fails(mdns.RcodeRefused)).addr},
		{"no route", netip.MustParseAddrPort("[fe80::1%no-such-interface]:53")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			second := serve(t, good.handle)
			r := resolver(t, "", c.first, second.addr, nxdomain.addr)
			have, err := r.Look(ctx, "a.test")
			if err != nil || have.Server != second.addr.String() || !slices.Equal(have.Addrs, addrs("10.0.0.1")) {
				t.Errorf("have %v, %v; want the second nameserver's answer", have, err)
			}
		})
	}
	t.Run("an answer is final", func(t *testing.T) {
		t.Parallel()
		second := serve(t, good.handle)
		_, err := resolver(t, "", nxdomain.addr, second.addr).Look(within10s(t), "a.test")
		if e, ok := errors.AsType[*Error](err); !ok || e.Outcome != NotFound || len(second.names()) > 0 {
			t.Errorf("have %v, second asked for %v", err, second.names())
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		dead := closed(t)
		_, err := resolver(t, "", dead).Look(within10s(t), "a.test")
		if want := "lookup a.test: no nameserver reachable, asked " + dead.String() + ": read: connection refused"; err == nil || err.Error() != want {
			t.Errorf("have %v, want %s", err, want)
		}
	})
}

func TestOneFamilyIsEnough(t *testing.T) {
	t.Parallel()
	good := zone{"a.test.": {"a.test. 5 IN A 10.0.0.1", "a.test. 5 IN AAAA fd00::1"}}
	for _, c := range []struct {
		name    string
		missing uint16
		handle  mdns.HandlerFunc
		want    Outcome
	}{
		{"AAAA fails", mdns.TypeAAAA, fails(mdns.RcodeServerFailure), "SERVFAIL"},
		{"AAAA is swallowed", mdns.TypeAAAA, silent, Timeout},
		{"A fails", mdns.TypeA, fails(mdns.RcodeServerFailure), "SERVFAIL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w mdns.ResponseWriter, m *mdns.Msg) {
				if m.Question[0].Qtype == c.missing {
					c.handle(w, m)
					return
				}
				good.handle(w, m)
			})
			have, err := resolver(t, "", s.addr).Look(within10s(t), "a.test")
			missed, other := have.MissedV4, have.MissedV6
			if c.missing == mdns.TypeAAAA {
				missed, other = other, missed
			}
			e, ok := errors.AsType[*Error](missed)
			if err != nil || len(have.Addrs) != 1 || !ok || e.Outcome != c.want || e.Host != "a.test" || other != nil {
				t.Errorf("have %+v, %v", have, err)
			}
		})
	}
}

// A datagram that only looks like the answer is passed over, and the answer after it is taken.
func TestForgedAnswers(t *testing.T) {
	t.Parallel()
	good := zone{"a.test.": {"a.test. 5 IN A 10.0.0.1"}}
	forged := zone{"a.test.": {"a.test. 5 IN A 10.6.6.6"}, "b.test.": {"b.test. 5 IN A 10.6.6.6"}}
	change := func(edit func(*mdns.Msg)) func(*mdns.Msg) []byte {
		return func(m *mdns.Msg) []byte {
			r := forged.answer(m)
			edit(r)
			return pack(t, r)
		}
	}
	var alone sync.WaitGroup
	defer alone.Wait()
	ctx := within10s(t)
	for _, c := range []struct {
		name  string
		forge func(*mdns.Msg) []byte
		want  string
	}{
		{"another id", change(func(r *mdns.Msg) { r.Id++ }), "with another id"},
		{"not an answer", change(func(r *mdns.Msg) { r.Response = false }), "not marked as an answer"},
		{"another opcode", change(func(r *mdns.Msg) { r.Opcode = mdns.OpcodeNotify }), "not marked as an answer"},
		{"another name", change(func(r *mdns.Msg) { r.Question[0].Name = "b.test." }), "to another question"},
		{"another type", change(func(r *mdns.Msg) { r.Question[0].Qtype = mdns.TypeTXT }), "to another question"},
		{"another class", change(func(r *mdns.Msg) { r.Question[0].Qclass = mdns.ClassCHAOS }), "to another question"},
		{"no question", change(func(r *mdns.Msg) { r.Question = nil }), "to another question"},
		{"two questions", change(func(r *mdns.Msg) { r.Question = append(r.Question, r.Question[0]) }), "to another question"},
		{"nothing", func(*mdns.Msg) []byte { return nil }, "shorter than a header"},
		{"half a header", func(m *mdns.Msg) []byte { return pack(t, m)[:6] }, "shorter than a header"},
		{"no such name, and no question", change(func(r *mdns.Msg) {
			r.Question, r.Answer, r.Rcode = nil, nil, mdns.RcodeNameError
		}), "to another question"},
		{"header alone", func(m *mdns.Msg) []byte { return pack(t, forged.answer(m))[:12] }, "to another question"},
		{"record cut", func(m *mdns.Msg) []byte { wire := pack(t, forged.answer(m)); return wire[:len(wire)-1] }, ""},
		{"fewer answers than announced", func(m *mdns.Msg) []byte { return announce(pack(t, forged.answer(m)), 6) }, " that it announces"},
		{"fewer authorities than announced", func(m *mdns.Msg) []byte { return announce(pack(t, forged.answer(m)), 8) }, " that it announces"},
		{"fewer additional than announced", func(m *mdns.Msg) []byte { return announce(pack(t, forged.answer(m)), 10) }, " that it announces"},
	} {
		t.Run(c.name+", then the answer", func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w mdns.ResponseWriter, m *mdns.Msg) {
				w.Write(c.forge(m))
				good.handle(w, m)
			})
			have, err := resolver(t, "options attempts:1", s.addr).Look(within10s(t), "a.test")
			if err != nil || !slices.Equal(have.Addrs, addrs("10.0.0.1")) {
				t.Errorf("have %v, %v", have.Addrs, err)
			}
		})
		s := serve(t, func(w mdns.ResponseWriter, m *mdns.Msg) { w.Write(c.forge(m)) })
		r := resolver(t, "options timeout:1 attempts:1", s.addr)
		alone.Go(func() { // together, since each waits for a second
			have, err := r.Look(ctx, "a.test")
			if e, ok := errors.AsType[*Error](err); !ok || e.Outcome != Malformed || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("%s alone: have %v, %v; want %s", c.name, have.Addrs, err, c.want)
			}
		})
	}
}

// announce adds one to a count in the header.
func announce(wire []byte, at int) []byte {
	binary.BigEndian.PutUint16(wire[at:], binary.BigEndian.Uint16(wire[at:])+1)
	return wire
}

func TestTruncatedGoesToTCP(t *testing.T) {
	t.Parallel()
	good := zone{"a.test.": {"a.test. 5 IN A 10.0.0.1"}}
	for _, c := range []struct {
		name string
		cut  func(*mdns.Msg) []byte
	}{
		{"with half of the records", func(m *mdns.Msg) []byte { return pack(t, good.answer(m)) }},
		{"in the middle of a record", func(m *mdns.Msg) []byte { wire := pack(t, good.answer(m)); return wire[:len(wire)-2] }},
		{"after the question", func(m *mdns.Msg) []byte { return announce(pack(t, new(mdns.Msg).SetReply(m)), 6) }},
		{"after the header", func(m *mdns.Msg) []byte { return pack(t, good.answer(m))[:12] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w mdns.ResponseWriter, m *mdns.Msg) {
				if w.LocalAddr().Network() == "tcp" {
					good.handle(w, m)
					return
				}
				wire := c.cut(m)
				wire[2] |= 1 << 1 // TC
				w.Write(wire)
			})
			have, err := resolver(t, "", s.addr).Look(within10s(t), "a.test")
			if err != nil || !slices.Equal(have.Addrs, addrs("10.0.0.1")) || !slices.Equal(s.networks(), []string{"tcp", "udp"}) {
				t.Errorf("have %v, %v over %v", have.Addrs, err, s.networks())
			}
		})
	}
}

func TestLargeAnswerOverTCP(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w mdns.ResponseWriter, m *mdns.Msg) {
		r := new(mdns.Msg).SetReply(m)
		r.Compress = true
		for i := range 3000 {
			r.Answer = append(r.Answer, &mdns.A{
				Hdr: mdns.RR_Header{Name: "a.test.", Rrtype: mdns.TypeA, Class: mdns.ClassINET, Ttl: 5},
				A:   net.IPv4(10, 0, byte(i>>8), byte(i)),
			})
		}
		if w.LocalAddr().Network() == "udp" {
			r.Truncate(512)
		}
		w.WriteMsg(r)
	})
	have, err := resolver(t, "", s.addr).Look(within10s(t), "a.test")
	if err != nil || len(have.Addrs) != 3000 {
		t.Errorf("have %d addresses, %v", len(have.Addrs), err)
	}
}

func TestUseVC(t *testing.T) {
	t.Parallel()
	s := serve(t, zone{"a.test.": {"a.test. 5 IN A 10.0.0.1"}}.handle)
	_, err := resolver(t, "options use-vc", s.addr).Look(within10s(t), "a.test")
	if err != nil || !slices.Equal(s.networks(), []string{"tcp"}) {
		t.Errorf("have %v over %v, want TCP alone", err, s.networks())
	}
}

func TestBadTCP(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]func(net.Conn){
		"closed at once":      func(net.Conn) {},
		"half a length":       func(c net.Conn) { c.Write([]byte{0}) },
		"shorter than said":   func(c net.Conn) { c.Write([]byte{0, 40, 1, 2, 3}) },
		"shorter than useful": func(c net.Conn) { c.Write([]byte{0, 3, 1, 2, 3}) },
		"empty":               func(c net.Conn) { c.Write([]byte{0, 0}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					io.ReadFull(conn, make([]byte, 20))
					say(conn)
					conn.(*net.TCPConn).CloseWrite()
					io.Copy(io.Discard, conn)
					conn.Close()
				}
			}()
			_, err = resolver(t, "options use-vc", netip.MustParseAddrPort(listener.Addr().String())).Look(within10s(t), "a.test")
			if e, ok := errors.AsType[*Error](err); !ok || e.Outcome != Malformed {
				t.Errorf("have %v, want it to be malformed", err)
			}
		})
	}
}

// A nameserver that answers over UDP alone is told from one that does not answer.
func TestNoTCP(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		listens bool
		want    string
	}{
		"dropped": {true, "lookup a.test: timeout, asked ADDR over TCP"},
		"refused": {false, "lookup a.test: no nameserver reachable, asked ADDR over TCP: connect: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packets, listener := listenBoth(t, "127.0.0.1")
			defer packets.Close()
			if !test.listens {
				listener.Close()
			}
			defer listener.Close()
			go func() {
				for {
					question := make([]byte, 512)
					n, from, err := packets.ReadFrom(question)
					if err != nil {
						return
					}
					question[2] |= 0x82 // an answer, truncated
					packets.WriteTo(question[:n], from)
				}
			}()
			addr := packets.LocalAddr().String()
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			_, err := resolver(t, "", netip.MustParseAddrPort(addr)).Look(ctx, "a.test")
			if want := strings.ReplaceAll(test.want, "ADDR", addr); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

func TestEDNS0(t *testing.T) {
	t.Parallel()
	good := zone{"a.test.": {"a.test. 5 IN A 10.0.0.1"}}
	for name, refuse := range map[string]func(*mdns.Msg) []byte{
		"with the question": func(m *mdns.Msg) []byte { return pack(t, new(mdns.Msg).SetRcode(m, mdns.RcodeFormatError)) },
		"a bare header": func(m *mdns.Msg) []byte {
			return pack(t, &mdns.Msg{MsgHdr: mdns.MsgHdr{Id: m.Id, Response: true, Rcode: mdns.RcodeFormatError}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w mdns.ResponseWriter, m *mdns.Msg) {
				if m.IsEdns0() != nil {
					w.Write(refuse(m))
					return
				}
				good.handle(w, m)
			})
			have, err := resolver(t, "options attempts:1", s.addr).Look(within10s(t), "a.test")
			if err != nil || !slices.Equal(have.Addrs, addrs("10.0.0.1")) {
				t.Errorf("have %v, %v", have.Addrs, err)
			}
		})
	}
	s := serve(t, good.handle)
	if _, err := resolver(t, "", s.addr).Look(within10s(t), "a.test"); err != nil {
		t.Fatal(err)
	}
	asked := s.messages()
	for _, m := range asked {
		if o := m.IsEdns0(); o == nil || o.UDPSize() != ednsSize || !m.RecursionDesired {
			t.Errorf("asked %v", m)
		}
	}
	if asked[0].Id == asked[1].Id {
		t.Error("the same id twice: it is not random")
	}
}

func TestCancelEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, conf := range []string{"", "options use-vc"} {
		stopped := errors.New("stopped by hand")
		ctx, cancel := context.WithCancelCause(within10s(t))
		var ended sync.Once
		at := make(chan time.Time, 1)
		s := serve(t, func(mdns.ResponseWriter, *mdns.Msg) {
			ended.Do(func() {
				at <- time.Now()
				cancel(stopped)
			})
		})
		_, err := resolver(t, conf, s.addr).Look(ctx, "a.test.")
		took := time.Since(<-at)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Outcome != Cut || !errors.Is(err, stopped) || took >= maxTimeout {
			t.Errorf("%q: have %v after %s", conf, err, took)
		}
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	good := zone{"a.test.": {"a.test. 5 IN A 10.0.0.1"}}
	first, second := serve(t, good.handle), serve(t, good.handle)
	r := resolver(t, "options rotate", first.addr, second.addr)
	var have []string
	for range 3 {
		answer, err := r.Look(within10s(t), "a.test")
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, answer.Server)
	}
	if want := []string{first.addr.String(), second.addr.String(), first.addr.String()}; !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
}

func TestFilesAreReadEachTime(t *testing.T) {
	t.Parallel()
	s := serve(t, zone{"a.x.": {"a.x. 5 IN A 10.0.0.1"}, "a.y.": {"a.y. 5 IN A 10.0.0.2"}}.handle)
	r := resolver(t, "search x", s.addr)
	r.Hosts = file(t, "")
	if have, err := r.Look(within10s(t), "a"); err != nil || have.Name != "a.x." {
		t.Errorf("have %v, %v", have, err)
	}
	write(t, r.ResolvConf, "search y")
	if have, err := r.Look(within10s(t), "a"); err != nil || have.Name != "a.y." {
		t.Errorf("have %v, %v after a change of resolv.conf", have, err)
	}
	write(t, r.Hosts, "10.0.0.3 a")
	if have, err := r.Look(within10s(t), "a"); err != nil || have.Server != r.Hosts {
		t.Errorf("have %v, %v after a change of the hosts file", have, err)
	}
}
