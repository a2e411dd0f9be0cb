package drain

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
)

// The advice names what is the case, and nothing else.
func TestAdvice(t *testing.T) {
	peer := netip.MustParseAddr("10.0.0.7")
	const oldOnes, newOnes, waits, word = "Connection: close", "new connections", "wait for an answer", "http2, websocket or sse"
	for _, test := range []struct {
		name   string
		of     func(*talk)
		spoken Protocol
		want   []string
	}{
		{"nothing", func(*talk) {}, "", nil},
		{"old connections", func(t *talk) { t.add(peer, time.Now(), false, true) }, "", []string{oldOnes}},
		{"new connections", func(t *talk) { t.add(peer, time.Now(), false, false) }, "", []string{newOnes}},
		{"one that waits", func(t *talk) { t.add(peer, time.Now(), true, true) }, "", []string{waits}},
		{"old ones, which have ended", func(t *talk) { t.left(peer, time.Now(), true); t.ended = 1 }, "", nil},
		{"new ones, which have ended", func(t *talk) { t.left(peer, time.Now(), false); t.ended = 1 }, "", []string{newOnes}},
		{"heartbeats", func(t *talk) { t.add(peer, time.Now(), false, true); t.little++ }, "", []string{oldOnes, word}},
		{"heartbeats, and the word", func(t *talk) { t.add(peer, time.Now(), false, true); t.little++ }, HTTP2, []string{oldOnes}},
		{"all", func(t *talk) {
			t.add(peer, time.Now(), false, true)
			t.add(peer, time.Now(), false, false)
			t.add(peer, time.Now(), true, false)
		}, "", []string{oldOnes, newOnes, waits}},
	} {
		k := newTalk()
		test.of(&k)
		got := k.advice(test.spoken)
		for _, part := range []string{oldOnes, newOnes, waits, word} {
			want := false
			for _, w := range test.want {
				want = want || w == part
			}
			if strings.Contains(got, part) != want {
				t.Errorf("%s: %q: %q: %v", test.name, got, part, want)
			}
		}
	}
}

// One connection is in the singular.
func TestCounted(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "1 connection", 2: "2 connections"} {
		advice := (&talk{owed: n, active: n}).advice("")
		says := (&procWatch{talk: talk{active: n}}).sight(false).says
		if !strings.Contains(advice, "on "+want+": ") || says != want+" that may carry traffic" {
			t.Errorf("%q, %q, want %s", advice, says, want)
		}
	}
}

// Who is given up is named, once.
func TestGivenUp(t *testing.T) {
	if inside(t, asUser) == "" {
		return
	}
	l := echo(t, "tcp4", "127.0.0.1:0", 0)
	c := dial(t.Context(), l)
	defer c.Close()
	io.WriteString(c, "never\n")
	w := &watched{make(chan string, 100)}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*s, errMax)
	defer cancel()
	q := Quiet{Ports: []uint16{port(l)}, For: 200 * ms, Unanswered: s}
	if err := q.Run(ctx, w.logger()); err != nil {
		t.Fatal(err)
	}
	close(w.lines)
	said := ""
	for line := range w.lines {
		said += line
	}
	if strings.Count(said, "gave up on 1 connections") != 1 || !strings.Contains(said, "127.0.0.1 (1)") || !strings.Contains(said, "unanswered=") {
		t.Error(said)
	}
}

// Who is given up again, after another request, is named again.
func TestGivenUpAgain(t *testing.T) {
	socket := sockdiag.Socket{State: sockdiag.Established, Received: 5, BytesReceived: 500, Sent: 4, BytesAcked: 400, SinceReceived: 2 * s, SinceSent: 9 * s}
	q := Quiet{For: 200 * ms, Unanswered: s}
	w, h, now := q.traffic(), newHistory(true), time.Now()
	for _, step := range []struct {
		owed bool
		want int // who was given up by now
	}{{true, 0}, {false, 1}, {false, 1}, {true, 1}, {false, 2}, {false, 2}} {
		w.carries(now, &socket, &h, waiting, step.owed)
		h.owed = step.owed
		if got := w.talk.given[socket.Remote.Addr()]; got != step.want {
			t.Errorf("%+v: %d", step, got)
		}
	}
}

// A request that plainly waits counts longer than what nobody can tell. Where pings are usual, what nobody can tell counts no longer
// than the default min= and for= last. unanswered= bounds them all.
func TestPatience(t *testing.T) {
	for _, test := range []struct {
		set, waits, doubt, ping time.Duration
	}{{0, 0, 15 * s, quietMin + defaultFor}, {time.Minute, time.Minute, time.Minute, time.Minute}, {s, s, s, s}} {
		for _, port := range []struct {
			word  Protocol
			of    greeting // learned
			pings bool
		}{{}, {of: greeting{known: true, tls: true}}, {word: TLS}, {of: greeting{http2: true}, pings: true}, {word: HTTP2, pings: true}, {word: WebSocket, pings: true}, {word: SSE, pings: true}} {
			q := Quiet{Unanswered: test.set, Protocol: port.word}
			g, doubt := q.speaks(port.of), test.doubt
			if port.pings {
				doubt = test.ping
			}
			if q.patience(waiting, g) != test.waits || q.patience(maybe, g) != doubt || q.patience(nothing, g) != test.doubt {
				t.Errorf("unanswered=%v, %+v: %v, %v and %v", test.set, port, q.patience(waiting, g), q.patience(maybe, g), q.patience(nothing, g))
			}
		}
	}
}

// At thousands of connections there are fewer looks, but never so that the end comes later.
func TestRest(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name string
		of   traffic
		want time.Duration
	}{
		{"few connections", traffic{talk: talk{connections: 2500, active: 10, last: now}}, 0},
		{"many that talk", traffic{talk: talk{connections: 10000, active: 10, last: now}}, s},
		{"very many that talk", traffic{talk: talk{connections: 50000, active: 10, last: now}}, s},
		{"many that are idle", traffic{talk: talk{connections: 10000}}, 0},
		{"many, and it may soon be over", traffic{talk: talk{connections: 10000, active: 1, last: now.Add(-2500 * ms)}}, 250 * ms},
		{"many, and it may be over now", traffic{talk: talk{connections: 10000, active: 1, last: now.Add(-2900 * ms)}}, -150 * ms},
		{"many, of which one waits", traffic{talk: talk{connections: 10000, active: 1, owed: 1, last: now.Add(-20 * s)}, expires: time.Hour}, s},
		{"many, of which one is soon given up", traffic{talk: talk{connections: 10000, active: 1, owed: 1, last: now.Add(-20 * s)}, expires: 400 * ms}, 150 * ms},
		{"many, with some allowed", traffic{Quiet: Quiet{Allow: 1}, talk: talk{connections: 10000, active: 10, last: now}}, 0},
	} {
		test.of.For = defaultFor
		if got := test.of.rest(now); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
