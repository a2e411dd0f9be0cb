package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	minPause      = 100 * time.Millisecond
	firstPause    = 250 * time.Millisecond
	maxPause      = 5 * time.Second
	maxRetryAfter = 10 * time.Second

	// oneTry is 2 s, less the 50 ms that the engine keeps to itself, and less the time that a step takes to come here.
	oneTry = 1920 * time.Millisecond

	// maxUnsent is how long an open call may take while no request is under way. maxConnect is how long one of its tries may take to
	// send a request.
	maxUnsent  = 30 * time.Second
	maxConnect = 5 * time.Second
	// maxRefused is how long a loopback port may refuse the connections of an open call before that is final.
	maxRefused = 3 * time.Second
)

// A Policy says when a call is tried again. Its zero value tries again what may pass by itself, for as long as
// the call's context has time.
type Policy struct {
	// Tries is how many tries there may be; 0: no bound. With less than 2 s there is only one.
	Tries int
	// Timeout bounds one try; 0: 10 s, at most a third of the time that all tries have. The only try of a call has all of that time, and
	// an Open call has no bound.
	Timeout time.Duration
	// Open: the answer to a request that was sent is waited for until ctx ends, since many shutdown endpoints answer only when their
	// work is done. Then Timeout is used exactly as it is written, 0 is no bound, and a request that was sent is not sent again because
	// the server is slow. The time while no request is under way (resolving, connecting, TLS, pauses) is limited to 30 s in all and 5 s
	// in each try. If a loopback port refuses connections for 3 s, that is final. The try has to use its context for [Client.Send].
	Open bool
	// Once: nothing is tried again after the first byte of a request, whatever came back.
	Once bool
	// Again tells whether an answer is tried again; nil: [Transient].
	Again func(Answer) bool
}

// Transient tells whether an answer's status is one that may pass by itself.
func Transient(a Answer) bool {
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Do tries until an answer is final or no further try could finish before ctx's deadline. It returns an answer as it is, whatever its
// status. The error is that of the last try. If ctx ended the call, the error wraps context.Cause(ctx) too. A try may return both an
// answer and an error: then the error counts, and the answer's Retry-After.
func (p Policy) Do(ctx context.Context, log *slog.Logger, try func(context.Context) (Answer, error)) (Answer, error) {
	c := &call{Policy: p, try: try, log: log, all: 30 * time.Second, begun: time.Now()}
	if c.Again == nil {
		c.Again = Transient
	}
	if deadline, ok := ctx.Deadline(); ok {
		c.all = time.Until(deadline)
	}
	if c.all < oneTry {
		c.Tries = 1
	}
	client := retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: c}, // no Location is in the answers, so nothing is followed
		RetryMax:     1 << 30,
		CheckRetry:   c.check,
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return c.next },
		ErrorHandler: func(resp *http.Response, err error, _ int) (*http.Response, error) { return resp, err },
	}
	// The library wants a URL, and can read this one. Where the try goes is the try's own affair.
	req, _ := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, "http://try.invalid", nil)
	if _, err := client.Do(req); err != nil && c.made == 0 {
		c.err = err
	}
	return c.result(ctx)
}

// Briefly is ctx for a look that asks something. It has so little time that a Policy makes one try.
func Briefly(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, oneTry-20*time.Millisecond, ErrTry)
}

// call is one Do. The library calls its methods one after the other: RoundTrip, check, RoundTrip, …
type call struct {
	Policy
	try  func(context.Context) (Answer, error)
	log  *slog.Logger
	all  time.Duration // that all tries have together
	made int
	took time.Duration // of the last try
	next time.Duration // pause before the next, drawn once
	last Answer
	err  error // of the last try

	begun    time.Time
	underWay time.Duration // how long requests were under way, in all
	sent     bool          // the last try began to send its request
	hasty    bool          // the last try had less than a second, and no time of its own
	refused  time.Time     // when loopback began to refuse; zero: the last try had another end
}

func (c *call) result(ctx context.Context) (Answer, error) {
	c.last.Tries = c.made
	err := c.err
	if cause := context.Cause(ctx); cause != nil && (c.err != nil || c.Again(c.last)) {
		switch { // the cause, and what was last seen
		case c.err == nil:
			err = fmt.Errorf("%w; last: %s", cause, c.last)
		case !errors.Is(c.err, cause):
			err = fmt.Errorf("%w; last: %w", cause, c.err)
		}
		if c.Open && c.sent && c.err != nil && !errors.Is(err, ErrTry) {
			err = fmt.Errorf("%w: the request was sent, and %w", err, ErrTry)
		}
	}
	return c.last, c.last.Tried(err)
}

// RoundTrip makes one whole try.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, timeout, begin := req.Context(), c.timeout(), time.Now()
	c.hasty = c.Timeout == 0 && c.left(ctx) < time.Second
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, ErrTry)
		defer cancel()
	}
	var s sending
	if c.Open {
		var cancel context.CancelFunc
		ctx, cancel = s.within(ctx, min(maxConnect, c.unsent()))
		defer cancel()
	}
	answer, err := c.try(s.watched(ctx, c.Once))
	c.took = time.Since(begin)
	c.made++
	at := s.at.Load()
	if c.sent = at != nil; c.sent {
		c.underWay += time.Since(*at)
	}
	switch {
	case !isRefusedByLoopback(err):
		c.refused = time.Time{}
	case c.refused.IsZero():
		c.refused = begin
	}
	if err != nil {
		return nil, c.fail(req.Context(), answer, err, timeout)
	}
	c.last, c.err = answer, nil
	return &http.Response{StatusCode: answer.Status, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

// timeout bounds one try; 0: no bound.
func (c *call) timeout() time.Duration {
	switch {
	case c.Timeout > 0 || c.Open:
		return c.Timeout
	case c.Tries == 1:
		return c.all + time.Second
	}
	return Timeout(c.all)
}

// unsent is what is left of the time that an open call has while no request is under way.
func (c *call) unsent() time.Duration { return maxUnsent - (time.Since(c.begun) - c.underWay) }

// fail keeps why a try failed. A try that was cut together with the call says less than the try before it, and so does a try that had
// too little time. The earlier error stays then.
func (c *call) fail(ctx context.Context, a Answer, err error, timeout time.Duration) error {
	switch {
	case c.hasty && c.made > 1 && errors.Is(err, ErrTry):
	case ctx.Err() == nil && errors.Is(err, ErrTry) && timeout > 0:
		c.last, c.err = a, fmt.Errorf("%w (%s)", err, timeout.Round(time.Millisecond))
	case ctx.Err() == nil || c.made == 1:
		c.last, c.err = a, err
	}
	return err
}

func (c *call) check(ctx context.Context, _ *http.Response, err error) (bool, error) {
	switch {
	case ctx.Err() != nil || Final(err) || err == nil && !c.Again(c.last) || c.made == c.Tries:
		return false, nil
	case c.Open && c.sent && errors.Is(err, ErrTry): // the server is slow, and has been asked
		return false, nil
	case c.Once && c.sent:
		c.log.Warn("not sent again: once", "event.code", "not-sent-again", "error", c.reason())
		return false, nil
	}
	left, needs := c.left(ctx), min(max(c.took, minPause), time.Second)
	c.next = min(c.pause(left), max(minPause, left-needs)) // the last try is made before the end, not after it
	if c.Open && !c.refused.IsZero() {
		if c.next = min(c.next, maxRefused-time.Since(c.refused)); c.next <= 0 {
			c.err = fmt.Errorf("%w; nothing has listened there for %s", c.err, maxRefused)
			return false, nil
		}
	}
	if c.next+needs > left {
		return false, nil
	}
	if c.err == nil && c.last.OK() { // nothing has failed: a 202 says that the work goes on
		c.log.Info("not done yet", "in", c.next.Round(time.Millisecond), "tries", c.made, "answer", c.reason())
		return true, nil
	}
	c.log.Warn("trying again", "event.code", "trying-again", "in", c.next.Round(time.Millisecond), "tries", c.made, "error", c.reason())
	return true, nil
}

// left is how much time further tries have.
func (c *call) left(ctx context.Context) time.Duration {
	left := c.all
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	if c.Open {
		left = min(left, c.unsent())
	}
	return left
}

func (c *call) reason() string {
	if c.err != nil {
		return c.err.Error()
	}
	return c.last.String()
}

// pause grows with the tries, and differs between hooks that began together. A server may only lengthen it.
func (c *call) pause(left time.Duration) time.Duration {
	grown := min(maxPause, firstPause<<min(c.made-1, 10))
	drawn := max(minPause, grown/2+rand.N(grown))
	return max(drawn, min(retryAfter(c.last), maxRetryAfter, left/3))
}

// retryAfter is the answer's Retry-After, a number of seconds or a date; 0 for one that is unreadable or past.
func retryAfter(a Answer) time.Duration {
	text := strings.TrimSpace(a.Header.Get("Retry-After"))
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(0, min(n, 3600))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// Permanent marks err as one that another try would meet again.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

func (e *permanent) Unwrap() error { return e.error }
func (*permanent) Final() bool     { return true }

// Final tells whether an error of a try will be the same next time. It will if a method Final of the error says so, if either side
// refused a certificate, or if there is no TLS behind https.
func Final(err error) bool {
	if f, ok := errors.AsType[interface {
		error
		Final() bool
	}](err); ok {
		return f.Final()
	}
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	op, _ := errors.AsType[*net.OpError](err)
	alert := op != nil && op.Op == "remote error" // such as "certificate required"
	// net/http has no name for the last one
	return unverified || noTLS || alert || err != nil && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}
