package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const s = time.Second

var (
	quiet    = slog.New(slog.NewTextHandler(io.Discard, nil))
	errShare = errors.New("share used up")
	errDial  = errors.New("connection refused")
)

type try func(context.Context) (Answer, error)

func status(code int, header ...string) try {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return func(context.Context) (Answer, error) { return Answer{Status: code, Header: h}, nil }
}

func refused(context.Context) (Answer, error) { return Answer{}, errDial }

func hangs(ctx context.Context) (Answer, error) {
	<-ctx.Done()
	return Answer{}, context.Cause(ctx)
}

// hasty asks several places, and each of them has a small part of the time.
func hasty(ctx context.Context) (Answer, error) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeoutCause(ctx, time.Until(deadline)/4, ErrTry)
	defer cancel()
	return hangs(ctx)
}

// late is the first try until so much of the time is over, and then the second.
func late(after time.Duration, first, second try) try {
	begun := time.Time{}
	return func(ctx context.Context) (Answer, error) {
		if begun.IsZero() {
			begun = time.Now()
		}
		if time.Since(begun) < after {
			return first(ctx)
		}
		return second(ctx)
	}
}

func then(tries ...try) try {
	return func(ctx context.Context) (Answer, error) {
		first := tries[0]
		if len(tries) > 1 {
			tries = tries[1:]
		}
		return first(ctx)
	}
}

func TestPolicyDo(t *testing.T) {
	tests := []struct {
		name       string
		policy     Policy
		time       time.Duration
		try        try
		status     int
		err        string        // contained in the error
		tries      [2]int        // at least, at most
		from, upTo time.Duration // the pauses are drawn: no try is begun that would not end in time
	}{
		{"at once", Policy{}, 30 * s, status(200), 200, "", [2]int{1, 1}, 0, 0},
		{"final status", Policy{}, 30 * s, status(404), 404, "", [2]int{1, 1}, 0, 0},
		{"a redirect", Policy{}, 30 * s, status(302, "Location", "/elsewhere"), 302, "", [2]int{1, 1}, 0, 0},
		{"a redirect that keeps the method", Policy{}, 30 * s, status(308, "Location", "/elsewhere"), 308, "", [2]int{1, 1}, 0, 0},
		{"passes by itself", Policy{}, 30 * s, then(status(503), refused, status(200)), 200, "", [2]int{3, 3}, 200 * time.Millisecond, 2 * s},
		{"never passes", Policy{}, 30 * s, status(500), 500, "", [2]int{7, 14}, 22 * s, 30 * s},
		{"refused for ever", Policy{}, 30 * s, refused, 0, "connection refused (", [2]int{7, 14}, 22 * s, 30 * s},
		{"hangs for ever", Policy{}, 30 * s, hangs, 0, "share used up; last: no complete answer in time (10s) (3 tries)", [2]int{2, 3}, 20 * s, 30 * s},
		{"a shorter time for one try", Policy{Timeout: 1 * s}, 10 * s, hangs, 0, "in time (1s) (", [2]int{3, 7}, 6 * s, 10 * s},
		{"a longer time for one try", Policy{Timeout: 20 * s}, 45 * s, hangs, 0, "in time (20s) (3", [2]int{2, 3}, 40 * s, 45 * s},
		{"more than a third of the time", Policy{Timeout: 8 * s}, 12 * s, hangs, 0, "in time (8s)", [2]int{1, 2}, 8 * s, 12 * s},
		{"more than there is", Policy{Timeout: 20 * s}, 12 * s, hangs, 0, "share used up", [2]int{1, 1}, 12 * s, 12 * s},
		{"cut, the last cause kept", Policy{}, 12 * s, then(refused, refused, hangs), 0, "", [2]int{3, 5}, 4 * s, 12 * s},
		{"the last of several without time for an answer", Policy{}, 4 * s, late(3*s, status(503), hasty), 503, "", [2]int{3, 9}, 3 * s, 4 * s},
		{"the same after a failure", Policy{}, 4 * s, late(3*s, refused, hasty), 0, "connection refused (", [2]int{3, 9}, 3 * s, 4 * s},
		{"the last has all the time that was asked for", Policy{Open: true, Timeout: 50 * time.Millisecond}, 4 * s, late(3*s, refused, hangs), 0, "in time (50ms)", [2]int{3, 9}, 3 * s, 4 * s},
		{"under 2 s one try with all of it", Policy{}, 1900 * time.Millisecond, hangs, 0, "share used up", [2]int{1, 1}, 1900 * time.Millisecond, 1900 * time.Millisecond},
		{"under 2 s one try", Policy{}, 1900 * time.Millisecond, refused, 0, "connection refused", [2]int{1, 1}, 0, 0},
		{"what is left of 2 s", Policy{}, 2*s - 50*time.Millisecond, refused, 0, "connection refused (", [2]int{2, 6}, 1 * s, 2 * s},
		{"what is left of 2 s, for an open call", Policy{Open: true}, 2*s - 50*time.Millisecond, then(status(503), status(503), status(200)), 200, "", [2]int{3, 3}, 200 * time.Millisecond, 2 * s},
		{"no time at all", Policy{}, 0, hangs, 0, "", [2]int{0, 1}, 0, 0},
		{"bounded number", Policy{Tries: 2}, 30 * s, refused, 0, "(2 tries)", [2]int{2, 2}, 100 * time.Millisecond, 1 * s},
		{"certificate refused", Policy{}, 30 * s, func(context.Context) (Answer, error) { return Answer{}, Permanent(errDial) }, 0, "connection refused", [2]int{1, 1}, 0, 0},
		{"Retry-After lengthens", Policy{Tries: 2}, 60 * s, status(429, "Retry-After", "4"), 429, "", [2]int{2, 2}, 4 * s, 4 * s},
		{"Retry-After is capped at 10 s", Policy{Tries: 2}, 60 * s, status(429, "Retry-After", "120"), 429, "", [2]int{2, 2}, 10 * s, 10 * s},
		{"Retry-After is capped at a third of what is left", Policy{Tries: 2}, 9 * s, status(429, "Retry-After", "120"), 429, "", [2]int{2, 2}, 3 * s, 3 * s},
		{"Retry-After 0 never shortens", Policy{}, 10 * s, status(429, "Retry-After", "0"), 429, "", [2]int{4, 9}, 3900 * time.Millisecond, 10 * s},
		{"Retry-After in the past", Policy{}, 10 * s, status(429, "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"), 429, "", [2]int{4, 9}, 3900 * time.Millisecond, 10 * s},
		{"Retry-After overflowing", Policy{Tries: 2}, 60 * s, status(429, "Retry-After", "9223372036854775807"), 429, "", [2]int{2, 2}, 10 * s, 10 * s},
		{"Retry-After below zero", Policy{Tries: 2}, 60 * s, status(429, "Retry-After", "-5"), 429, "", [2]int{2, 2}, 100 * time.Millisecond, 1 * s},
		{"another idea of what is final", Policy{Again: func(a Answer) bool { return a.Status == 202 }}, 30 * s, then(status(202), status(202), status(500)), 500, "", [2]int{3, 3}, 200 * time.Millisecond, 2 * s},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				ctx, cancel := context.WithDeadlineCause(t.Context(), begin.Add(test.time), errShare)
				defer cancel()
				answer, err := test.policy.Do(ctx, quiet, test.try)
				took := time.Since(begin)
				if took < test.from || took > test.upTo {
					t.Errorf("took %v, want %v to %v", took, test.from, test.upTo)
				}
				if answer.Tries < test.tries[0] || answer.Tries > test.tries[1] {
					t.Errorf("%d tries, want %v", answer.Tries, test.tries)
				}
				if test.status != 0 && (answer.Status != test.status || err != nil) {
					t.Errorf("status %d, error %v, want %d", answer.Status, err, test.status)
				}
				if test.status == 0 && (err == nil || !strings.Contains(err.Error(), test.err)) {
					t.Errorf("error %v, want %q", err, test.err)
				}
			})
		})
	}
}

// A call that its context ends says so, and keeps what it saw last.
func TestPolicyDoEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errSignal := errors.New("terminated")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2*s, func() { cancel(errSignal) })
		_, err := Policy{}.Do(ctx, quiet, then(status(503), hangs))
		if !errors.Is(err, errSignal) {
			t.Errorf("error %v, want %v in it", err, errSignal)
		}
		ctx, cancel = context.WithCancelCause(t.Context())
		time.AfterFunc(2*s, func() { cancel(errSignal) })
		_, err = Policy{}.Do(ctx, quiet, status(503))
		if !errors.Is(err, errSignal) || !strings.Contains(fmt.Sprint(err), "last: 503 Service Unavailable") {
			t.Errorf("error %v, want the cause and the last answer", err)
		}
	})
}
