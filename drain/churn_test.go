package drain

import (
	"context"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// 5,000 connections a second, or as many as there can be: each is counted once it has ended, or it is said that some were
// lost, which counts as traffic.
func TestQuietChurn(t *testing.T) {
	if inside(t, asRoot, asUser) == "" {
		return
	}
	const (
		connections = 10000
		most        = 5 // per millisecond
	)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(c net.Conn) { c.Read(make([]byte, 1)); c.Write([]byte("a")) })
	q := Quiet{Ports: []uint16{port(l)}, For: time.Minute, probing: new(prober)}
	w, err := q.watch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	due := make(chan struct{}, connections)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range due {
				c := dial(t.Context(), l)
				c.Write([]byte("a"))
				c.Read(make([]byte, 1))
				c.Close()
			}
		})
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*s, errMax)
	defer cancel()
	begin := time.Now()
	all.Go(func() {
		defer close(due)
		for n := 0; n < connections; n += most {
			for range most {
				due <- struct{}{}
			}
			pause(ctx, time.Until(begin.Add(time.Duration(n/most)*ms)))
		}
	})
	tick := time.Tick(quietEvery)
	seen := sight{}
	for ctx.Err() == nil && w.talk.ended < connections && !w.talk.lost {
		<-tick
		if seen, err = w.look(ctx); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	t.Logf("%.0f a second: %s", connections/time.Since(begin).Seconds(), seen.says)
	if seen.met || w.talk.ended != connections && !w.talk.lost {
		t.Errorf("%d of %d connections were seen to end, and none said to be lost: %s", w.talk.ended, connections, seen.says)
	}
}

// Announcements that are lost are traffic, and those of other ports take no place from ours.
func TestQuietOverflow(t *testing.T) {
	if inside(t, asUser) == "" {
		return
	}
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, busy, func(c net.Conn) { io.Copy(io.Discard, c); c.Close() })
	overflown, spared := watch(t, busy), watch(t, echo(t, "tcp4", "127.0.0.1:0", 0))
	// The kernel announces by a worker of its own, which may come late: only its word says that the place was too little.
	for !announcementsDropped(t) {
		dial(t.Context(), busy).Close()
	}
	for _, test := range []struct {
		name string
		of   *traffic
		lost bool
	}{{"of our port", overflown, true}, {"of another port", spared, false}} {
		quiet, err := test.of.look(t.Context())
		if err != nil || test.of.talk.lost != test.lost || quiet.met == test.lost || strings.Contains(quiet.says, "more have ended") != test.lost {
			t.Errorf("%s: lost %v, want %v: %+v (%v)", test.name, test.of.talk.lost, test.lost, quiet, err)
		}
	}
}

func watch(t *testing.T, l net.Listener) *traffic {
	t.Helper()
	w, err := (&Quiet{Ports: []uint16{port(l)}, For: defaultFor, probing: new(prober)}).watch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// announcementsDropped says whether the kernel had no place for one in any socket of this network namespace.
func announcementsDropped(t *testing.T) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/net/netlink")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(table)), "\n")
	column := slices.Index(strings.Fields(rows[0]), "Drops")
	return slices.ContainsFunc(rows[1:], func(row string) bool { return strings.Fields(row)[column] != "0" })
}

func TestPace(t *testing.T) {
	var p pace
	begin := time.Now()
	for n := range 100_000 {
		p.add(begin.Add(time.Duration(n%3000) * ms))
	}
	if p.count() != 100_000 || len(p.stretches) > 14 {
		t.Errorf("%d events in %d stretches", p.count(), len(p.stretches))
	}
	p.forget(begin.Add(2999 * ms))
	if p.count() != 0 {
		t.Errorf("%d events are left", p.count())
	}
	p.add(begin)
	p.forget(begin.Add(-ms))
	if p.count() != 1 {
		t.Errorf("%d events, want the one", p.count())
	}
}

// The kernel may announce the end of a connection late. Until then the connection counts as long as its last payload does.
func TestVanished(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	for _, test := range []struct {
		name   string
		active time.Duration // when it last carried payload; the look is 10 s after the looks began
		missed uint32        // looks that have not found it
		counts bool
		want   int
	}{
		{"a moment ago", 9 * s, 1, true, 1},
		{"unannounced, with payload a while ago", 8 * s, 8, true, 1},
		{"unannounced, with payload long ago", 6 * s, 3, true, 0},
		{"it may have carried more", 6 * s, 2, true, 1},
		{"it has carried nothing", 9 * s, 1, false, 0},
	} {
		w := (&Quiet{Ports: []uint16{443}, For: defaultFor}).traffic()
		w.begun, w.round, w.first = begun, 20, 1
		w.known = map[uint64]history{7: {round: w.round - test.missed, counts: test.counts, active: at(test.active)}}
		if got := w.vanished(begun.Add(10 * s)); got != test.want || len(w.known) != test.want {
			t.Errorf("%s: %d count, and %d are known, expected %d", test.name, got, len(w.known), test.want)
		}
	}
}
