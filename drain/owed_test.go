package drain

import (
	"bufio"
	"cmp"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/sockdiag"
	"github.com/prestop/prestop/internal/timing"
)

func TestHistory(t *testing.T) {
	at := func(in, out, acks uint32, received, sent, acknowledged time.Duration) sockdiag.Socket {
		return sockdiag.Socket{State: sockdiag.Established, Received: in, Sent: out, Acks: acks, BytesReceived: 100 * in, BytesAcked: 100 * out,
			SinceReceived: received, SinceSent: sent, SinceAck: acknowledged}
	}
	ping := func(s sockdiag.Socket, in, out uint32) sockdiag.Socket {
		s.BytesReceived, s.BytesAcked = in, out
		return s
	}
	closed := func(s sockdiag.Socket, state sockdiag.State) sockdiag.Socket { s.State = state; return s }
	far := func(s sockdiag.Socket) sockdiag.Socket { s.LeastRoundTrip = 12 * ms; return s }
	idle := at(5, 5, 3, 4*s, 3*s, 3*s)
	for _, test := range []struct {
		name  string
		looks []sockdiag.Socket
		want  bool
	}{
		{"nothing yet", []sockdiag.Socket{at(0, 0, 0, 0, 0, 0)}, false},
		{"a server that speaks first", []sockdiag.Socket{at(0, 1, 0, 5*s, 4*s, 4*s)}, false},
		{"asked", []sockdiag.Socket{at(1, 0, 1, 4*s, 5*s, 4*s)}, true},
		{"answered", []sockdiag.Socket{at(1, 1, 1, 4*s, 3*s, 3*s)}, false},
		{"asked again", []sockdiag.Socket{at(2, 1, 2, 4*s, 5*s, 4*s)}, true},
		{"the client will send no more", []sockdiag.Socket{closed(at(2, 1, 2, 4*s, 5*s, 4*s), sockdiag.CloseWait)}, true},
		{"the app has closed it", []sockdiag.Socket{closed(at(2, 1, 2, 4*s, 5*s, 4*s), sockdiag.FinWait2)}, false},
		{"the app has closed it since", []sockdiag.Socket{at(2, 1, 2, 4*s, 5*s, 4*s), closed(at(2, 1, 2, 4*s, 5*s, 4*s), sockdiag.FinWait2)}, false},

		{"in a tick, the first of all", []sockdiag.Socket{at(1, 1, 1, 4*s, 4*s, 4*s)}, false},
		{"in a tick, and the client acknowledged later", []sockdiag.Socket{at(9, 9, 4, 4*s, 4*s, 4*s-40*ms)}, false},
		{"in a tick, and the client sent a part of its request again", []sockdiag.Socket{at(12, 9, 4, 4*s, 4*s, 4*s-12*ms)}, true},
		{"the same, from far away", []sockdiag.Socket{far(at(12, 9, 4, 4*s, 4*s, 4*s-12*ms))}, false},
		{"in a tick, known, and the client sent a part of its request again", []sockdiag.Socket{idle, at(9, 6, 4, s, s, s-12*ms)}, true},
		{"in a tick, and the client will send no more", []sockdiag.Socket{closed(at(9, 9, 4, 4*s, 4*s, 4*s-100*ms), sockdiag.CloseWait)}, true},
		{"in a tick, and the client's acknowledgement was overtaken", []sockdiag.Socket{at(9, 9, 4, 4*s, 4*s, 4*s-ms)}, true},
		{"in a tick, a request more, and the acknowledgement was overtaken", []sockdiag.Socket{at(9, 8, 1, 4*s, 4*s, 4*s-ms)}, true},
		{"in a tick, a request more, and the client acknowledged later", []sockdiag.Socket{at(9, 8, 1, 4*s, 4*s, 4*s-40*ms)}, false},
		{"in a tick, a request more, kept alive", []sockdiag.Socket{at(9, 8, 5, 20*s, 20*s, 5*s)}, true},
		{"in a tick, known, and then kept alive", []sockdiag.Socket{idle, at(9, 9, 3, s, s, s), at(9, 9, 4, 6*s, 6*s, s)}, false},
		{"in a tick, and we never had to acknowledge", []sockdiag.Socket{at(9, 9, 1, 4*s, 4*s, 4*s)}, false},
		{"in a tick, and we had to, nobody knows when", []sockdiag.Socket{at(9, 9, 2, 4*s, 4*s, 4*s)}, true},
		{"in a tick, too early to tell", []sockdiag.Socket{idle, at(6, 6, 3, 100*ms, 100*ms, 100*ms)}, true},
		{"in a tick, known, we had not to", []sockdiag.Socket{idle, at(9, 9, 3, s, s, s)}, false},
		{"in a tick, known, we had to", []sockdiag.Socket{idle, at(9, 9, 4, s, s, s)}, true},
		{"in a tick, known, we had to, a single one", []sockdiag.Socket{idle, at(6, 6, 4, s, s, s)}, false},
		{"in a tick, known, we had to, a single one while another waits", []sockdiag.Socket{at(5, 4, 3, s, 2*s, s), at(6, 5, 4, s, s, s)}, true},
		{"in a tick, known, we had to, a single one after a piece of an answer", []sockdiag.Socket{idle, at(5, 6, 3, 5*s, s, s), at(6, 7, 4, s, s, s)}, true},
		{"in a tick, known, we had not to, a single one after a piece of an answer", []sockdiag.Socket{idle, at(5, 6, 3, 5*s, s, s), at(6, 7, 3, s, s, s)}, false},
		{"in a tick, known, we had to, a single one after a piece, and the client acknowledged later", []sockdiag.Socket{idle, at(5, 6, 3, 5*s, s, s), at(6, 7, 4, s, s, s-40*ms)}, false},
		{"in a tick, known, we had to, the second after a piece", []sockdiag.Socket{idle, at(5, 6, 3, 5*s, s, s), at(6, 7, 3, s, s, s), at(7, 8, 4, s, s, s)}, false},
		{"in a tick, known, we had to, and were late", []sockdiag.Socket{idle, at(9, 9, 3, 300*ms, 300*ms, 300*ms), at(9, 9, 4, s, s, s)}, true},
		{"in a tick, known, and the client's keep-alive probe is acknowledged", []sockdiag.Socket{idle, at(9, 9, 3, s, s, s), at(9, 9, 4, 16*s, 16*s, s)}, false},
		{"and it stays so", []sockdiag.Socket{idle, at(9, 9, 4, s, s, s), at(9, 9, 4, 2*s, 2*s, 2*s)}, true},
		{"until it is answered", []sockdiag.Socket{idle, at(9, 9, 4, s, s, s), at(9, 10, 4, 2*s, s, s)}, false},

		{"a ping and its answer", []sockdiag.Socket{ping(idle, 500, 500), ping(at(6, 6, 3, s, 2*s, s), 517, 517)}, false},
		{"again", []sockdiag.Socket{ping(idle, 500, 500), ping(at(6, 6, 3, s, 2*s, s), 517, 517), ping(at(7, 7, 3, s, 2*s, s), 534, 534)}, false},
		{"a ping, and a request", []sockdiag.Socket{ping(idle, 500, 500), ping(at(7, 6, 4, s, 2*s, s), 547, 517)}, true},
		{"a ping, and its answer with a request", []sockdiag.Socket{ping(idle, 500, 500), ping(at(6, 6, 4, s, 2*s, s), 567, 517)}, true},
		{"settings, after the first request", []sockdiag.Socket{ping(at(2, 3, 2, s, s-10*ms, s-20*ms), 300, 61)}, true},
		{"the first answer, a short one", []sockdiag.Socket{ping(at(1, 1, 1, s, s-10*ms, s-20*ms), 300, 75)}, false},
		{"a request, and permission to send more", []sockdiag.Socket{ping(idle, 500, 500), ping(at(7, 6, 4, s, s-10*ms, s-20*ms), 9000, 526)}, true},
		{"and then its answer", []sockdiag.Socket{ping(idle, 500, 500), ping(at(7, 6, 4, 2*s, 2*s-10*ms, 2*s-20*ms), 9000, 526), ping(at(7, 7, 4, 3*s, s, s), 9000, 600)}, false},
		{"a request, then permission to send more", []sockdiag.Socket{ping(idle, 500, 500), ping(at(6, 5, 4, s, 5*s, s), 800, 500), ping(at(6, 6, 4, 2*s, s, s), 800, 526)}, true},
		{"an answer, and a small request", []sockdiag.Socket{ping(idle, 500, 500), ping(at(6, 6, 4, s, 2*s, s), 517, 700)}, true},
		{"a ping while one waits", []sockdiag.Socket{at(5, 4, 3, s, 2*s, s), ping(at(6, 5, 4, s, 2*s, s), 517, 417)}, true},
	} {
		h, got := newHistory(true), false
		for n, s := range test.looks {
			_, c := h.look(time.Duration(n)*time.Second, &s, greeting{known: true})
			got = c != nothing
		}
		if got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// A connection that is kept alive no longer tells when its client acknowledged something. A request that may wait there counts from
// when the looks began, whatever the port speaks. Neither probes of keep-alive nor a ping change that, nor what is learned of the port.
func TestKeptAlive(t *testing.T) {
	plain := sockdiag.Socket{State: sockdiag.Established, Received: 9, Sent: 8, Acks: 5, BytesReceived: 900, BytesAcked: 800,
		SinceReceived: 40 * s, SinceSent: 40 * s, SinceAck: 10 * s}
	secure := plain
	secure.Acks, secure.BytesReceived, secure.BytesAcked = 0, 2000, 2800 // may be no more than a handshake
	for name, socket := range map[string]sockdiag.Socket{"plain": plain, "TLS": secure} {
		for _, pinged := range []bool{false, true} {
			h, g := newHistory(true), greeting{}
			for look := range time.Duration(5) {
				if asked, c := h.look(look*s, &socket, g); asked != 0 || c != maybe {
					t.Errorf("%s, pinged %v, look %d: %v since %v", name, pinged, look, c, asked)
				}
				socket.Acks++
				socket.SinceReceived, socket.SinceSent, socket.SinceAck = socket.SinceReceived+s, socket.SinceSent+s, 0
				if pinged && look == 1 {
					socket.Received, socket.Sent, socket.BytesReceived, socket.BytesAcked = socket.Received+1, socket.Sent+1, socket.BytesReceived+39, socket.BytesAcked+39
					socket.SinceReceived, socket.SinceSent, socket.SinceAck = 300*ms, 300*ms, 300*ms
				}
				if look == 2 {
					g = greeting{known: true, tls: name == "TLS", bytes: 2500, late: 180, segments: 2}
				}
			}
		}
	}
}

// What TLS says when a connection is closed is no traffic, and the answer before that is.
func TestPartingAfterAnAnswer(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	const asked = 10 * s // the answer came 700 ms after the look that began then, and the connection is closed after another second
	idle := sockdiag.Socket{Cookie: 7, State: sockdiag.Established, Local: netip.MustParseAddrPort("10.0.0.1:443"), Remote: netip.MustParseAddrPort("10.0.0.2:4000"),
		Received: 4, Sent: 4, BytesReceived: 700, BytesAcked: 2200, SinceReceived: 300 * ms, SinceSent: 300 * ms, SinceAck: 250 * ms, Acks: 1}
	ended := idle
	ended.State, ended.Received, ended.Sent, ended.BytesReceived, ended.BytesAcked, ended.SinceReceived, ended.SinceSent = 7, 5, 5, 725, 2225, 0, 0
	for _, c := range []claim{nothing, maybe} {
		w := (&Quiet{Ports: []uint16{443}, For: defaultFor, probing: new(prober)}).traffic()
		w.begun, w.known = begun, map[uint64]history{}
		w.greetings[443] = greeting{known: true, tls: true, bytes: 1900}
		h := newHistory(false)
		h.settle(asked, &idle, greeting{}, asked-300*ms, c)
		h.active = at(asked - 300*ms)
		w.known[7] = h
		closed := ended
		w.end(begun.Add(asked+s), &closed)
		if got := w.past.count(); got != 1 || !w.talk.last.Equal(begun.Add(asked-300*ms)) {
			t.Errorf("claim %d: %d connections have carried traffic lately and have ended, the last payload %v after the looks began, expected 1, %v", c, got, w.talk.last.Sub(begun), asked-300*ms)
		}
		w.past.forget(begun.Add(asked - 300*ms))
		if got := w.past.count(); got != 0 {
			t.Errorf("claim %d: what was said when it was closed counts", c)
		}
	}
}

// What ends a connection is no traffic, and what else came before its end is.
func TestParting(t *testing.T) {
	at := func(in, out, bytesIn, bytesOut uint32, ago time.Duration) sockdiag.Socket {
		return sockdiag.Socket{State: sockdiag.Established, Received: in, Sent: out, BytesReceived: bytesIn, BytesAcked: bytesOut, SinceReceived: ago, SinceSent: ago - ms}
	}
	idle, asked := at(5, 5, 500, 500, s), at(6, 5, 600, 500, s)
	asked.SinceSent = 2 * s
	doubtful := idle
	doubtful.SinceSent, doubtful.SinceAck, doubtful.Acks = s, s, 3
	for _, test := range []struct {
		name  string
		looks []sockdiag.Socket
		ended sockdiag.Socket
		want  bool
	}{
		{"TLS says that it is over, both ways, and the FINs", []sockdiag.Socket{idle}, at(6, 6, 525, 525, 0), true},
		{"one way, and a reset", []sockdiag.Socket{idle}, at(5, 6, 500, 524, 0), true},
		{"TLS says that it is over, and nobody can tell whether a client waits that asked within a tick of an answer", []sockdiag.Socket{doubtful}, at(6, 6, 525, 525, 0), true},
		{"the client alone says so", []sockdiag.Socket{doubtful}, at(6, 5, 525, 501, 0), true},
		{"the same, by TLS 1.2", []sockdiag.Socket{doubtful}, at(6, 6, 532, 532, 0), true},
		{"the small answer to a request that may wait, and TLS's end", []sockdiag.Socket{doubtful}, at(6, 6, 525, 548, 0), false},
		{"over a counter that has overflown", []sockdiag.Socket{at(5, 5, 1<<32-10, 1<<32-1, s)}, at(6, 6, 14, 23, 0), true},
		{"a request and its answer", []sockdiag.Socket{idle}, at(6, 6, 580, 620, 0), false},
		{"a small request and its answer", []sockdiag.Socket{idle}, at(6, 6, 528, 620, 0), false},
		{"a request and a small answer", []sockdiag.Socket{idle}, at(6, 6, 580, 528, 0), false},
		{"the end of an answer", []sockdiag.Socket{idle, asked}, at(6, 6, 600, 505, 0), false},
		{"the first that it carries", []sockdiag.Socket{at(0, 0, 0, 0, s)}, at(1, 1, 18, 28, 0), false},
		{"never seen idle", []sockdiag.Socket{at(1, 1, 18, 28, 100*ms)}, at(2, 2, 36, 46, 0), false},
		{"never seen", nil, at(1, 1, 18, 28, 0), false},
	} {
		h := newHistory(false)
		for n, s := range test.looks {
			h.look(time.Duration(n)*time.Second, &s, greeting{known: true})
		}
		if got := h.parting(&test.ended); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// Where the first segment is not acknowledged by a segment of its own, as by HAProxy or with TCP Fast Open, each acknowledgement is of a
// request that waited.
func TestHistoryUnacked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		in, out, acks  uint32
		usual, unacked bool // whether it waits
	}{
		{"answers of several segments, and nothing was acknowledged", 5, 20, 0, true, false},
		{"answers of several segments, and one request waits", 5, 20, 1, false, true},
		{"answers of one segment, and nothing was acknowledged", 5, 5, 0, true, false},
		{"a request more than answers", 5, 4, 1, true, true},
	} {
		socket := sockdiag.Socket{State: sockdiag.Established, Received: test.in, Sent: test.out, Acks: test.acks, BytesReceived: 100 * test.in, BytesAcked: 1000 * test.out,
			SinceReceived: 4 * s, SinceSent: 4 * s, SinceAck: 4 * s}
		for _, g := range []greeting{{known: true}, {known: true, unacked: true}} {
			want := test.usual && !g.unacked || test.unacked && g.unacked
			h := newHistory(false)
			if _, c := h.look(0, &socket, g); (c != nothing) != want {
				t.Errorf("%s: %+v: %v", test.name, g, c)
			}
			fast := socket
			fast.FastOpen = true
			h = newHistory(false)
			if _, c := h.look(0, &fast, g); (c != nothing) != test.unacked {
				t.Errorf("%s: Fast Open: %+v: %v", test.name, g, c)
			}
		}
	}
}

// 200 clients on kept connections, each as fast as it can: those whose last request hangs are owed an answer, whatever the
// tick of the kernel's clock it fell into, and those who have had theirs are not.
func TestOwedOverTheWire(t *testing.T) {
	if inside(t, asRoot, asUser) == "" {
		return
	}
	const clients = 200
	type row struct {
		name  string
		gap   time.Duration // between requests
		slow  bool          // the server takes 60 ms for some of them
		hang  bool
		watch bool // from before the traffic
		alive bool // the server sends probes of keep-alive meanwhile
		most  int  // that may be said to wait without need: where it is late, the server's kernel acknowledges first
	}
	rows := []row{
		{name: "fast, then one hangs", hang: true},
		{name: "fast, then one hangs, watched", hang: true, watch: true},
		{name: "sometimes slow, then one hangs", hang: true, slow: true},
		{name: "sometimes slow, then one hangs, watched", hang: true, slow: true, watch: true},
		{name: "now and then, then one hangs", gap: 300 * ms, hang: true},
		{name: "fast, then one hangs, kept alive", hang: true, alive: true},
	}
	idle := []row{
		{name: "fast, then idle", most: clients / 20},
		{name: "fast, then idle, watched", watch: true, most: clients / 20},
		{name: "now and then, then idle", gap: 300 * ms, most: clients}, // nobody can tell of those that fell into one tick
		{name: "now and then, then idle, watched", gap: 300 * ms, watch: true, most: clients / 20},
		{name: "now and then and sometimes slow, then idle, watched", gap: 300 * ms, slow: true, watch: true, most: clients / 20},
	}
	if timing.Judged { // whoever is late is said to wait, which is the safe side
		rows = append(rows, idle...)
	}
	together(t, rows, func(t *testing.T, test row) {
		config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: test.alive, Idle: s, Interval: s}}
		l, err := config.Listen(t.Context(), "tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		serve(t, l, func(c net.Conn) {
			for lines := bufio.NewScanner(c); lines.Scan(); {
				switch lines.Text() {
				case "never":
					continue
				case "slow":
					pause(t.Context(), 60*ms)
				}
				io.WriteString(c, answer)
			}
		})
		w, err := (&Quiet{Ports: []uint16{port(l)}, Unanswered: time.Minute, For: defaultFor, probing: new(prober)}).watch() // nobody is given up
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		looking := make(chan struct{})
		asked := make(chan struct{})
		go func() {
			defer close(looking)
			for tick := time.Tick(20 * ms); test.watch; <-tick {
				w.look(t.Context())
				select {
				case <-asked:
					return
				default:
				}
			}
		}()
		var all sync.WaitGroup
		var open [clients]net.Conn
		for n := range open {
			open[n] = dial(t.Context(), l)
			all.Go(func() {
				for i := range 3 + rand.IntN(5) {
					if i > 0 {
						pause(t.Context(), test.gap)
					}
					if test.slow && i == 1 {
						ask(open[n], "slow")
					}
					ask(open[n], "request")
				}
				if test.hang {
					io.WriteString(open[n], "never\n")
				}
			})
		}
		all.Wait()
		close(asked)
		<-looking
		for _, c := range open {
			acknowledged(t, c)
		}
		pause(t.Context(), settleTime+50*ms)
		if test.alive {
			pause(t.Context(), s+ackTime)
		}
		if _, err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := 0
		if test.hang {
			want = clients
		}
		if w.talk.owed < want || w.talk.owed > max(want, test.most) || w.talk.connections != clients {
			t.Errorf("%s: %d of %d are said to wait for an answer, want %d of %d", test.name, w.talk.owed, w.talk.connections, want, clients)
		}
		for _, c := range open {
			c.Close()
		}
	})
}

// acknowledged waits until the other side's kernel has acknowledged all that the connection has sent. That may take long where the
// machine is busy.
func acknowledged(t *testing.T, c net.Conn) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Error(err)
		return
	}
	for under := true; under && t.Context().Err() == nil; {
		var info *unix.TCPInfo
		var errInfo error
		err := raw.Control(func(fd uintptr) { info, errInfo = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
		if err := cmp.Or(err, errInfo); err != nil {
			t.Error(err)
			return
		}
		if under = info.Unacked > 0; under {
			pause(t.Context(), 5*ms)
		}
	}
}
