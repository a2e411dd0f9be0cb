// Package stall keeps a file system that has stopped answering from holding the hook.
//
// A system call on such a file system, of a network or of a server in user space, never returns, and nothing ends it. [Do] has
// it made by a goroutine of its own and waits for a bounded time. What never returns is left behind: the end of the process
// ends it. The package is for cmd/prestop, for the files that the hook needs for itself.
package stall

import (
	"errors"
	"sync/atomic"
	"time"
)

// ErrStalled is returned for what did not return in time, and for all that is asked of the same [Place] after that.
var ErrStalled = errors.New("the file system does not answer")

// A Place is where files are. Once it has stalled it is not asked again. Its zero value is ready.
type Place struct{ stalled atomic.Bool }

// Stalled tells whether something there did not return.
func (p *Place) Stalled() bool { return p.stalled.Load() }

const (
	// patience is how long Do waits. A disk that is only slow answers in less.
	patience = 500 * time.Millisecond
	// looks is how often Do looks meanwhile. A process that may not run for a while must not lose all its patience at once.
	looks = 5
)

// Do calls do, and returns what it returns, or ErrStalled if that takes longer than half a second.
func Do[T any](p *Place, do func() (T, error)) (T, error) {
	return DoOrWait(p, func(func()) (T, error) { return do() })
}

// DoOrWait is [Do] for what may have to wait for something else: do tells so once, and then has as long as it takes.
func DoOrWait[T any](p *Place, do func(waits func()) (T, error)) (T, error) {
	var none T
	if p.Stalled() {
		return none, ErrStalled
	}
	type result struct {
		value T
		err   error
	}
	done, waiting := make(chan result, 1), make(chan struct{}, 1)
	go func() {
		value, err := do(func() { waiting <- struct{}{} })
		done <- result{value, err}
	}()
	for range looks {
		timer := time.NewTimer(patience / looks)
		select {
		case r := <-done:
			timer.Stop()
			return r.value, r.err
		case <-waiting:
			timer.Stop()
			r := <-done
			return r.value, r.err
		case <-timer.C:
		}
	}
	p.stalled.Store(true)
	return none, ErrStalled
}

// Call is [Do] for what returns no value.
func (p *Place) Call(do func() error) error {
	_, err := Do(p, func() (struct{}, error) { return struct{}{}, do() })
	return err
}
