package watchdog

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errSignal = errors.New("a signal")

// A run is given up a little after its deadline, or after ctx has ended: never before, and however long it takes to say so.
func TestWatch(t *testing.T) {
	t.Parallel()
	const budget = 10 * time.Second
	for name, test := range map[string]struct {
		takes, moved, signal, saying time.Duration // moved: to this deadline; signal: when ctx ends; 0: not
		status                       int
		why                          error // nil: it is not given up
		ends                         time.Duration
	}{
		"in time":                    {takes: 9 * time.Second, status: 7, ends: 9 * time.Second},
		"held":                       {takes: time.Hour, status: 1, why: errHeld, ends: budget + overdue},
		"a little late":              {takes: budget + overdue/2, status: 7, ends: budget + overdue/2},
		"a later deadline":           {takes: time.Hour, moved: 20 * time.Second, status: 1, why: errHeld, ends: 20*time.Second + overdue},
		"an earlier deadline":        {takes: time.Hour, moved: 5 * time.Second, status: 1, why: errHeld, ends: 5*time.Second + overdue},
		"a signal":                   {takes: time.Hour, signal: 3 * time.Second, status: 1, why: errSignal, ends: 3*time.Second + overdue},
		"a signal that is obeyed":    {takes: 3*time.Second + overdue/2, signal: 3 * time.Second, status: 7, ends: 3*time.Second + overdue/2},
		"held while it says so":      {takes: time.Hour, saying: time.Hour, status: 1, why: errHeld, ends: budget + overdue + lastWords},
		"it ends while that is said": {takes: budget + overdue + lastWords/2, saying: time.Hour, status: 7, why: errHeld, ends: budget + overdue + lastWords/2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithCancelCause(t.Context())
				defer end(nil)
				release := make(chan struct{})
				defer close(release)
				hold := func(d time.Duration) {
					select {
					case <-time.After(d):
					case <-release:
					}
				}
				var why atomic.Value
				start := time.Now()
				dog := New(ctx, start.Add(budget), func(err error) (int, func()) {
					why.Store(err)
					return 1, func() { hold(test.saying) }
				})
				if test.signal > 0 {
					time.AfterFunc(test.signal, func() { end(errSignal) })
				}
				status := dog.Watch(func() int {
					if test.moved > 0 {
						dog.Until(start.Add(test.moved))
					}
					hold(test.takes)
					return 7
				})
				got, _ := why.Load().(error)
				if took := time.Since(start); status != test.status || took != test.ends || got != test.why {
					t.Errorf("status %d after %s (%v), want %d after %s (%v)", status, took, got, test.status, test.ends, test.why)
				}
			})
		})
	}
	if overdue+lastWords > 200*time.Millisecond {
		t.Error("that is later than the documentation allows")
	}
}
