package drain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestListeners(t *testing.T) {
	if inside(t, asUser, refused) == "" {
		return
	}
	outer, inner := echo(t, "tcp4", "0.0.0.0:0", 0), echo(t, "tcp4", "127.0.0.1:0", 0)
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port(outer))})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	noted, err := NoteListeners()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Listener{{Addr: netip.AddrPortFrom(netip.IPv4Unspecified(), port(outer))}, {Addr: netip.MustParseAddrPort(inner.Addr().String())},
		{netip.AddrPortFrom(netip.IPv4Unspecified(), port(outer)), true}} {
		if !slices.Contains(noted, want) {
			t.Errorf("%v is not among %v", want, noted)
		}
	}
	tcp, both := noted.outward()
	if !reflect.DeepEqual(tcp, []uint16{port(outer)}) || !reflect.DeepEqual(both, tcp) {
		t.Errorf("outward: %v and %v, want %d", tcp, both, port(outer))
	}
}

// A step tells the app to stop, and until quiet looks after that. What app and client have said meanwhile looks like an answer, but who
// waited when the hook began is known.
func TestNote(t *testing.T) {
	if inside(t, asUser) == "" {
		return
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told, said := make(chan struct{}), make(chan struct{})
	serve(t, l, func(c net.Conn) {
		c.Read(make([]byte, 1000))
		<-told
		c.Write(make([]byte, 47)) // GOAWAY, and a ping
		c.Read(make([]byte, 1000))
		pause(t.Context(), 2*reactionTime) // a busy app
		c.Write(make([]byte, 30))          // GOAWAY again
		close(said)
		<-t.Context().Done()
	})
	c := dial(t.Context(), l)
	defer c.Close()
	c.Write(make([]byte, 157))
	pause(t.Context(), 2*settleTime)
	q := &Quiet{Ports: []uint16{port(l)}, For: s}
	defer q.Note()()
	l.Close()
	close(told)
	c.Read(make([]byte, 1000))
	c.Write(make([]byte, 17))
	<-said
	pause(t.Context(), 2*settleTime)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 3*s, errMax)
	defer cancel()
	if err := q.Run(ctx, slog.New(slog.DiscardHandler)); !errors.Is(err, errMax) {
		t.Errorf("%v, want to wait for the answer", err)
	}
}

// Ports are in order, each of them once, however many sockets listen on them and in whatever order the kernel lists these.
func TestOutwardPorts(t *testing.T) {
	t.Parallel()
	var all Listeners
	for _, one := range []struct {
		address string
		udp     bool
	}{
		{"0.0.0.0:9090", false}, {"[::]:443", false}, {"10.0.0.1:8080", false}, {"[::]:9090", false}, {"0.0.0.0:443", false}, {"127.0.0.1:15000", false},
		{"0.0.0.0:8080", true}, {"[::]:443", true}, {"10.0.0.1:443", true}, {"0.0.0.0:5353", true}, {"127.0.0.1:9090", true},
	} {
		all = append(all, Listener{netip.MustParseAddrPort(one.address), one.udp})
	}
	tcp, udp := all.outward()
	if !slices.Equal(tcp, []uint16{443, 8080, 9090}) || !slices.Equal(udp, []uint16{443, 8080}) {
		t.Errorf("TCP %v, UDP %v", tcp, udp)
	}
}

// An app that closes its listeners when it is told to shut down is seen by its connections, and by what was noted.
func TestQuietListenerGone(t *testing.T) {
	if inside(t, asUser, refused) == "" {
		return
	}
	for _, test := range []struct {
		name         string
		noted, still bool
		want         string
	}{
		{"noted, without connections", true, false, ""},
		{"not noted, with a connection", false, true, ""},
		{"neither", false, false, "nothing listens on port"},
	} {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		q := Quiet{Ports: []uint16{port(l)}, For: 300 * ms}
		if test.noted {
			q.Noted, err = NoteListeners()
		}
		if test.still {
			c := dial(t.Context(), l)
			a, errAccept := l.Accept()
			defer c.Close()
			defer a.Close()
			err = errors.Join(err, errAccept)
		}
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2*s, errMax)
		err = q.Run(ctx, silent)
		cancel()
		if test.still && errors.Is(err, errMax) { // by /proc, an idle connection is traffic
			err = nil
		}
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// runFor is how long it takes, and what comes of it.
func runFor(t *testing.T, most time.Duration, q Quiet) (time.Duration, error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeoutCause(t.Context(), most, errMax)
	defer cancel()
	err := q.Run(ctx, silent)
	return time.Since(begin), err
}

// Without ports it looks at all that were listened on from outside, of either version of IP. Where there was none, it cannot see. A
// proxy in the pod is at loopback's address 127.0.0.6, and its traffic is traffic.
func TestQuietWithoutPorts(t *testing.T) {
	if inside(t, asUser, refused) == "" {
		return
	}
	const long = 5 * s // for a busy machine
	echo(t, "tcp4", "127.0.0.1:0", 0)
	echo(t, "tcp6", "[::1]:0", 0)
	if took, err := runFor(t, 2*s, Quiet{For: 300 * ms}); !errors.Is(err, ErrUnseen) || errors.Is(err, errMax) || took < 2*s {
		t.Errorf("nothing was listened on from outside: %v after %v", err, took)
	}
	for _, one := range []struct{ network, address, from string }{{"tcp4", "0.0.0.0:0", ""}, {"tcp6", "[::]:0", ""}, {"tcp", "[::]:0", ""}, {"tcp4", "0.0.0.0:0", "127.0.0.6"}, {"tcp", "[::]:0", "127.0.0.6"}} {
		l := echo(t, one.network, one.address, 0)
		if found, err := (&Quiet{}).Check(t.Context()); err != nil || !strings.Contains(fmt.Sprint(found), fmt.Sprint(port(l))) {
			t.Errorf("%v: a dry run does not name port %d: %v (%v)", one, port(l), found, err)
		}
		if took, err := runFor(t, long, Quiet{For: 300 * ms}); err != nil || took > 4*s {
			t.Errorf("%v: nothing goes on: %v after %v", one, err, took)
		}
		host := map[string]string{"tcp6": "::1"}[one.network]
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(one.from)}}).Dial("tcp", net.JoinHostPort(cmp.Or(host, "127.0.0.1"), fmt.Sprint(port(l))))
		if err != nil {
			t.Fatal(one, err)
		}
		asking, stop := context.WithCancel(t.Context())
		go every(asking, 100*ms, func() { ask(c, "request") })
		if _, err := runFor(t, 2*s, Quiet{For: s}); !errors.Is(err, errMax) {
			t.Errorf("%v: requests go on: %v", one, err)
		}
		stop()
		c.Close()
		l.Close()
	}
}

// Probes and scrapes go on until the pod ends, each on a connection of its own or on one that is kept. They hold no hook that allows
// as many as come within for=, nor one whose for= is shorter than the time between them. But without netlink each connection that is
// kept counts. Times are half of what they are in a pod, and what is allowed is what inject would write.
func TestQuietBesideProbes(t *testing.T) {
	way := inside(t, asUser, refused)
	if way == "" {
		return
	}
	const half = defaultFor / 2
	for _, test := range []struct {
		name  string
		every time.Duration
		kept  bool
		allow int
		again bool // a hook that allows none is held
	}{
		{"probed each second", 500 * ms, false, 4, true},
		{"probed every 5 s", 2500 * ms, false, 1, false},
		{"probed every 10 s", 5 * s, false, 1, false},
		{"scraped every 15 s", 7500 * ms, true, 0, false},
	} {
		app, other := echo(t, "tcp4", "0.0.0.0:0", 0), echo(t, "tcp", "[::]:0", 0)
		going, stop := context.WithCancel(t.Context())
		c := dial(going, other)
		go every(going, test.every, func() {
			if test.kept {
				ask(c, "scrape")
			} else {
				once(going, other)
			}
		})
		if took, err := runFor(t, 5*s, Quiet{For: half, Allow: test.allow}); errors.Is(err, errMax) != (test.kept && way == refused) {
			t.Errorf("%s: %v after %v", test.name, err, took)
		}
		if test.again {
			if _, err := runFor(t, 3*s, Quiet{For: half}); !errors.Is(err, errMax) {
				t.Errorf("%s: allows none, and ends: %v", test.name, err)
			}
		}
		stop()
		c.Close()
		app.Close()
		other.Close()
	}
}

// Where min is not less than max, nothing is looked for, and the end is met; but not the end of something else.
func TestQuietMinIsMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := Quiet{Ports: []uint16{1}, Min: 10 * s, Max: 5 * s}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*s, errMax)
		defer cancel()
		if err := q.Run(ctx, silent); err != nil {
			t.Error(err)
		}
		deadline := errors.New("the deadline")
		ctx, cancel = context.WithTimeoutCause(t.Context(), 2*s, deadline)
		defer cancel()
		if err := q.Run(ctx, silent); !errors.Is(err, deadline) {
			t.Errorf("ended too early: %v", err)
		}
	})
}

func TestDatagrams(t *testing.T) {
	if inside(t, asRoot, asUser, refused) == "" {
		return
	}
	l := echo(t, "tcp4", "127.0.0.1:0", 0)
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port(l))})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	run := func(q Quiet) (string, error) {
		w := &watched{make(chan string, 100)}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*s, errMax) // long, for a busy machine
		defer cancel()
		q.For = 3 * s
		err := q.Run(ctx, w.logger())
		close(w.lines)
		said := ""
		for line := range w.lines {
			said += line
		}
		return said, err
	}
	tcp, stop := context.WithCancel(t.Context())
	go every(tcp, 100*ms, func() { once(tcp, l) })
	if _, err := run(Quiet{UDPPorts: []uint16{port(l)}}); err != nil {
		t.Errorf("no datagrams, though there are connections: %v", err)
	}
	stop()
	if _, err := run(Quiet{UDPPorts: []uint16{port(l) ^ 1}}); err == nil || errors.Is(err, errMax) {
		t.Errorf("no socket: %v", err)
	}
	client, err := net.Dial("udp4", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go every(ctx, 100*ms, func() { client.Write([]byte("a")); server.Read(make([]byte, 1)) })
	if said, err := run(Quiet{Ports: []uint16{port(l)}, UDPPorts: []uint16{port(l)}}); !errors.Is(err, errMax) || !strings.Contains(err.Error(), "last datagram") {
		t.Errorf("datagrams go on: %v\n%s", err, said)
	}
	if said, err := run(Quiet{Ports: []uint16{port(l)}}); err != nil || !strings.Contains(said, "datagrams do not count") {
		t.Errorf("a TCP port with a UDP socket: %v\n%s", err, said)
	}
}

func TestCountDatagrams(t *testing.T) {
	const v4 = "Ip: Forwarding\nIp: 1\nUdp: InDatagrams NoPorts InErrors OutDatagrams\nUdp: 10 1000 1000 3\nUdpLite: InDatagrams\nUdpLite: 9\n"
	for name, test := range map[string]struct {
		snmp, snmp6 string
		want        uint64
		bad         bool
	}{
		"both":       {v4, "Udp6InDatagrams                 \t100\nUdp6OutDatagrams   200\nUdp6NoPorts 5\n", 313, false},
		"IPv4 alone": {v4, "", 13, false},
		"none":       {"Ip: Forwarding\nIp: 1\n", "", 0, true},
		"no number":  {strings.Replace(v4, "10", "x", 1), "", 0, true},
		"broken off": {v4[:70], "", 0, true},
		"nothing":    {"", "", 0, true},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"snmp": test.snmp, "snmp6": test.snmp6} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := countDatagrams(dir); got != test.want || (err != nil) != test.bad {
			t.Errorf("%s: %d (%v), want %d", name, got, err, test.want)
		}
	}
}
