package main

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A watchdog ends the hook where something holds it that no time-out can end, such as a file system that has stopped answering. A
// thread in the kernel's uninterruptible sleep can keep the process itself; everything else is left behind.
type watchdog struct {
	ctx   context.Context
	timer *time.Timer

	mu  sync.Mutex
	log *hookLog // nil: not opened yet
}

const (
	// overdue is how long after its deadline, or after a signal, a hook that has not ended is given up.
	overdue = 120 * time.Millisecond
	// lastWords is how long the watchdog tries to say so. Both together are less than the 0.2 s that the documentation allows.
	lastWords = 60 * time.Millisecond
)

var errHeld = errors.New("the deadline came, and something that does not answer held the hook")

func newWatchdog(ctx context.Context, deadline time.Time) *watchdog {
	return &watchdog{ctx: ctx, timer: time.NewTimer(time.Until(deadline) + overdue)}
}

// set moves the deadline.
func (w *watchdog) set(deadline time.Time) { w.timer.Reset(time.Until(deadline) + overdue) }

// told gives the watchdog the log for its last words.
func (w *watchdog) told(log *hookLog) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = log
}

// watch calls do and returns its exit status, or another if do does not return in time.
func (w *watchdog) watch(do func() int) int {
	defer w.timer.Stop()
	done := make(chan int, 1)
	go func() { done <- do() }()
	signalled := w.ctx.Done()
	for {
		select {
		case status := <-done:
			return status
		case <-signalled:
			signalled = nil
			w.timer.Reset(overdue)
		case <-w.timer.C:
			return w.giveUp(done)
		}
	}
}

// giveUp returns the status of a hook that is held, or that of one which has ended meanwhile.
func (w *watchdog) giveUp(done <-chan int) int {
	status, why := exitFailed, errHeld
	if by, signalled := errors.AsType[ended](context.Cause(w.ctx)); signalled {
		status, why = exitSignal+int(by.signal), by
	}
	said := make(chan struct{})
	go func() {
		defer close(said)
		w.mu.Lock()
		log := w.log
		w.mu.Unlock()
		if log != nil {
			log.end(outcome{report: log.report(why), exit: status})
		}
	}()
	last := time.NewTimer(lastWords)
	defer last.Stop()
	select {
	case status = <-done:
	case <-said:
	case <-last.C:
	}
	return status
}
