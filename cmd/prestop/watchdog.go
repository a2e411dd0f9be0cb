package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/prestop"
)

// A watchdog ends the hook where something holds it that no time-out can end, such as a file system that has stopped answering. A
// thread in the kernel's uninterruptible sleep can keep the process itself; everything else is left behind.
type watchdog struct {
	ctx    context.Context
	stderr io.Writer // for its last words, as long as there is no log
	timer  *time.Timer

	problems []config.Problem // of the plan, which count for the exit status

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

func newWatchdog(ctx context.Context, stderr io.Writer, deadline time.Time, problems []config.Problem) *watchdog {
	return &watchdog{ctx: ctx, stderr: stderr, problems: problems, timer: time.NewTimer(time.Until(deadline) + overdue)}
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
	w.mu.Lock()
	log := w.log
	w.mu.Unlock()
	why := errHeld
	if w.ctx.Err() != nil {
		why = context.Cause(w.ctx)
	}
	status := exitStatus(w.ctx, prestop.Report{Ended: why.Error()}, w.problems)
	said := make(chan struct{})
	go func() {
		defer close(said)
		if log == nil {
			fmt.Fprintf(w.stderr, "prestop: %v\n", why)
			return
		}
		log.end(outcome{log.report(why), w.problems, status})
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
