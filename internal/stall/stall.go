// Package stall keeps a file system that has stopped answering from holding the hook.
//
// The file system may be on the network, or belong to a server in user space. A system call there never returns, and nothing ends
// it. [Do] makes the call in a goroutine of its own and waits for a bounded time. A call that never returns is left behind: it ends
// with the process. The package is for the files that the hook needs for itself.
package stall

import (
	"errors"
	"sync/atomic"
	"time"
)

// ErrStalled is returned for a call that did not return in time, and for all later calls for the same [Place].
var ErrStalled = errors.New("the file system does not answer")

// A Place is where files are. After it has stalled, no more calls are made there. Its zero value is ready.
type Place struct{ stalled atomic.Bool }

// Stalled tells whether a call there did not return.
func (p *Place) Stalled() bool { return p.stalled.Load() }

const (
	// patience is how long Do waits. A disk that is only slow answers in less.
	patience = 500 * time.Millisecond
	// looks is how often Do looks in this time. If the process does not get to run for a while, its patience must not be over at once.
	looks = 5
)

// Do calls do, and returns what it returns, or ErrStalled if that takes longer than half a second.
func Do[T any](p *Place, do func() (T, error)) (T, error) {
	return DoOrWait(p, func(func()) (T, error) { return do() })
}

// DoOrWait is [Do] for a call that may have to wait for something else. do then calls waits once, and may take as long as it needs.
func DoOrWait[T any](p *Place, do func(waits func()) (T, error)) (value T, err error) {
	var answer T // a call that is left behind may still write here
	if err = p.bounded(func(waits func()) (err error) { answer, err = do(waits); return err }); err != ErrStalled {
		value = answer
	}
	return value, err
}

func (p *Place) bounded(do func(waits func()) error) error {
	if p.Stalled() {
		return ErrStalled
	}
	done, waiting := make(chan error, 1), make(chan struct{}, 1)
	go func() { done <- do(func() { waiting <- struct{}{} }) }()
	for range looks {
		select {
		case err := <-done:
			return err
		case <-waiting:
			return <-done
		case <-time.After(patience / looks):
		}
	}
	p.stalled.Store(true)
	return ErrStalled
}

// Call is [Do] for a function that returns no value.
func (p *Place) Call(do func() error) error {
	return p.bounded(func(func()) error { return do() })
}
