// Package web makes HTTP calls inside a deadline.
//
// A [Client] stands for one place that is called, with TLS settings and credentials of its own: [Client.Send]
// makes one try, and reads the whole answer to a bound before it returns, so that an answer that breaks off is
// a failed try. [Policy.Do] makes as many tries as their context has time for. What a status means is the
// caller's business, and so is logging beyond a try's failure.
//
// It never uses a proxy, never follows a redirect to another place, never shares credentials between clients,
// and its errors name no path, query or credentials. HTTP/1 only. It alone imports go-retryablehttp.
package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	// MaxBody is how much of an answer's body is read.
	MaxBody = 1 << 20
	// MaxHeader is how much of an answer's header is read; more is an error.
	MaxHeader = 64 << 10

	maxRedirects = 3
	maxExcerpt   = 500
)

// ErrTry is the cause of a try's context when the time for one try is over.
var ErrTry = errors.New("no complete answer in time")

// A Client calls one place. It is safe for concurrent use.
type Client struct {
	http *http.Client
	auth Auth
}

// Dial connects to an address, as (net.Dialer).DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

type deadlineKey struct{}

// inTime dials within the try that it is for, and ends a little before it does. A transport dials without its
// request's deadline, so that others could have the connection; then a host that does not resolve would be
// reported to nobody.
func (d Dial) inTime(ctx context.Context, network, address string) (net.Conn, error) {
	if deadline, ok := ctx.Value(deadlineKey{}).(time.Time); ok {
		margin := min(30*time.Millisecond, time.Until(deadline)/10)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-margin), ErrTry)
		defer cancel()
	}
	return d(ctx, network, address)
}

// New makes a Client that connects by dial. The zero TLS verifies against the system's roots, a nil auth
// gives no credentials.
func New(dial Dial, t TLS, auth Auth) (*Client, error) {
	config, err := t.Config()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:            dial.inTime,
		TLSClientConfig:        config,
		MaxResponseHeaderBytes: MaxHeader,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    1,
	}
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	return &Client{&http.Client{Transport: transport, CheckRedirect: samePlace}, auth}, nil
}

// Close ends the connections that are kept for the next call.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// samePlace follows a redirect that changes neither the method nor the place; any other becomes the answer.
func samePlace(req *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > maxRedirects || req.Method != first.Method || !SamePlace(req.URL, first.URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// SamePlace tells whether two URLs have the same scheme, host and port, so that one's credentials are fit for
// the other.
func SamePlace(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// A Request is what is sent; it can be sent again.
type Request struct {
	Method, URL string
	Header      http.Header
	Body        []byte
}

// An Answer is a response, read.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	Partial bool // the body is longer than MaxBody
	URL     *url.URL
	Tries   int // set by Policy.Do
}

// OK tells whether the status is 2xx.
func (a Answer) OK() bool { return a.Status/100 == 2 }

// String is the status line and, where it is short text for a person, the body.
func (a Answer) String() string {
	s := strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
	if to := a.Header.Get("Location"); to != "" && a.Status/100 == 3 {
		s += ", a redirect to " + redirectTarget(a, to) + " that is not followed"
	} else if text := a.excerpt(); text != "" {
		s += ": " + text
	}
	return s
}

func redirectTarget(a Answer, location string) string {
	to, err := a.URL.Parse(location)
	if err != nil {
		return "an unreadable place"
	}
	return Place(to) + to.EscapedPath()
}

// excerpt is a short body of plain text or JSON, on one line. It is shown whole or not at all: half of a secret
// that a server repeats is one that nobody recognises.
func (a Answer) excerpt() string {
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if len(a.Body) > maxExcerpt || kind != "text/plain" && !strings.HasSuffix(kind, "json") {
		return ""
	}
	text := strings.ToValidUTF8(string(a.Body), "")
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// Place names a URL without path, query and credentials.
func Place(u *url.URL) string { return u.Scheme + "://" + u.Host }

// Send makes one try, which ends when ctx does. An answer of any status is no error.
func (c *Client) Send(ctx context.Context, r Request) (Answer, error) {
	if deadline, ok := ctx.Deadline(); ok {
		ctx = context.WithValue(ctx, deadlineKey{}, deadline)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, Permanent(fmt.Errorf("the URL cannot be used: %w", bare(err)))
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
		req.Host = req.Header.Get("Host") // net/http takes it from nowhere else; empty: the URL's
	}
	if c.auth != nil {
		if err := c.auth(req); err != nil {
			return Answer{}, Permanent(err)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, c.explain(ctx, req, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	if err != nil {
		return Answer{}, c.explain(ctx, req, fmt.Errorf("the answer (%d) broke off: %w", resp.StatusCode, err))
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, URL: resp.Request.URL}
	if len(body) > MaxBody {
		a.Body, a.Partial = body[:MaxBody], true
	}
	return a, nil
}

func (c *Client) explain(ctx context.Context, req *http.Request, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", Place(req.URL), bare(err))
}

// bare is err without the method and URL that net/http puts before it, which hold what no log should.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// Timeout bounds one try: 10 s, at most a third of the time that all tries have.
func Timeout(all time.Duration) time.Duration { return min(10*time.Second, all/3) }
