package drain

import (
	"context"
	"errors"
	"fmt"
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

// Without ports it looks at all that were listened on, and where there was none, it cannot see.
func TestQuietWithoutPorts(t *testing.T) {
	if inside(t, asUser) == "" {
		return
	}
	run := func(q Quiet) (time.Duration, error) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*s, errMax) // long, for a busy machine
		defer cancel()
		begin := time.Now()
		err := q.Run(ctx, silent)
		return time.Since(begin), err
	}
	if took, err := run(Quiet{For: 300 * ms}); !errors.Is(err, ErrUnseen) || errors.Is(err, errMax) || took < 5*s {
		t.Errorf("nothing was listened on: %v after %v", err, took)
	}
	l := echo(t, "tcp4", "0.0.0.0:0", 0)
	if found, err := (&Quiet{}).Check(t.Context()); err != nil || !strings.Contains(fmt.Sprint(found), fmt.Sprint(port(l))) {
		t.Errorf("a dry run does not name port %d: %v (%v)", port(l), found, err)
	}
	if took, err := run(Quiet{For: 300 * ms}); err != nil || took > 4*s {
		t.Errorf("nothing goes on: %v after %v", err, took)
	}
	c := dial(t.Context(), l)
	defer c.Close()
	go every(t.Context(), 100*ms, func() { ask(c, "request") })
	if _, err := run(Quiet{For: 3 * s}); !errors.Is(err, errMax) {
		t.Errorf("requests go on: %v", err)
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
		ctx, cancel = context.WithTimeoutCause(t.Context(), 2*s, errMax)
		defer cancel()
		if err := q.Run(ctx, silent); !errors.Is(err, errMax) {
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
