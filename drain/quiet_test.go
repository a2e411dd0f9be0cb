package drain

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

const ms = time.Millisecond

// echo answers each line after a while, "stream" with lines for ever and "never" not at all.
func echo(t *testing.T, after time.Duration) *net.TCPListener {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var open []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, c)
			all.Go(func() { defer c.Close(); serveLines(t.Context(), c, after) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		for _, c := range open {
			c.Close()
		}
		all.Wait()
	})
	return l
}

func serveLines(ctx context.Context, c net.Conn, after time.Duration) {
	for lines := bufio.NewScanner(c); lines.Scan(); {
		switch lines.Text() {
		case "never":
			continue
		case "stream":
			for ctx.Err() == nil {
				if _, err := io.WriteString(c, "line\n"); err != nil {
					return
				}
				pause(ctx, 100*ms)
			}
		default:
			pause(ctx, after)
			io.WriteString(c, lines.Text()+"\n")
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func port(l net.Listener) uint16 { return netip.MustParseAddrPort(l.Addr().String()).Port() }

// ask sends a line and reads what comes back.
func ask(c net.Conn, line string) {
	io.WriteString(c, line+"\n")
	bufio.NewReader(c).ReadString('\n')
}

func dial(ctx context.Context, l net.Listener) net.Conn {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		panic(err)
	}
	return c
}

func once(ctx context.Context, l net.Listener) {
	c := dial(ctx, l)
	defer c.Close()
	ask(c, "request")
}

// every calls do again and again, until ctx ends.
func every(ctx context.Context, d time.Duration, do func()) {
	for ctx.Err() == nil {
		do()
		pause(ctx, d)
	}
}

// What holds it to its end and what does not, all with a quiet time of 600 ms.
func TestQuiet(t *testing.T) {
	const holds = time.Hour
	tests := []struct {
		name    string
		quiet   Quiet
		after   time.Duration // an answer takes
		traffic func(ctx context.Context, l net.Listener)
		from    time.Duration // it lasts at least, and not a second longer; holds: to its end
	}{
		{"nothing", Quiet{}, 0, func(context.Context, net.Listener) {}, 600 * ms},
		{"its min", Quiet{Min: 1200 * ms}, 0, func(context.Context, net.Listener) {}, 1200 * ms},
		{"a request now and then", Quiet{}, 0, func(ctx context.Context, l net.Listener) { every(ctx, 400*ms, func() { once(ctx, l) }) }, holds},
		{"a request rarely", Quiet{}, 0, func(ctx context.Context, l net.Listener) { every(ctx, 4*s, func() { once(ctx, l) }) }, 600 * ms},
		{"requests on a kept connection", Quiet{}, 0, func(ctx context.Context, l net.Listener) {
			c := dial(ctx, l)
			defer c.Close()
			every(ctx, 400*ms, func() { ask(c, "request") })
		}, holds},
		{"a kept connection that is idle", Quiet{}, 0, func(ctx context.Context, l net.Listener) {
			c := dial(ctx, l)
			defer c.Close()
			for range 5 {
				ask(c, "request")
				pause(ctx, 20*ms)
			}
			<-ctx.Done()
		}, 600 * ms},
		{"a connection without a word", Quiet{}, 0, func(ctx context.Context, l net.Listener) {
			c := dial(ctx, l)
			defer c.Close()
			<-ctx.Done()
		}, 600 * ms},
		{"TCP health checks", Quiet{}, 0, func(ctx context.Context, l net.Listener) {
			every(ctx, 50*ms, func() { dial(ctx, l).Close() })
		}, 600 * ms},
		{"a request in flight", Quiet{}, 2 * s, func(ctx context.Context, l net.Listener) { once(ctx, l); <-ctx.Done() }, 2600 * ms},
		{"one that is never answered", Quiet{Unanswered: 1500 * ms}, 0, func(ctx context.Context, l net.Listener) {
			c := dial(ctx, l)
			defer c.Close()
			io.WriteString(c, "never\n")
			<-ctx.Done()
		}, 1500 * ms},
		{"a stream that only sends", Quiet{}, 0, func(ctx context.Context, l net.Listener) {
			c := dial(ctx, l)
			defer c.Close()
			io.WriteString(c, "stream\n")
			go io.Copy(io.Discard, c)
			<-ctx.Done()
		}, holds},
		{"allowed probes", Quiet{Allow: 1}, 0, func(ctx context.Context, l net.Listener) { every(ctx, 700*ms, func() { once(ctx, l) }) }, 600 * ms},
		{"more than the allowed", Quiet{Allow: 1}, 0, func(ctx context.Context, l net.Listener) {
			every(ctx, 300*ms, func() { once(ctx, l) })
		}, holds},
		{"ignored peers", Quiet{Ignore: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, 0, func(ctx context.Context, l net.Listener) {
			every(ctx, 50*ms, func() { once(ctx, l) })
		}, 600 * ms},
		{"connections from before, for traffic=new", Quiet{New: true}, 0, func(ctx context.Context, l net.Listener) {
			c := dial(ctx, l)
			defer c.Close()
			every(ctx, 50*ms, func() { ask(c, "request") })
		}, 600 * ms},
		{"new connections, for traffic=new", Quiet{New: true}, 0, func(ctx context.Context, l net.Listener) {
			every(ctx, 400*ms, func() { once(ctx, l) })
		}, holds},
	}
	var all sync.WaitGroup // side by side: they do little but wait
	defer all.Wait()
	for _, test := range tests {
		l := echo(t, test.after)
		all.Go(func() {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 5*s, errMax)
			defer cancel()
			var talking sync.WaitGroup
			defer talking.Wait()
			defer cancel()
			begun := make(chan struct{})
			talking.Go(func() { close(begun); test.traffic(ctx, l) })
			<-begun
			pause(ctx, 200*ms) // for what is there from before
			q := test.quiet
			q.Ports, q.For = []uint16{port(l)}, 600*ms
			begin := time.Now()
			err := q.Run(ctx, silent)
			took := time.Since(begin)
			switch {
			case test.from == holds:
				if !errors.Is(err, errMax) || !strings.Contains(err.Error(), "connections carry traffic") {
					t.Errorf("%s: ended after %v: %v", test.name, took, err)
				}
			case err != nil || took < test.from-300*ms || took > test.from+1500*ms:
				t.Errorf("%s: %v after %v, want quiet after %v", test.name, err, took, test.from)
			}
		})
	}
}

func TestQuietWithoutAListener(t *testing.T) {
	t.Parallel()
	l := echo(t, 0)
	taken := port(l)
	l.Close()
	begin := time.Now()
	err := Quiet{Ports: []uint16{taken}}.Run(t.Context(), silent)
	want := fmt.Sprintf("could not see: nothing listens on port %d; ", taken)
	if err == nil || !strings.HasPrefix(err.Error(), want) || time.Since(begin) > s {
		t.Errorf("error %v, want %s", err, want)
	}
}

// A churn of short connections: each is counted once it has ended, or it is said that some were lost.
func TestQuietChurn(t *testing.T) {
	l := echo(t, 0)
	w, err := (Quiet{Ports: []uint16{port(l)}}).watch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	const connections = 2000
	ended, lost := 0, false
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range connections / 8 {
				once(t.Context(), l)
			}
		})
	}
	count := func() {
		err := w.ended.Drain(func(s sockdiag.Socket) {
			if s.Local.Port() == port(l) && s.Received > 0 {
				ended++
			}
		})
		if errors.Is(err, sockdiag.ErrLost) {
			lost = true
		} else if err != nil {
			t.Fatal(err)
		}
	}
	tick := time.NewTicker(10 * ms)
	defer tick.Stop()
	for end := time.Now().Add(20 * s); ended < connections && !lost && time.Now().Before(end); <-tick.C {
		count()
	}
	all.Wait()
	if ended != connections && !lost {
		t.Errorf("%d of %d connections were seen to end, and none said to be lost", ended, connections)
	}
}

func TestUnanswered(t *testing.T) {
	for _, test := range []struct {
		name                         string
		in, out                      uint32
		received, sent, acknowledged time.Duration
		want                         bool
	}{
		{"nothing yet", 0, 0, 0, 0, 0, false},
		{"a server that speaks first", 0, 1, 5 * s, 4 * s, 4 * s, false},
		{"asked", 1, 0, 4 * s, 5 * s, 4 * s, true},
		{"answered", 1, 1, 4 * s, 3 * s, 3 * s, false},
		{"asked again", 2, 1, 4 * s, 5 * s, 4 * s, true},
		{"answered within a tick, and acknowledged later", 9, 9, 4 * s, 4 * s, 4*s - 40*ms, false},
		{"answered within a tick, the first time", 1, 1, 4 * s, 4 * s, 4 * s, false},
		{"asked within the tick of the last answer", 9, 8, 4 * s, 4 * s, 4 * s, true},
	} {
		got := unanswered(sockdiag.Socket{Received: test.in, Sent: test.out, SinceReceived: test.received, SinceSent: test.sent, SinceAck: test.acknowledged})
		if got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
