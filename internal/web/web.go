// Package web makes HTTP calls inside a deadline.
//
// A [Client] stands for one place that is called. It has its own TLS settings and credentials. [Client.Send] makes one try. It reads the
// whole answer, up to a bound, before it returns, so that an answer that breaks off is a failed try. [Policy.Do] makes as many tries as
// the context has time for. The caller decides what a status means, and does all logging except that of failed tries.
//
// It never uses a proxy, never follows a redirect to another place, never shares credentials between clients,
// and its errors name no path, query or credentials. HTTP/1 only. It alone imports go-retryablehttp.
package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prestop/prestop/internal/escape"
)

const (
	// MaxBody is how much of an answer's body is read.
	MaxBody = 1 << 20
	// MaxStream is how much of a body is given to [Request.Stream].
	MaxStream = 16 << 20
	// MaxHeader is how much of an answer's header is read; more is an error.
	MaxHeader = 64 << 10

	maxRedirects = 3
	maxExcerpt   = 500
)

// ErrTry is the cause of a try's context when the time for one try is over.
var ErrTry = errors.New("no complete answer in time")

// A Client calls one place. It is safe for concurrent use.
type Client struct {
	transport *http.Transport
	open      func(*url.URL) error // reads once what TLS needs, for a URL with TLS; each use calls it before it connects
	auth      Auth
	alert     time.Duration // see alertTime
}

// Dial connects to an address, as (net.Dialer).DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// inTime dials within the time of the try that it is for, and ends a little before the try does. A transport dials without its request's
// deadline, so that others could have the connection. Without a bound here, nobody would be told of a host that does not resolve. A host
// that is a socket's path needs no resolving, and leads to the socket.
func (d Dial) inTime(ctx context.Context, network, address string) (net.Conn, error) {
	if c, ok := ctx.Value(connectKey{}).(connecting); ok {
		margin := min(100*time.Millisecond, time.Until(c.until)/10) // a CPU limit may hold us up for as long
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, c.until.Add(-margin), c.cause)
		defer cancel()
	}
	if socket, _, err := net.SplitHostPort(address); err == nil && isSocket(socket) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return d(ctx, network, address)
}

// New makes a Client that connects by dial. The zero TLS verifies against the system's roots, a nil auth gives no credentials. The files
// of t are read when the client is first used with https. If one of them cannot be read, each such use fails.
func New(dial Dial, t TLS, auth Auth) *Client {
	transport := &http.Transport{
		DialContext:            dial.inTime,
		MaxResponseHeaderBytes: MaxHeader,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    1,
	}
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	read := sync.OnceValue(func() (err error) {
		if transport.TLSClientConfig, err = t.Config(); err != nil {
			return Permanent(err)
		}
		return nil
	})
	open := func(u *url.URL) error {
		if u.Scheme != "https" {
			return nil // a file that nothing needs may be missing
		}
		return read()
	}
	return &Client{transport, open, auth, alertTime}
}

// readable removes a Location that is no URL from a redirect. net/http would make an error of it that holds the whole Location but no
// status.
type readable struct{ transport *http.Transport }

func (r readable) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.transport.RoundTrip(req)
	if err == nil && resp.StatusCode/100 == 3 {
		if _, err := resp.Location(); err != nil {
			resp.Header.Del("Location")
		}
	}
	return resp, err
}

// Close ends the connections that are kept for the next call.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// A Request is what is sent; it can be sent again.
type Request struct {
	Method, URL string
	Header      http.Header
	Body        []byte
	Expect      Statuses // a redirect with one of these is the answer; none: redirects are followed
	// Stream, if set, reads the body of a 2xx answer in place of [Answer.Body], up to MaxStream. It is told the Content-Type. It is also
	// told whether HTTP's framing proves the end of the body, by a length or by chunks: that the connection ended proves nothing. Its
	// error is the try's.
	Stream func(body io.Reader, kind string, framed bool) error
}

// redirected follows a redirect that changes neither the method nor the place; any other becomes the answer.
func (r Request) redirected(req *http.Request, via []*http.Request) error {
	first := via[0]
	if r.Expect.Has(req.Response.StatusCode) || len(via) > maxRedirects || req.Method != first.Method || !SamePlace(req.URL, first.URL) {
		return http.ErrUseLastResponse
	}
	req.URL.User = cmp.Or(req.URL.User, first.URL.User)
	return nil
}

// Own is r with a header of its own, which may be changed.
func (r Request) Own() Request {
	if r.Header = r.Header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	return r
}

// An Answer is a response, read.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	Partial bool // the body is longer than MaxBody; Body is its beginning
	URL     *url.URL
	Tries   int // set by Policy.Do
}

// OK tells whether the status is 2xx.
func (a Answer) OK() bool { return a.Status/100 == 2 }

// Tried is err with the number of tries, if there were several. Nil is nil.
func (a Answer) Tried(err error) error {
	if err == nil || a.Tries <= 1 {
		return err
	}
	return fmt.Errorf("%w (%d tries)", err, a.Tries)
}

// String is the status line and, where it is short text for a person, the body.
func (a Answer) String() string {
	s := strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
	if to := a.Header.Get("Location"); to != "" && a.Status/100 == 3 {
		s += ", a redirect to " + redirectTarget(a, to)
	} else if text := a.Text(); text != "" && len(a.Body) <= maxExcerpt { // a server may repeat a secret, and nobody recognises half of one
		s += ": " + text
	}
	return s
}

func redirectTarget(a Answer, location string) string {
	to, err := a.URL.Parse(location)
	if err != nil {
		return "an unreadable place"
	}
	why := "it leads to another place"
	if SamePlace(to, a.URL) {
		why = "it changes the method, or is one too many"
	}
	return Named(to) + " that is not followed, since " + why + ": give that URL instead, if it is right"
}

// Named is a URL that a server has sent, without its query. A URL with a user is not shown at all: the user may be the beginning of a
// secret, and nobody recognises the end of a secret.
func Named(u *url.URL) string {
	switch text := Place(u) + u.EscapedPath(); {
	case u.User != nil:
		return "a URL with a user"
	case u.RawQuery != "" || u.Fragment != "":
		return text + escape.Cut
	default:
		return text
	}
}

// Text is the beginning of a body of plain text or JSON, on one line. It ends in [escape.Cut] where it was cut.
func (a Answer) Text() string {
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	switch {
	case kind != "text/plain" && !strings.HasSuffix(kind, "json"):
		return ""
	case len(a.Body) > maxExcerpt:
		return OneLine(string(a.Body[:maxExcerpt])) + escape.Cut
	}
	return OneLine(string(a.Body))
}

// OneLine is what a server said, for a log or an error. It is valid UTF-8, with one blank between two words in place of all white space
// and control characters.
func OneLine(text string) string {
	apart := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), apart), " ")
}

// Send makes one try, which ends when ctx does. An answer of any status is no error.
func (c *Client) Send(ctx context.Context, r Request) (Answer, error) {
	ctx = connectBy(ctx)
	if ctx.Value(onceKey{}) != nil {
		c.Close() // net/http may send a request again if a kept connection did not answer it
	}
	req, err := r.build(ctx)
	if err != nil {
		return Answer{}, Permanent(err)
	}
	if err := c.open(req.URL); err != nil {
		return Answer{}, err
	}
	if c.auth != nil {
		if err := c.auth(req); err != nil {
			return Answer{}, Permanent(err)
		}
	}
	client := http.Client{Transport: readable{c.transport}, CheckRedirect: r.redirected}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, c.explain(ctx, req, err)
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header, URL: unwire(resp.Request.URL)}
	if a.Status == http.StatusSwitchingProtocols { // its body is the connection itself, which ctx does not end
		return a, nil
	}
	if r.Stream != nil && a.OK() {
		err = stream(resp, r.Stream)
	} else if a.Body, a.Partial, err = whole(resp.Body, resp.ContentLength); err != nil {
		err = fmt.Errorf("the answer (%d) broke off: %w", resp.StatusCode, err)
	}
	if err != nil {
		return Answer{}, c.explain(ctx, req, err)
	}
	return a, nil
}

// build makes what net/http sends.
func (r Request) build(ctx context.Context) (*http.Request, error) {
	u, err := ParseURL(r.URL)
	if err != nil {
		return nil, fmt.Errorf("the URL cannot be used: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, "http://localhost", bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	req.URL = wire(u)
	if u.Scheme != Unix {
		req.Host = u.Host
	}
	req.Header = r.Own().Header
	req.Host = cmp.Or(req.Header.Get("Host"), req.Host) // net/http takes it from nowhere else
	return req, nil
}

// whole reads a body up to its bound. Of a longer body it gives the beginning. length is the body's length, or -1 if it is not known. A
// body of unknown length is put together from pieces. A known length saves these, since somebody else limits our memory.
func whole(from io.Reader, length int64) (body []byte, partial bool, err error) {
	limited := io.LimitReader(from, MaxBody+1)
	if 0 <= length && length <= MaxBody {
		known := bytes.NewBuffer(make([]byte, 0, length+bytes.MinRead))
		_, err = known.ReadFrom(limited)
		body = known.Bytes()
	} else {
		body, err = io.ReadAll(limited)
	}
	if err != nil {
		return nil, false, err
	}
	return body[:min(len(body), MaxBody)], len(body) > MaxBody, nil
}

func stream(resp *http.Response, read func(io.Reader, string, bool) error) error {
	limited := &io.LimitedReader{R: resp.Body, N: MaxStream + 1}
	framed := resp.ContentLength >= 0 || slices.Contains(resp.TransferEncoding, "chunked")
	if err := read(limited, resp.Header.Get("Content-Type"), framed); limited.N > 0 {
		return err
	}
	return fmt.Errorf("the answer is longer than %d MiB", MaxStream>>20)
}

func (c *Client) explain(ctx context.Context, req *http.Request, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", Place(req.URL), bare(err))
}

// bare is err without the method and URL that net/http puts before it, since no log should have them. What err quotes at its end, as in
// malformed HTTP status code "x", may be a part of what a server sent. So the quotation ends in [escape.Cut].
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	const peeked = "readLoopPeekFailLocked" // net/http, of what came before the request was sent
	if strings.HasPrefix(err.Error(), peeked) {
		for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
			if !strings.HasPrefix(cause.Error(), peeked) { // such as an alert of TLS
				return cause
			}
		}
		return quotingError{err, "the server spoke before it was asked: expected HTTP"}
	}
	if quoted, ok := strings.CutSuffix(err.Error(), `"`); ok {
		return quotingError{err, quoted + escape.Cut + `"`}
	}
	return err
}

type quotingError struct {
	error
	text string
}

func (e quotingError) Error() string { return e.text }
func (e quotingError) Unwrap() error { return e.error }

// MaxTry is how long one try may take at most.
const MaxTry = 10 * time.Second

// Timeout bounds one try: MaxTry, at most a third of the time that all tries have.
func Timeout(all time.Duration) time.Duration { return min(MaxTry, all/3) }
