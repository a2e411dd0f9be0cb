package drain

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/sockdiag"
	"github.com/prestop/prestop/internal/timing"
)

// The defaults, five times as fast; but for one, which leaves time to a busy machine.
const (
	testFor        = 900 * ms
	testMin        = 2 * s
	testUnanswered = 3 * s
	testMax        = 6 * s
	testEndless    = 20 * s    // a max that nothing comes to which ends at all
	holds          = time.Hour // until its max
	unsure         = 1         // as it happens: short connections are seen by luck
)

// A pattern is traffic to a listener, until the context ends.
type pattern struct {
	name    string
	quiet   Quiet
	traffic func(ctx context.Context, l net.Listener)
	begins  bool          // the traffic tells by begun when that is there which is from before; else it has 200 ms
	after   time.Duration // an answer takes
	ends    time.Duration // so long after the traffic has begun at the earliest
	late    time.Duration // and so much later at most, where that is judged; 0: 1.5 s
	proc    time.Duration // where that differs without netlink; 0: it does not
}

// head is how long traffic goes on before anybody looks.
const head = 200 * ms

func kept(do func(context.Context, net.Conn)) func(context.Context, net.Listener) {
	return func(ctx context.Context, l net.Listener) {
		c := dial(ctx, l)
		defer c.Close()
		do(ctx, c)
	}
}

func requests(gap time.Duration) func(context.Context, net.Listener) {
	return func(ctx context.Context, l net.Listener) { every(ctx, gap, func() { once(ctx, l) }) }
}

func keptRequests(gap time.Duration) func(context.Context, net.Listener) {
	return kept(func(ctx context.Context, c net.Conn) {
		ask(c, "request")
		ask(c, "request")
		begun(ctx)
		every(ctx, gap, func() { ask(c, "request") })
	})
}

type begunKey struct{}

// begun tells the one who waits for it that the traffic has begun.
func begun(ctx context.Context) { ctx.Value(begunKey{}).(func())() }

// closed are connections that have carried a request and are closed one after the other.
func closed(last string) func(context.Context, net.Listener) {
	return func(ctx context.Context, l net.Listener) {
		var all []net.Conn
		for range 30 {
			all = append(all, dial(ctx, l))
			ask(all[len(all)-1], "request")
		}
		begun(ctx)
		begin := time.Now()
		for n, c := range all {
			pause(ctx, time.Until(begin.Add(time.Duration(n+1)*100*ms)))
			io.WriteString(c, last)
			c.Close()
		}
	}
}

// then is a kept connection that says something, and no more.
func then(lines ...string) func(context.Context, net.Listener) {
	return kept(func(ctx context.Context, c net.Conn) {
		for n, line := range lines {
			if n > 0 {
				pause(ctx, 20*ms)
			}
			if line == "never" || line == "stream" || line == "large" {
				io.WriteString(c, line+"\n")
				continue
			}
			ask(c, line)
		}
		if len(lines) > 0 && lines[len(lines)-1] == "stream" {
			go io.Copy(io.Discard, c)
		}
		<-ctx.Done()
	})
}

var patterns = []pattern{
	{name: "nothing", traffic: func(context.Context, net.Listener) {}, ends: testFor},
	{name: "its min", quiet: Quiet{Min: testMin}, traffic: func(context.Context, net.Listener) {}, ends: testMin},
	{name: "a request every 2 s", traffic: requests(400 * ms), ends: holds, proc: unsure},
	{name: "a request every 10 s", quiet: Quiet{Min: testMin}, traffic: requests(2 * s), ends: testMin, proc: unsure},
	{name: "a request every 2 s on a kept connection", traffic: keptRequests(400 * ms), ends: holds},
	{name: "a request every 10 s on a kept connection", quiet: Quiet{Min: testMin}, traffic: keptRequests(2 * s), ends: testMin, late: testUnanswered, proc: holds},
	{name: "a kept connection that is idle", traffic: then("a", "b", "c", "d", "e"), ends: testFor, proc: holds},
	{name: "a connection without a word", traffic: then(), ends: testFor, proc: holds},
	{name: "TCP health checks", traffic: func(ctx context.Context, l net.Listener) {
		every(ctx, 50*ms, func() { dial(ctx, l).Close() })
	}, ends: testFor, proc: unsure},
	{name: "connections that are closed", traffic: closed(""), begins: true, ends: testFor, proc: 3600 * ms},
	{name: "connections that are closed with a word each way, as TLS does", quiet: Quiet{Protocol: TLS}, traffic: closed("bye\n"), begins: true, ends: testFor, proc: 3600 * ms},
	{name: "connections that are closed with a word each way, of a protocol that nobody knows", traffic: closed("bye\n"), begins: true, ends: 3900 * ms},
	{name: "a request that is never answered, where nothing bounds it", quiet: Quiet{Unanswered: time.Hour}, traffic: then("never"), ends: holds},
	{name: "heartbeats, as the word says", quiet: Quiet{Protocol: WebSocket, Min: testUnanswered}, traffic: heartbeats, ends: testUnanswered, proc: holds},
	{name: "heartbeats of a protocol that nobody knows", traffic: heartbeats, ends: holds},
	{name: "a request every 2 s over Multipath TCP", traffic: func(ctx context.Context, l net.Listener) {
		var d net.Dialer
		d.SetMultipathTCP(true) // where the kernel has it
		every(ctx, 400*ms, func() {
			made := time.Now()
			if c, err := d.DialContext(ctx, "tcp", l.Addr().String()); err == nil {
				ask(onTape(ctx, c, c.LocalAddr(), made), "request")
				c.Close()
			}
		})
	}, ends: holds, proc: unsure},
	{name: "a 10 s request in flight", after: 2 * s, traffic: func(ctx context.Context, l net.Listener) { once(ctx, l); <-ctx.Done() }, ends: 2*s + testFor},
	{name: "a 10 s request on a kept connection", after: 2 * s, traffic: then("request"), ends: 2*s + testFor, proc: holds},
	{name: "a request that is never answered", traffic: then("never"), ends: testUnanswered, proc: holds},
	{name: "a stream that only sends", traffic: then("stream"), ends: holds},
	{name: "an answer that its client does not take", traffic: then("large"), ends: testUnanswered, proc: holds},
	{name: "allowed probes", quiet: Quiet{Allow: 1}, traffic: requests(s), ends: testFor, proc: unsure},
	{name: "more than the allowed", quiet: Quiet{Allow: 1}, traffic: requests(250 * ms), ends: holds, proc: unsure},
	{name: "one of the allowed, which waits for its answer", quiet: Quiet{Allow: 1}, after: 2 * s, traffic: func(ctx context.Context, l net.Listener) { once(ctx, l); <-ctx.Done() }, ends: 2 * s, proc: testFor},
	{name: "ignored peers", quiet: Quiet{Ignore: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}, traffic: requests(50 * ms), ends: testFor},
	{name: "connections from before, for traffic=new", quiet: Quiet{New: true}, traffic: keptRequests(50 * ms), begins: true, ends: testFor},
	{name: "new connections, for traffic=new", quiet: Quiet{New: true}, traffic: requests(400 * ms), ends: holds, proc: unsure},
	{name: "an idle HTTP/2 channel", traffic: http2(0, "/"), ends: testFor, late: testUnanswered + s, proc: holds},
	{name: "an idle HTTP/2 channel, the last frame its client's", traffic: http2(0, "/large"), ends: testFor, late: testUnanswered + s, proc: holds},
	{name: "an HTTP/2 channel with its client's pings every 10 s", quiet: Quiet{Min: testUnanswered}, traffic: http2(2*s, "/"), ends: testUnanswered, late: 1500 * ms, proc: holds},
	{name: "an HTTP/2 channel with its server's pings every 10 s", quiet: Quiet{Min: testUnanswered}, traffic: http2(0, "/pings"), ends: testUnanswered, late: 1500 * ms, proc: holds},
	{name: "an HTTP/2 request in flight", traffic: http2(0, "/slow"), ends: 2*s + testFor, late: testUnanswered, proc: holds},
}

// heartbeats are of many connections that have been answered, one of them every 300 ms.
func heartbeats(ctx context.Context, l net.Listener) {
	var all []net.Conn
	for range 6 {
		all = append(all, dial(ctx, l))
		defer all[len(all)-1].Close()
		ask(all[len(all)-1], "request")
	}
	for n := 0; ctx.Err() == nil; n++ {
		pause(ctx, 300*ms)
		ask(all[n%len(all)], "beat")
	}
}

// http2 is a client that asks once and keeps the channel, with pings by itself or, for /pings, by its server.
func http2(pings time.Duration, path string) func(context.Context, net.Listener) {
	return func(ctx context.Context, l net.Listener) {
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: &protocols, HTTP2: &http.HTTP2Config{SendPingTimeout: pings, PingTimeout: time.Minute}}
		defer transport.CloseIdleConnections()
		url := "http://" + l.Addr().String() + path
		if request, err := http.NewRequestWithContext(ctx, "GET", url, nil); err == nil {
			if answer, err := transport.RoundTrip(request); err == nil {
				io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		}
		<-ctx.Done()
	}
}

// serveHTTP2 answers what http2 asks.
func serveHTTP2(t *testing.T, l net.Listener, pings time.Duration) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: &protocols, HTTP2: &http.HTTP2Config{SendPingTimeout: pings, PingTimeout: time.Minute}}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			w.Write(make([]byte, 1<<20))
		case "/slow":
			pause(r.Context(), 2*s)
		}
	})
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-done })
}

// What holds it to its end and what does not.
func TestQuiet(t *testing.T) {
	way := inside(t, asRoot, asUser, refused)
	if way == "" {
		return
	}
	var all sync.WaitGroup // side by side: they do little but wait
	defer all.Wait()
	for n, family := range []struct{ name, network, address, dial string }{
		{"IPv4", "tcp4", "127.0.0.1:0", ""}, {"IPv6", "tcp6", "[::1]:0", ""}, {"IPv4 to a listener of both", "tcp", "[::]:0", "127.0.0.1"},
	} {
		for i, p := range patterns {
			if way == refused && p.proc == unsure || (i+len(way))%3 != n { // each way with another family, so that it is no load test
				continue
			}
			ctx := context.WithValue(t.Context(), tapeKey{}, &tape{})
			l, err := net.Listen(family.network, family.address)
			if err != nil {
				t.Fatal(err)
			}
			if family.dial != "" {
				l = named{l, &net.TCPAddr{IP: net.ParseIP(family.dial), Port: int(port(l))}}
			}
			switch {
			case strings.HasSuffix(p.name, "server's pings every 10 s"):
				serveHTTP2(t, l, 2*s)
			case strings.Contains(p.name, "HTTP/2"):
				serveHTTP2(t, l, 0)
			default:
				serve(t, l, func(c net.Conn) { serveLines(ctx, onTape(ctx, c, c.RemoteAddr(), time.Now()), p.after) })
			}
			kept := way == refused && p.proc == holds // by connections, whatever goes over them
			if way == refused && p.proc != 0 {
				p.ends = p.proc
			}
			all.Go(func() { p.run(ctx, t, family.name, l, kept) })
		}
	}
}

// named is a listener that is dialed by another address.
type named struct {
	net.Listener
	addr net.Addr
}

func (n named) Addr() net.Addr { return n.addr }

// run judges what became of it. That it ended too early is judged whatever the machine does meanwhile: traffic that is to hold it
// is on a tape, which shows whether it had paused. That it ended late is judged in make timing.
func (p pattern) run(ctx context.Context, t *testing.T, family string, l net.Listener, kept bool) {
	most := testEndless
	if p.ends == holds {
		most = testMax
	}
	ctx, cancel := context.WithCancel(ctx)
	var talking sync.WaitGroup
	defer talking.Wait()
	defer cancel()
	started := make(chan time.Time, 2)
	if !p.begins {
		started <- time.Now()
	}
	talking.Go(func() { p.traffic(context.WithValue(ctx, begunKey{}, func() { started <- time.Now() }), l) })
	start := <-started
	if !p.begins {
		pause(ctx, head)
	}
	q := p.quiet
	q.Ports, q.For = []uint16{port(l)}, testFor
	if q.Unanswered == 0 {
		q.Unanswered = testUnanswered
	}
	said := &lastLine{}
	looking, end := context.WithTimeoutCause(ctx, most, errMax) // the traffic goes on until the last look
	defer end()
	err := q.Run(looking, slog.New(said))
	took := said.at.Sub(start)
	switch paused := tapeOf(ctx).paused(start, said.at, p.quiet); {
	case p.ends == holds && errors.Is(err, errMax) && strings.Contains(err.Error(), " carry traffic"):
	case p.ends == holds && (err != nil || kept || !paused || timing.Judged):
		t.Errorf("%s, %s: ended after %v, while there was traffic: %v; %s", p.name, family, took, err, said.text)
	case p.ends == holds:
		t.Logf("%s, %s: the traffic had paused when it ended after %v; %s", p.name, family, took, said.text)
	case err != nil || took < p.ends-100*ms || timing.Judged && took > p.ends+cmp.Or(p.late, 1500*ms):
		t.Errorf("%s, %s: %v after %v, want quiet after %v; %s", p.name, family, err, took, p.ends, said.text)
	}
}

// A lastLine is a log that keeps its last line, and when it was written.
type lastLine struct {
	at   time.Time
	text string
}

func (*lastLine) Enabled(context.Context, slog.Level) bool { return true }
func (l *lastLine) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *lastLine) WithGroup(string) slog.Handler          { return l }

func (l *lastLine) Handle(_ context.Context, r slog.Record) error {
	l.at, l.text = r.Time, r.Message
	r.Attrs(func(a slog.Attr) bool { l.text += " " + a.String(); return true })
	return nil
}

// A tape has when payload was sent, by either side.
type tape struct {
	mu   sync.Mutex
	sent []payload
}

type payload struct {
	by          string
	made        time.Time // the connection, or before
	before, end time.Time // around the write
}

type tapeKey struct{}

func tapeOf(ctx context.Context) *tape {
	t, _ := ctx.Value(tapeKey{}).(*tape)
	return t
}

// onTape is a connection of that client whose payload is on the tape of ctx, if there is one. It was made then, or later.
func onTape(ctx context.Context, c net.Conn, client net.Addr, made time.Time) net.Conn {
	if t := tapeOf(ctx); t != nil {
		return taped{c, t, client.String(), made}
	}
	return c
}

// paused tells whether there was no more talk than that for testFor before the look that ended it. The look's line is written later,
// where the machine is busy. What was before the traffic began is no pause. With traffic=new, connections that may have been there at the
// first look do not count.
func (t *tape) paused(began, line time.Time, q Quiet) bool {
	for late := time.Duration(0); late <= time.Second; late += 20 * ms {
		to := line.Add(-late)
		if since := to.Add(-testFor); since.After(began) && t.talked(since, to, q.New) <= q.Allow {
			return true
		}
	}
	return false
}

// talked is how many connections have certainly carried payload between two moments. fresh: only those that were made between them.
func (t *tape) talked(from, to time.Time, fresh bool) int {
	const tick = 20 * ms // of the kernel's clock, and what a look takes
	t.mu.Lock()
	defer t.mu.Unlock()
	who, made := make(map[string]bool), make(map[string]time.Time)
	for _, p := range t.sent { // either side notes when the connection was made, and the client's is the earlier
		if first, ok := made[p.by]; !ok || p.made.Before(first) {
			made[p.by] = p.made
		}
	}
	for _, p := range t.sent {
		if fresh && !made[p.by].After(from) {
			continue
		}
		if p.before.After(from.Add(tick)) && p.end.Before(to.Add(-tick)) {
			who[p.by] = true
		}
	}
	return len(who)
}

type taped struct {
	net.Conn
	tape *tape
	by   string
	made time.Time
}

func (c taped) Write(b []byte) (int, error) {
	before := time.Now()
	n, err := c.Conn.Write(b)
	end := time.Now()
	c.tape.mu.Lock()
	defer c.tape.mu.Unlock()
	c.tape.sent = append(c.tape.sent, payload{c.by, c.made, before, end})
	return n, err
}

// A machine that stands still between the beginning of a look and the kernel's answer does not make a request older than it is.
func TestAskedInAStall(t *testing.T) {
	w := (&Quiet{For: defaultFor, probing: new(prober)}).traffic()
	w.begun = time.Now().Add(-10 * s)
	w.remember(1)
	w.meet(w.begun.Add(4*s), &sockdiag.Socket{Cookie: 1, State: sockdiag.Established, Received: 1, BytesReceived: 100, SinceReceived: s, SinceSent: s})
	if asked := w.known[1].active.since(); asked < 9*s {
		t.Errorf("payload of a second ago is said to have come %v after the beginning, want 9 s or later", asked)
	}
	if _, more := w.talk.says(); len(more) == 0 || strings.Contains(more[0], "-") {
		t.Errorf("says %q of payload of a second ago", more)
	}
}

// The kernel keeps a client out, also one that believes to be connected, while the app is slow to accept others. It tries again later.
func TestKeptOut(t *testing.T) {
	t.Parallel()
	const never, later, before = "never", "later", "before the step, but after the hook has begun"
	for _, accepts := range []string{never, later, before} {
		var listens net.ListenConfig
		listens.SetMultipathTCP(accepts == before)
		l, err := listens.Listen(t.Context(), "tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := l.(*net.TCPListener).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), 0) }); err != nil { // one connection may wait
			t.Fatal(err)
		}
		begin := time.Now() // the client waits from here on, however late the step begins
		dial(t.Context(), l)
		q := &Quiet{Ports: []uint16{port(l)}, For: 100 * ms, Unanswered: s, NoProbe: true}
		accepted := make(chan struct{}, 1)
		accept := func() { serve(t, l, func(c net.Conn) { accepted <- struct{}{}; io.Copy(io.Discard, c) }) }
		defer q.Note()()
		switch accepts {
		case before:
			accept()
			<-accepted
		case later:
			time.AfterFunc(500*ms, accept)
		}
		var log watched
		log.lines = make(chan string, 100)
		ctx, cancel := context.WithTimeout(t.Context(), 20*s)
		defer cancel()
		err = q.Run(ctx, log.logger())
		if took, least := time.Since(begin), 900*ms; err != nil || took < least || accepts == later && took < least+quietEvery {
			t.Errorf("accepted %s: %v after %v", accepts, err, took)
		}
		log.await(t, "could not connect")
	}
}
