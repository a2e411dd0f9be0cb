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
	oneTry        = 2 * time.Second
)

// A Policy says when a call is tried again. Its zero value tries again what may pass by itself, for as long as
// the call's context has time.
type Policy struct {
	// Tries is how many there may be; 0: no bound. With less than 2 s there is one.
	Tries int
	// Timeout bounds one try; 0: 10 s. It is never more than a third of the time that all have.
	Timeout time.Duration
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

// Do tries until an answer is final or no further try could finish before ctx's deadline. An answer is
// returned as it is, whatever its status; the error is that of the last try, and where ctx ended the call it
// wraps context.Cause(ctx) too. A try may return both: the error counts, and the answer's Retry-After.
func (p Policy) Do(ctx context.Context, log *slog.Logger, try func(context.Context) (Answer, error)) (Answer, error) {
	c := &call{Policy: p, try: try, log: log, all: 30 * time.Second}
	if c.Again == nil {
		c.Again = Transient
	}
	if deadline, ok := ctx.Deadline(); ok {
		c.all = time.Until(deadline)
	}
	if c.all < oneTry {
		c.Tries = 1
	}
	return c.do(ctx)
}

// call is one Do. The library calls its methods one after the other: RoundTrip, check, RoundTrip, …
type call struct {
	Policy
	try  func(context.Context) (Answer, error)
	log  *slog.Logger
	all  time.Duration // that the tries have together
	made int
	took time.Duration // of the last try
	next time.Duration // pause before the next, drawn once
	last Answer
	err  error // of the last try
}

func (c *call) do(ctx context.Context) (Answer, error) {
	client := retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: c, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		RetryMax:     1 << 30,
		CheckRetry:   c.check,
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return c.next },
		ErrorHandler: func(resp *http.Response, err error, _ int) (*http.Response, error) { return resp, err },
	}
	// The library wants a URL; where the try goes is the try's own affair.
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, "http://try.invalid", nil)
	if err != nil {
		return Answer{}, err
	}
	if _, err = client.Do(req); err != nil && c.made == 0 {
		c.err = err
	}
	return c.result(ctx)
}

func (c *call) result(ctx context.Context) (Answer, error) {
	c.last.Tries = c.made
	err := c.err
	if cause := context.Cause(ctx); cause != nil && (c.err != nil || c.Again(c.last)) {
		err = cut(cause, c.err, c.last)
	}
	if err != nil && c.made > 1 {
		err = fmt.Errorf("%w (%d tries)", err, c.made)
	}
	return c.last, err
}

// cut is the error of a call that its context ended: the cause, and what was last seen.
func cut(cause, err error, last Answer) error {
	switch {
	case errors.Is(err, cause):
		return err
	case err != nil:
		return fmt.Errorf("%w; last: %w", cause, err)
	default:
		return fmt.Errorf("%w; last: %s", cause, last)
	}
}

// RoundTrip makes one whole try.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	timeout := c.timeout()
	ctx, cancel := context.WithTimeoutCause(req.Context(), timeout, ErrTry)
	defer cancel()
	begin := time.Now()
	answer, err := c.try(ctx)
	c.took = time.Since(begin)
	c.made++
	if err != nil {
		return nil, c.fail(req.Context(), answer, err, timeout)
	}
	c.last, c.err = answer, nil
	return &http.Response{StatusCode: answer.Status, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

// timeout bounds one try; an only one is bounded by the call's context alone.
func (c *call) timeout() time.Duration {
	timeout := Timeout(c.all)
	if c.Tries == 1 {
		timeout = c.all + time.Second
	}
	if c.Timeout > 0 {
		timeout = min(timeout, c.Timeout)
	}
	return timeout
}

// fail keeps why a try failed; one that was cut together with the call says less than the one before it.
func (c *call) fail(ctx context.Context, a Answer, err error, timeout time.Duration) error {
	switch {
	case ctx.Err() == nil && errors.Is(err, ErrTry):
		c.last, c.err = a, fmt.Errorf("%w (%s)", err, timeout.Round(time.Millisecond))
	case ctx.Err() == nil || c.made == 1:
		c.last, c.err = a, err
	}
	return err
}

func (c *call) check(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if ctx.Err() != nil || err != nil && Final(err) || err == nil && !c.Again(c.last) || c.made == c.Tries {
		return false, nil
	}
	left := c.all
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	c.next = c.pause(left)
	if needs := min(max(c.took, minPause), time.Second); c.next+needs > left {
		return false, nil
	}
	c.log.Warn("trying again", "in", c.next.Round(time.Millisecond), "tries", c.made, "error", c.reason())
	return true, nil
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

// Final tells whether an error of a try will be the same next time: it says so itself by a method Final, a
// certificate was refused by either side, or there is no TLS behind https.
func Final(err error) bool {
	if f, ok := errors.AsType[interface {
		error
		Final() bool
	}](err); ok {
		return f.Final()
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" { // an alert, such as "certificate required"
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	return strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") // net/http has no name for it
}
