package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mdns "github.com/miekg/dns"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

// script is a nameserver without a network: each look for a name takes the next answer.
type script struct {
	mu      sync.Mutex
	answers []exchanger // the last one stays
	begun   []time.Duration
	start   time.Time
}

func scripted(answers ...exchanger) *script { return &script{answers: answers, start: time.Now()} }

func (s *script) exchange(ctx context.Context, server netip.AddrPort, q mdns.Question, tcp bool) (*mdns.Msg, error) {
	if q.Qtype == mdns.TypeAAAA { // each look asks for both families; A keeps the count
		return noAddress(ctx, server, q, tcp)
	}
	s.mu.Lock()
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	s.begun = append(s.begun, time.Since(s.start))
	s.mu.Unlock()
	return answer(ctx, server, q, tcp)
}

func replyTo(q mdns.Question) *mdns.Msg {
	m := new(mdns.Msg).SetQuestion(q.Name, q.Qtype)
	m.Response = true
	return m
}

func noAddress(_ context.Context, _ netip.AddrPort, q mdns.Question, _ bool) (*mdns.Msg, error) {
	return replyTo(q), nil
}

func found(_ context.Context, _ netip.AddrPort, q mdns.Question, _ bool) (*mdns.Msg, error) {
	m := replyTo(q)
	m.Answer = append(m.Answer, &mdns.A{Hdr: mdns.RR_Header{Name: q.Name, Rrtype: mdns.TypeA, Class: mdns.ClassINET, Ttl: 5}, A: []byte{10, 0, 0, 1}})
	return m, nil
}

func notFound(_ context.Context, _ netip.AddrPort, q mdns.Question, _ bool) (*mdns.Msg, error) {
	m := replyTo(q)
	m.Rcode = mdns.RcodeNameError
	return m, nil
}

func dead(ctx context.Context, _ netip.AddrPort, _ mdns.Question, _ bool) (*mdns.Msg, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func outcome(err error) Outcome {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Outcome
	}
	return Outcome(fmt.Sprint(err))
}

func TestFailuresAreSpacedAndCounted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		maxErrors int
		answers   []exchanger
		outcomes  []Outcome
		begun     []time.Duration
	}{
		{2, []exchanger{noAddress}, []Outcome{NoAddress, NoAddress, GivenUp, GivenUp, GivenUp}, []time.Duration{0, sec, 3 * sec}},
		{0, []exchanger{noAddress}, []Outcome{GivenUp, GivenUp}, []time.Duration{0}},
		{-1, []exchanger{noAddress}, []Outcome{GivenUp, GivenUp}, []time.Duration{0}},
		{4, []exchanger{noAddress}, []Outcome{NoAddress, NoAddress, NoAddress, NoAddress, GivenUp, GivenUp}, []time.Duration{0, sec, 3 * sec, 7 * sec, 11 * sec}},
		// a success ends the row
		{1, []exchanger{noAddress, found, noAddress, found, noAddress, noAddress}, []Outcome{NoAddress, "<nil>", NoAddress, "<nil>", NoAddress, GivenUp, GivenUp},
			[]time.Duration{0, sec, sec, 2 * sec, 2 * sec, 3 * sec}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := scripted(c.answers...)
			r := &Resolver{MaxErrors: c.maxErrors, exchange: s.exchange}
			var have []Outcome
			for i := range c.outcomes {
				host := []string{"es", "ES", "Es"}[i%3] // one host
				_, err := r.Lookup(t.Context(), host)
				have = append(have, outcome(err))
				if final, ok := errors.AsType[interface {
					error
					Final() bool
				}](err); (ok && final.Final()) != (outcome(err) == GivenUp) {
					t.Errorf("%v: final?", err)
				}
			}
			if !slices.Equal(have, c.outcomes) || !slices.Equal(s.begun, c.begun) {
				t.Errorf("have %v at %v\nwant %v at %v", have, s.begun, c.outcomes, c.begun)
			}
			if _, err := r.Look(t.Context(), "es"); outcome(err) != GivenUp || len(s.begun) != len(c.begun) {
				t.Errorf("Look has %v", err)
			}
			if _, err := r.Lookup(t.Context(), "other"); outcome(err) == GivenUp && c.maxErrors > 0 {
				t.Errorf("another host: %v", err)
			}
		})
	}
}

func TestLookCountsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(noAddress)
		r := &Resolver{exchange: s.exchange}
		for range 5 {
			if _, err := r.Look(t.Context(), "es"); outcome(err) != NoAddress {
				t.Error(err)
			}
		}
		if !slices.Equal(s.begun, []time.Duration{0, 0, 0, 0, 0}) {
			t.Errorf("looked at %v", s.begun)
		}
	})
}

func TestGivenUpSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(noAddress)
		r := &Resolver{MaxErrors: 1, Nameservers: servers("10.96.0.10:53"), ResolvConf: file(t, "search a b"), exchange: s.exchange}
		_, err := r.Lookup(t.Context(), "es")
		if want := "lookup es: NODATA from 10.96.0.10:53 (3 names tried)"; err.Error() != want {
			t.Errorf("have %v\nwant %s", err, want)
		}
		_, err = r.Lookup(t.Context(), "es")
		if want := "lookup es: given up after 2 failures in a row: NODATA from 10.96.0.10:53 (3 names tried)"; err.Error() != want {
			t.Errorf("have %v\nwant %s", err, want)
		}
		r.MaxErrors = 0
		_, err = r.Lookup(t.Context(), "other")
		if want := "lookup other: given up after 1 failure: NODATA from 10.96.0.10:53 (3 names tried)"; err.Error() != want {
			t.Errorf("have %v\nwant %s", err, want)
		}
	})
}

// A context that ends, by whatever deadline or cause, counts nothing; neither does one that leaves no time to ask.
func TestCutIsNoFailure(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped by hand")
	synctest.Test(t, func(t *testing.T) {
		r := &Resolver{exchange: dead}
		for range 3 {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(sec, func() { cancel(stopped) })
			if _, err := r.Lookup(ctx, "es"); outcome(err) != Cut || !errors.Is(err, stopped) || err.Error() != "lookup es: cut: stopped by hand" {
				t.Errorf("have %v, want to be cut", err)
			}
			if _, err := r.Lookup(ctx, "es"); outcome(err) != Cut || !errors.Is(err, stopped) {
				t.Errorf("have %v, want to be cut from the beginning", err)
			}
			short, cancel2 := context.WithTimeout(t.Context(), 150*ms)
			if _, err := r.Lookup(short, "es"); outcome(err) != Timeout {
				t.Errorf("have %v in 150 ms, want a timeout that does not count", err)
			}
			cancel2()
		}
	})
}

func TestPauseIsCutWithoutAFailure(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped by hand")
	synctest.Test(t, func(t *testing.T) {
		s := scripted(noAddress)
		r := &Resolver{MaxErrors: 1, exchange: s.exchange}
		r.Lookup(t.Context(), "es.")
		for range 3 {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 300*ms, stopped)
			_, err := r.Lookup(ctx, "es.")
			if outcome(err) != Cut || !errors.Is(err, stopped) || !strings.Contains(err.Error(), "after NODATA from 127.0.0.1:53") {
				t.Errorf("have %v, want to be cut while waiting", err)
			}
			cancel()
		}
		if _, err := r.Lookup(t.Context(), "es."); outcome(err) != GivenUp || !slices.Equal(s.begun, []time.Duration{0, sec}) {
			t.Errorf("have %v, asked at %v", err, s.begun)
		}
	})
}

// A look-up that its pause leaves no time says what the one before it failed for.
func TestHurriedSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(noAddress)
		r := &Resolver{MaxErrors: 2, exchange: s.exchange}
		r.Lookup(t.Context(), "es.")
		r.exchange = dead
		ctx, cancel := context.WithTimeout(t.Context(), 1100*ms)
		defer cancel()
		_, err := r.Lookup(ctx, "es.")
		if want := "lookup es.: timeout, asked 127.0.0.1:53: after NODATA from 127.0.0.1:53"; outcome(err) != Timeout || err.Error() != want {
			t.Errorf("have %v\nwant %s", err, want)
		}
	})
}

// Each try of a caller may have less time than the nameservers are given; a dead one is found out nevertheless.
func TestDeadNameserverIsCountedInsideShortTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &Resolver{MaxErrors: 2, exchange: dead}
		var have []Outcome
		for range 6 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*sec)
			_, err := r.Lookup(ctx, "es")
			have = append(have, outcome(err))
			if outcome(err) != Cut && ctx.Err() != nil {
				t.Errorf("%v after its context", err)
			}
			cancel()
		}
		// 0-2.8 timeout; 3.8-5.6 timeout; waits till 7.6, 1.0-2.8 left
		if want := []Outcome{Timeout, Timeout, GivenUp, GivenUp, GivenUp, GivenUp}; !slices.Equal(have, want) {
			t.Errorf("have %v, want %v", have, want)
		}
	})
}

func TestOwnTimeouts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		conf string
		n    int
		in   time.Duration // of the context, if not 0
		want time.Duration
	}{
		{"", 1, 0, 4 * sec},
		{"", 3, 0, 12 * sec},
		{"search a b c d e\noptions ndots:5", 1, 0, 4 * sec}, // not for each name
		{"options timeout:1 attempts:1", 2, 0, 2 * sec},
		{"options timeout:5 attempts:5", 1, 0, 4 * sec},
		{"", 1, 60 * sec, 4 * sec},
		{"", 3, 10 * sec, 9800 * ms},
		{"", 1, 2 * sec, 1800 * ms},
		{"", 1, sec, 900 * ms},
		{"", 1, 100 * ms, 90 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			if c.in > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.in)
				defer cancel()
			}
			r := &Resolver{ResolvConf: file(t, c.conf), exchange: dead}
			for i := range c.n {
				r.Nameservers = append(r.Nameservers, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 53))
			}
			begin := time.Now()
			_, err := r.Look(ctx, "es")
			e, ok := errors.AsType[*Error](err)
			if took := time.Since(begin); took != c.want || !ok || e.Outcome != Timeout || len(e.Servers) != c.n {
				t.Errorf("%q, %d nameservers in %s: %v after %s, want %s", c.conf, c.n, c.in, err, took, c.want)
			}
		})
	}
}

// A dead nameserver costs its time-out once, and leaves time for the others however short the time is.
func TestDeadFirstNameserver(t *testing.T) {
	t.Parallel()
	first, second := netip.MustParseAddrPort("10.0.0.1:53"), netip.MustParseAddrPort("10.0.0.2:53")
	for in, want := range map[time.Duration]time.Duration{60 * sec: 2 * sec, 2 * sec: 450 * ms} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), in)
			defer cancel()
			r := &Resolver{ResolvConf: file(t, "search a b c d e f"), Nameservers: []netip.AddrPort{first, second}}
			r.exchange = func(ctx context.Context, server netip.AddrPort, q mdns.Question, tcp bool) (*mdns.Msg, error) {
				switch {
				case server == first:
					return dead(ctx, server, q, tcp)
				case q.Name == "es.":
					return found(ctx, server, q, tcp)
				}
				return notFound(ctx, server, q, tcp)
			}
			begin := time.Now()
			have, err := r.Look(ctx, "es")
			if took := time.Since(begin); err != nil || took != want || have.Server != second.String() {
				t.Errorf("in %s: %v, %v after %s, want %s", in, have, err, took, want)
			}
		})
	}
}

func TestOtherFamilyIsWaitedForBriefly(t *testing.T) {
	t.Parallel()
	late := func(by time.Duration, then exchanger) exchanger {
		return func(ctx context.Context, a netip.AddrPort, q mdns.Question, tcp bool) (*mdns.Msg, error) {
			select {
			case <-time.After(by):
				return then(ctx, a, q, tcp)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	for _, c := range []struct {
		name string
		a    exchanger
		aaaa exchanger
		took time.Duration
		want Outcome
	}{
		{"has none, in time", found, late(400*ms, noAddress), 400 * ms, "<nil>"},
		{"is swallowed", found, dead, grace, "<nil>"},
		{"decides", late(time.Second, noAddress), noAddress, time.Second, NoAddress},
		{"does not exist", notFound, dead, grace, NotFound},
		{"is not known", noAddress, dead, 4 * sec, Timeout},
		{"contradicts", notFound, noAddress, 0, NoAddress},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &Resolver{exchange: func(ctx context.Context, a netip.AddrPort, q mdns.Question, tcp bool) (*mdns.Msg, error) {
				if q.Qtype == mdns.TypeA {
					return c.a(ctx, a, q, tcp)
				}
				return c.aaaa(ctx, a, q, tcp)
			}}
			begin := time.Now()
			_, err := r.Look(t.Context(), "es")
			if took := time.Since(begin); took != c.took || outcome(err) != c.want {
				t.Errorf("%s: have %v after %s, want %s after %s", c.name, err, took, c.want, c.took)
			}
		})
	}
}

func TestConcurrentLookups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(noAddress)
		r := &Resolver{MaxErrors: 5, exchange: s.exchange}
		var all sync.WaitGroup
		var mu sync.Mutex
		have := map[Outcome]int{}
		for range 20 {
			all.Go(func() {
				_, err := r.Lookup(t.Context(), "es")
				mu.Lock()
				have[outcome(err)]++
				mu.Unlock()
			})
		}
		all.Wait()
		if have[NoAddress] != 5 || have[GivenUp] != 15 {
			t.Errorf("have %v, want five failures that are tolerated", have)
		}
	})
}

// Whoever waits for its turn waits longer if another look-up fails in the meantime.
func TestWaitingLookupsKeepTheSpacing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, a netip.AddrPort, q mdns.Question, tcp bool) (*mdns.Msg, error) {
			<-time.After(500 * ms)
			return noAddress(ctx, a, q, tcp)
		}
		s := scripted(slow, noAddress, noAddress)
		r := &Resolver{MaxErrors: 5, exchange: s.exchange}
		var all sync.WaitGroup
		all.Go(func() { r.Lookup(t.Context(), "es") }) // fails at 0.5 s
		synctest.Wait()
		all.Go(func() { r.Lookup(t.Context(), "es") }) // fails at 0
		synctest.Wait()
		all.Go(func() { r.Lookup(t.Context(), "es") }) // waits from 0 until 1 s, then on until 2.5 s
		all.Wait()
		if want := []time.Duration{0, 0, 2500 * ms}; !slices.Equal(s.begun, want) {
			t.Errorf("asked at %v, want %v", s.begun, want)
		}
	})
}

// What look-ups that were under way when the host was given up bring does not change that.
func TestGivenUpIsFinal(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]exchanger{"found": found, "failed": noAddress} {
		synctest.Test(t, func(t *testing.T) {
			slow := func(ctx context.Context, a netip.AddrPort, q mdns.Question, tcp bool) (*mdns.Msg, error) {
				<-time.After(sec)
				return late(ctx, a, q, tcp)
			}
			r := &Resolver{exchange: scripted(slow, noAddress, found).exchange}
			done := make(chan error, 1)
			go func() {
				_, err := r.Lookup(t.Context(), "es")
				done <- err
			}()
			synctest.Wait()
			_, first := r.Lookup(t.Context(), "es")
			if err := <-done; name == "found" && err != nil || name == "failed" && err != first {
				t.Errorf("%s: the look-up under way has %v", name, err)
			}
			if _, err := r.Lookup(t.Context(), "es"); err != first || outcome(err) != GivenUp {
				t.Errorf("%s: have %v, want %v again", name, err, first)
			}
		})
	}
}
