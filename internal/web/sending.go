package web

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// errUnsent is the cause of a try's context when it has not sent its request in time.
var errUnsent = errors.New("no connection in time")

// sending sees when a try's request goes out. Its zero value has seen nothing.
type sending struct{ at atomic.Pointer[time.Time] }

type onceKey struct{}

// watched is ctx for the try. Once the first field of the request's header is written, bytes may have been sent. net/http does not tell
// earlier.
func (s *sending) watched(ctx context.Context, once bool) context.Context {
	if once {
		ctx = context.WithValue(ctx, onceKey{}, true)
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaderField: func(string, []string) {
		now := time.Now()
		s.at.CompareAndSwap(nil, &now)
	}})
}

// within is ctx for a try that ends after limit unless its request has been sent by then.
func (s *sending) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, connectKey{}, connecting{time.Now().Add(limit), errUnsent}))
	timer := time.AfterFunc(limit, func() {
		if s.at.Load() == nil {
			cancel(errUnsent)
		}
	})
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

type connectKey struct{}

// connecting is by when a try has to be connected, and the cause of the error if it is not.
type connecting struct {
	until time.Time
	cause error
}

// connectBy gives ctx a time by which connections have to be made: its deadline, or sooner if [sending.within] says so.
func connectBy(ctx context.Context) context.Context {
	deadline, ok := ctx.Deadline()
	if sooner, set := ctx.Value(connectKey{}).(connecting); !ok || set && sooner.until.Before(deadline) {
		return ctx
	}
	return context.WithValue(ctx, connectKey{}, connecting{deadline, ErrTry})
}

// isRefusedByLoopback tells whether only loopback addresses of this pod were tried, and nobody listens there. Between us and loopback
// there is no network that may come back.
func isRefusedByLoopback(err error) bool {
	switch e := err.(type) {
	case *net.OpError:
		at, isTCP := e.Addr.(*net.TCPAddr)
		return isTCP && at.IP.IsLoopback() && errors.Is(e.Err, syscall.ECONNREFUSED)
	case interface{ Unwrap() error }:
		return isRefusedByLoopback(e.Unwrap())
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(tried error) bool { return !isRefusedByLoopback(tried) })
	}
	return false
}
