package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/dns"
)

// A peer is one end of a connection without a network, which runs in a test's own time. It is told which request it is
// that has been read, from 1, and tells whether the connection goes on.
type peer func(conn net.Conn, request int) (goesOn bool)

func answers(after time.Duration, text string) peer {
	return func(conn net.Conn, _ int) bool {
		<-time.After(after)
		_, err := io.WriteString(conn, text)
		return err == nil
	}
}

const (
	ok200 = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	no503 = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
)

func resets(after time.Duration) peer {
	return func(net.Conn, int) bool {
		<-time.After(after)
		return false
	}
}

// inTurn answers the requests of one connection.
func inTurn(all ...peer) peer {
	return func(conn net.Conn, request int) bool { return all[min(request, len(all))-1](conn, request) }
}

func silent(net.Conn, int) bool { return true }

// peers are the other ends of a client's connections, in turn; the last stays. It counts what they were asked.
type peers struct {
	mu    sync.Mutex
	dials int
	asked int
	errs  []error // of the first dials
	peers []peer
}

func (p *peers) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	other, err := p.next()
	if err == errHangs {
		<-ctx.Done()
		err = fmt.Errorf("hangs: %w", context.Cause(ctx))
	}
	if err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		in := bufio.NewReader(theirs)
		for n := 1; ; n++ {
			request, err := http.ReadRequest(in)
			if err != nil {
				io.Copy(io.Discard, theirs) // what is no HTTP is read and never answered
				return
			}
			p.mu.Lock()
			p.asked++
			p.mu.Unlock()
			if io.Copy(io.Discard, request.Body); !other(theirs, n) {
				return
			}
		}
	}()
	return ours, nil
}

func (p *peers) next() (other peer, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dials++
	if len(p.errs) > 0 {
		err = p.errs[0]
		if len(p.errs) > 1 || len(p.peers) > 0 {
			p.errs = p.errs[1:]
		}
		return nil, err
	}
	other = p.peers[0]
	if len(p.peers) > 1 {
		p.peers = p.peers[1:]
	}
	return other, nil
}

var errHangs = errors.New("hangs")

func refusedBy(ip string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(ip), Port: 8080}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

func again(err error, n int) (all []error) {
	for range n {
		all = append(all, err)
	}
	return all
}

func TestPolicyOpen(t *testing.T) {
	local := refusedBy("127.0.0.1")
	for name, test := range map[string]struct {
		policy     Policy
		method     string        // empty: POST
		url        string        // empty: http://app.test
		time       time.Duration // 0: 5 minutes
		errs       []error
		peers      []peer
		want       string // the answer, or in the error
		asked      int
		dials      [2]int // at least, at most; [0 0]: as often as asked
		from, upTo time.Duration
	}{
		"answered when the work is done": {peers: []peer{answers(45*s, ok200)}, want: "200 OK", asked: 1, from: 45 * s, upTo: 45 * s},
		"for as long as it may take":     {peers: []peer{silent}, want: "share used up", asked: 1, from: 300 * s, upTo: 300 * s},
		"cut by a short time":            {time: 1900 * time.Millisecond, peers: []peer{silent}, want: "share used up", asked: 1, from: 1900 * time.Millisecond, upTo: 1900 * time.Millisecond},
		"an answer that begins": {peers: []peer{func(c net.Conn, _ int) bool {
			io.WriteString(c, ok200[:9])
			<-time.After(60 * s)
			io.WriteString(c, ok200[9:])
			return true
		}}, want: "200 OK", asked: 1, from: 60 * s, upTo: 60 * s},
		"a status that passes":            {peers: []peer{inTurn(answers(0, no503), answers(40*s, ok200))}, want: "200 OK", asked: 2, dials: [2]int{1, 1}, from: 40 * s, upTo: 42 * s},
		"a status that does not":          {peers: []peer{answers(0, no503)}, want: "503", asked: 10, from: 20 * s, upTo: 30 * s},
		"a reset":                         {peers: []peer{resets(0), answers(0, ok200)}, want: "200 OK", asked: 2, upTo: s},
		"a reset after long":              {peers: []peer{resets(45 * s), answers(0, ok200)}, want: "200 OK", asked: 2, from: 45 * s, upTo: 46 * s},
		"a slow one that then fails":      {peers: []peer{answers(45*s, no503), answers(45*s, no503)}, want: "503", asked: 7, from: 285 * s, upTo: 300 * s},
		"timeout as written":              {policy: Policy{Timeout: 60 * s}, peers: []peer{silent}, want: "http://app.test: no complete answer in time (1m0s)", asked: 1, from: 60 * s, upTo: 60 * s},
		"timeout of the time there is":    {policy: Policy{Timeout: 9 * s}, time: 10 * s, peers: []peer{silent}, want: "in time (9s)", asked: 1, from: 9 * s, upTo: 9 * s},
		"timeout and a status":            {policy: Policy{Timeout: 3 * s}, peers: []peer{answers(2*s, no503), answers(2*s, ok200)}, want: "503", asked: 7, from: 20 * s, upTo: 60 * s},
		"a connection that hangs":         {errs: again(errHangs, 1), want: "http://app.test: hangs: no connection in time (", asked: 0, dials: [2]int{4, 6}, from: 22 * s, upTo: 30 * s},
		"hangs for all of the time":       {time: 3 * s, errs: again(errHangs, 1), want: "http://app.test: hangs: no complete answer in time", asked: 0, dials: [2]int{1, 1}, from: 2 * s, upTo: 3 * s},
		"hangs, then connects":            {errs: again(errHangs, 3), peers: []peer{answers(45*s, ok200)}, want: "200 OK", asked: 1, dials: [2]int{4, 4}, from: 60 * s, upTo: 65 * s},
		"hangs, with a timeout":           {policy: Policy{Timeout: 2 * s}, errs: again(errHangs, 1), want: "http://app.test: hangs: no ", asked: 0, dials: [2]int{6, 12}, from: 22 * s, upTo: 30 * s},
		"a handshake that hangs":          {url: "https://app.test", peers: []peer{silent}, want: "https://app.test: no connection in time (", asked: 0, dials: [2]int{4, 6}, from: 22 * s, upTo: 30 * s},
		"refused by another":              {errs: again(refusedBy("10.0.0.1"), 1), want: "connection refused (", dials: [2]int{7, 14}, from: 22 * s, upTo: 30 * s},
		"refused by loopback":             {errs: again(local, 1), want: "connection refused; nothing has listened there for 3s (", dials: [2]int{3, 9}, from: 3 * s, upTo: 3 * s},
		"refused by both of localhost":    {errs: again(errors.Join(local, refusedBy("::1")), 1), want: "nothing has listened there", dials: [2]int{3, 9}, from: 3 * s, upTo: 3 * s},
		"refused by loopback and another": {errs: again(errors.Join(local, refusedBy("10.0.0.1")), 1), want: "connection refused", dials: [2]int{7, 14}, from: 22 * s, upTo: 30 * s},
		"refused, then listened on":       {errs: again(local, 2), peers: []peer{answers(45*s, ok200)}, want: "200 OK", asked: 1, dials: [2]int{3, 3}, from: 45 * s, upTo: 48 * s},
		"refused, with an end between":    {errs: []error{local, local, errHangs, local}, want: "nothing has listened there", dials: [2]int{5, 12}, from: 8 * s, upTo: 12 * s},

		"once, sent":                  {policy: Policy{Once: true}, peers: []peer{answers(45*s, ok200)}, want: "200 OK", asked: 1, from: 45 * s, upTo: 45 * s},
		"once, a status":              {policy: Policy{Once: true}, peers: []peer{answers(0, no503)}, want: "503", asked: 1},
		"once, a reset":               {policy: Policy{Once: true}, peers: []peer{resets(0)}, want: "EOF", asked: 1},
		"once, a reset of a GET":      {policy: Policy{Once: true}, method: "GET", peers: []peer{resets(0)}, want: "EOF", asked: 1},
		"once, a timeout":             {policy: Policy{Once: true, Timeout: 2 * s}, peers: []peer{silent}, want: "in time (2s)", asked: 1, from: 2 * s, upTo: 2 * s},
		"once, not sent in the first": {policy: Policy{Once: true}, errs: []error{refusedBy("10.0.0.1"), errHangs}, peers: []peer{answers(0, ok200)}, want: "200 OK", asked: 1, dials: [2]int{3, 3}, from: 5 * s, upTo: 7 * s},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &peers{errs: test.errs, peers: test.peers}
				c := New(p.dial, TLS{}, nil)
				defer func() {
					c.Close()
					<-time.After(time.Minute) // for the peers to end
				}()
				share, policy := test.time, test.policy
				if share == 0 {
					share = 300 * s
				}
				policy.Open = true
				r := Request{Method: "POST", URL: "http://app.test", Body: []byte("{}")}
				if test.method != "" {
					r = Request{Method: test.method, URL: r.URL}
				}
				if test.url != "" {
					r.URL = test.url
				}
				ctx, cancel := context.WithTimeoutCause(t.Context(), share, errShare)
				defer cancel()
				begin := time.Now()
				a, err := policy.Do(ctx, quiet, func(ctx context.Context) (Answer, error) { return c.Send(ctx, r) })
				took, got := time.Since(begin), a.String()
				if err != nil {
					got = err.Error()
				}
				if !strings.Contains(got, test.want) || strings.Contains(got, "(0s)") {
					t.Errorf("%s, want %s, and no time that was not set", got, test.want)
				}
				if took < test.from || took > max(test.upTo, test.from) {
					t.Errorf("took %v, want %v to %v", took, test.from, test.upTo)
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				dials := test.dials
				if dials == [2]int{} {
					dials = [2]int{1, test.asked}
				}
				if p.asked != test.asked && test.asked < 7 || p.asked < test.asked-4 || p.dials < dials[0] || p.dials > dials[1] {
					t.Errorf("asked %d times over %d connections, want %d over %v", p.asked, p.dials, test.asked, dials)
				}
			})
		})
	}
}

// net/http sends a GET again by itself where a kept connection ends instead of answering.
func TestOnceOverAKeptConnection(t *testing.T) {
	for once, want := range map[bool]int{false: 3, true: 2} {
		synctest.Test(t, func(t *testing.T) {
			keepsOne := inTurn(answers(0, ok200), resets(0))
			p := &peers{peers: []peer{keepsOne}}
			if once {
				p.peers = []peer{keepsOne, resets(0)}
			}
			c := New(p.dial, TLS{}, nil)
			defer c.Close()
			send := func(ctx context.Context) (Answer, error) {
				return c.Send(ctx, Request{Method: "GET", URL: "http://app.test"})
			}
			if _, err := send(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := Policy{Open: true, Once: once, Tries: 1}.Do(t.Context(), quiet, send)
			if p.asked != want || (err != nil) != once {
				t.Errorf("once %t: asked %d times (%v), want %d", once, p.asked, err, want)
			}
		})
	}
}

func TestSamePlace(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"http://a/x", "http://a:80/y", true},
		{"https://a:443", "https://A/", true},
		{"http://[::1]", "http://[::1]:80", true},
		{"http://a", "http://a:443", false},
		{"http://a", "https://a:80", false},
		{"http://a:8080", "http://a", false},
		{"http://a", "http://b", false},
		{"http+unix:/a.sock:/x", "http+unix:/a.sock:/y", true},
		{"http+unix:/a.sock:/x", "http+unix:/A.sock:/x", false},
		{"http+unix:/a.sock:/x", "http://a.sock/x", false},
	} {
		a, errA := ParseURL(test.a)
		b, errB := ParseURL(test.b)
		if errA != nil || errB != nil || SamePlace(a, b) != test.same || SamePlace(b, a) != test.same {
			t.Errorf("%s and %s: %v, %v, want the same place %t", test.a, test.b, errA, errB, test.same)
		}
	}
}

// What the kernel says of a port that nobody listens on is found below what the resolver and net/http say.
func TestRefusedByLoopbackOverTheWire(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	c := New(new(dns.Resolver).DialContext, TLS{}, nil)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if _, err := c.Send(t.Context(), Request{Method: "POST", URL: "http://" + host + ":" + port}); !isRefusedByLoopback(err) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := c.Send(t.Context(), Request{Method: "POST", URL: "http+unix:/nowhere.sock:/x"}); isRefusedByLoopback(err) {
		t.Errorf("a socket: %v", err)
	}
}
