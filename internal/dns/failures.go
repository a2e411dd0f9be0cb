package dns

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

const maxPause = 4 * time.Second

// failures counts the look-ups in a row that failed, host by host. Its zero value has none.
type failures struct {
	mu     sync.Mutex
	byHost map[string]streak
}

type streak struct {
	length int
	last   *Error
	next   time.Time // the host is not asked before
	final  *Error    // not nil: the host is not asked again
}

// pause is how long to wait after the nth failure in a row.
func pause(n int) time.Duration { return min(time.Second<<min(n-1, 10), maxPause) }

func (f *failures) of(host string) streak {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byHost[strings.ToLower(host)]
}

// wait waits until host may be asked, and returns nil. If host may not be asked, it returns why. It looks again after each pause, since
// another look-up of the host may have failed in the meantime.
func (f *failures) wait(ctx context.Context, host string) *Error {
	for {
		s := f.of(host)
		left := time.Until(s.next)
		switch {
		case s.final != nil:
			return s.final
		case left <= 0:
			return nil
		}
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return f.after(cut(ctx, host))
		}
	}
}

// after adds why the look-up before e failed. e was cut, or had no time.
func (f *failures) after(e *Error) *Error {
	switch last := f.of(e.Host).last; {
	case last == nil:
	case e.Err == nil:
		e.Err = fmt.Errorf("after %s", last.reason())
	default:
		e.Err = fmt.Errorf("%w (after %s)", e.Err, last.reason())
	}
	return e
}

// add counts a failure and returns it, or the error that gives the host up.
func (f *failures) add(host string, err *Error, most int) *Error {
	host = strings.ToLower(host)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.byHost[host]
	if s.final != nil {
		return s.final
	}
	s.length, s.last = s.length+1, err
	s.next = time.Now().Add(pause(s.length))
	if s.length > most {
		s.final = &Error{Host: err.Host, Outcome: GivenUp, Failures: s.length, Err: err}
	}
	if f.byHost == nil {
		f.byHost = map[string]streak{}
	}
	f.byHost[host] = s
	return cmp.Or(s.final, err)
}

// reset ends a row of failures. A host that another look-up has given up in the meantime stays given up: later steps
// were promised that.
func (f *failures) reset(host string) {
	host = strings.ToLower(host)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byHost[host].final == nil {
		delete(f.byHost, host)
	}
}
