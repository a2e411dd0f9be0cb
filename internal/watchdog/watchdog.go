// Package watchdog ends the hook if something blocks it that no time-out can end, such as a file system that has stopped answering.
//
// A thread in the kernel's uninterruptible sleep can keep the process itself from ending. Everything else is left behind. The package
// is for cmd/prestop, which decides what is said then, and exits.
package watchdog

import (
	"context"
	"errors"
	"time"
)

const (
	// overdue is how long after its deadline, or after a signal, the watchdog gives up a hook that has not ended.
	overdue = 120 * time.Millisecond
	// lastWords is how long the watchdog then tries to report it. Both together are less than the 0.2 s that the documentation allows.
	lastWords = 60 * time.Millisecond
)

var errHeld = errors.New("the deadline came, and something that does not answer held the hook")

// A Dog watches one run.
type Dog struct {
	ctx    context.Context // of the run
	timer  *time.Timer     // until the run is given up
	giveUp func(why error) (status int, say func())
}

// New watches until the deadline, or until ctx ends, and a little longer. giveUp then gives the exit status of a run that is blocked, and
// a function that reports it. This function may be blocked as well.
func New(ctx context.Context, deadline time.Time, giveUp func(why error) (status int, say func())) *Dog {
	return &Dog{ctx, time.NewTimer(time.Until(deadline) + overdue), giveUp}
}

// Until moves the deadline, unless ctx has ended.
func (d *Dog) Until(deadline time.Time) {
	if d.ctx.Err() == nil {
		d.timer.Reset(time.Until(deadline) + overdue)
	}
}

// Watch calls do and returns its exit status. If do does not return in time, it returns the exit status of giveUp.
func (d *Dog) Watch(do func() int) int {
	defer d.timer.Stop()
	done := make(chan int, 1)
	go func() { done <- do() }()
	signalled := d.ctx.Done()
	for {
		select {
		case status := <-done:
			return status
		case <-signalled:
			signalled = nil
			d.timer.Reset(overdue)
		case <-d.timer.C:
			return d.held(done)
		}
	}
}

// held returns the exit status of giveUp, or of the run if it ends after all.
func (d *Dog) held(done <-chan int) int {
	why := errHeld
	if d.ctx.Err() != nil {
		why = context.Cause(d.ctx)
	}
	status, say := d.giveUp(why)
	said := make(chan struct{})
	go func() {
		defer close(said)
		say()
	}()
	select {
	case status = <-done:
	case <-said:
	case <-time.After(lastWords):
	}
	return status
}
