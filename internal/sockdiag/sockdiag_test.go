package sockdiag

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func dump(t *testing.T, ports ...uint16) []Socket {
	t.Helper()
	d, err := OpenDump(ports...)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var all []Socket
	if err := d.Each([]State{Established, Listen, TimeWait, CloseWait}, func(s *Socket) { all = append(all, *s) }); err != nil {
		t.Fatal(err)
	}
	return all
}

// pair is a listener's address and both ends of a connection to it.
func pair(t *testing.T, network, address string) (port uint16, client, server net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	port = netip.MustParseAddrPort(l.Addr().String()).Port()
	host := "127.0.0.1"
	if network == "tcp6" {
		host = "::1"
	}
	client, err = net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return port, client, server
}

func find(t *testing.T, all []Socket, remote net.Addr) Socket {
	t.Helper()
	for _, s := range all {
		if s.Remote == netip.MustParseAddrPort(remote.String()) {
			return s
		}
	}
	t.Fatalf("no socket to %s among %v", remote, all)
	return Socket{}
}

func send(t *testing.T, from, to net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(from, text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(to, make([]byte, len(text))); err != nil {
		t.Fatal(err)
	}
}

func TestDump(t *testing.T) {
	for _, test := range []struct{ name, network, address string }{
		{"IPv4", "tcp4", "127.0.0.1:0"}, {"IPv6", "tcp6", "[::1]:0"}, {"IPv4 on a socket of both", "tcp", "[::]:0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			port, client, server := pair(t, test.network, test.address)
			before := find(t, dump(t, port), client.LocalAddr())
			if !before.Known || before.Received != 0 || before.Sent != 0 || before.State != Established || before.Local.Port() != port {
				t.Errorf("a handshake is no payload: %+v", before)
			}
			send(t, client, server, "request")
			asked := find(t, dump(t, port), client.LocalAddr())
			if asked.Received != 1 || asked.Sent != 0 || asked.SinceReceived > 5*time.Second || asked.Cookie != before.Cookie {
				t.Errorf("a request: %+v", asked)
			}
			send(t, server, client, "answer")
			if answered := find(t, dump(t, port), client.LocalAddr()); answered.Received != 1 || answered.Sent != 1 || answered.SinceSent > answered.SinceReceived {
				t.Errorf("its answer: %+v", answered)
			} else if answered.LeastRoundTrip <= 0 || answered.LeastRoundTrip > answered.RoundTrip+time.Millisecond {
				t.Errorf("the shortest of its round trips: %v, of late %v", answered.LeastRoundTrip, answered.RoundTrip)
			}
		})
	}
}

// The kernel picks the ports that were asked for, and no others.
func TestDumpPicksPorts(t *testing.T) {
	a, _, _ := pair(t, "tcp4", "127.0.0.1:0")
	b, _, _ := pair(t, "tcp6", "[::1]:0")
	c, _, _ := pair(t, "tcp4", "127.0.0.1:0")
	for _, want := range [][]uint16{{a}, {a, b}, {c, b, a}, {1}, {a, 65535, 0}} {
		var got []uint16
		for _, s := range dump(t, want...) {
			if !slices.Contains(want, s.Local.Port()) {
				t.Errorf("asked for %v, got %v", want, s)
			}
			if s.State == Listen {
				got = append(got, s.Local.Port())
			}
		}
		for _, port := range []uint16{a, b, c} {
			if slices.Contains(want, port) != slices.Contains(got, port) {
				t.Errorf("asked for %v, got the listeners %v", want, got)
			}
		}
	}
	if all := dump(t); len(all) < 6 {
		t.Errorf("asked for all, got %v", all)
	}
}

func TestDumpHostile(t *testing.T) {
	many := make([]uint16, 500)
	for n := range many {
		many[n] = uint16(20000 + n)
	}
	for _, s := range dump(t, many...) {
		if !slices.Contains(many, s.Local.Port()) {
			t.Errorf("%v was not asked for", s)
		}
	}
}

func TestWatch(t *testing.T) {
	w, err := OpenWatch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, test := range []struct {
		name, network, address string
		talk                   bool
	}{
		{"IPv4", "tcp4", "127.0.0.1:0", true}, {"IPv6", "tcp6", "[::1]:0", true}, {"both", "tcp", "[::]:0", true}, {"a health check", "tcp4", "127.0.0.1:0", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			port, client, server := pair(t, test.network, test.address)
			want := uint32(0)
			if test.talk {
				send(t, client, server, "request")
				send(t, server, client, "answer")
				want = 1
			}
			client.Close()
			server.Close()
			var got *Socket
			for end := time.Now().Add(10 * time.Second); got == nil && time.Now().Before(end); {
				err := w.Drain(func(s *Socket) {
					if s.Local.Port() == port && s.Remote.Port() != 0 {
						found := *s
						got = &found
					}
				})
				if err != nil && !errors.Is(err, ErrLost) {
					t.Fatal(err)
				}
			}
			if got == nil || !got.Known || got.Received != want || got.Sent != want {
				t.Errorf("announced: %+v, want %d segments each way", got, want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, sizeMessage+sizeInfo+4))
	f.Add([]byte(strings.Repeat("\xff", 300)))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = new(Socket).parse(b)
		messages(b, 0, func(_ uint16, body []byte) error { return new(Socket).parse(body) })
	})
}

func BenchmarkDump(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			for range n {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					b.Skip(err)
				}
				s, err := l.Accept()
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				defer s.Close()
			}
			d, err := OpenDump(netip.MustParseAddrPort(l.Addr().String()).Port())
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			b.ReportAllocs()
			for b.Loop() {
				seen := 0
				if err := d.Each([]State{Established}, func(*Socket) { seen++ }); err != nil || seen != n {
					b.Fatal(seen, err)
				}
			}
		})
	}
}
