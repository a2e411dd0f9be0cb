package recipes_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testexpect"
)

// Traffic is what comes to a pod from a load balancer and its clients. They hear that the pod is going when its readiness
// fails, half a second late; until then each goes on, and afterwards none opens a connection. Half of them keep their connection
// for as long as they are let, also after that. No request is ever sent a second time: each that is not answered 200 has
// failed, and so has a connection that is refused.
type traffic struct {
	address string
	path    string
	left    chan struct{} // closed when everybody has heard
	clients sync.WaitGroup

	mu       sync.Mutex
	answered int
	failures []string
}

const (
	clients  = 8
	lateness = 500 * time.Millisecond // from failing readiness to the last new connection
	pause    = 10 * time.Millisecond  // between a client's requests
	probing  = 100 * time.Millisecond // between looks at the readiness
)

// startTraffic begins with GET requests for path as soon as the pod's /ready is answered 2xx. The pod is at address.
func startTraffic(t *testing.T, address, path string) *traffic {
	t.Helper()
	testexpect.Soon(t, address+" is ready", func() bool { return ready(address) })
	ctx, stop := context.WithCancel(t.Context())
	tr := &traffic{address: address, path: path, left: make(chan struct{})}
	t.Cleanup(func() {
		stop()
		tr.clients.Wait()
	})
	tr.clients.Go(func() { tr.balance(ctx) })
	for i := range clients {
		tr.clients.Go(func() { tr.client(ctx, i%2 == 0) })
	}
	testexpect.Soon(t, "traffic", func() bool { answered, _ := tr.count(); return answered > 10*clients })
	return tr
}

// balance closes left when the pod has not been ready for a while.
func (tr *traffic) balance(ctx context.Context) {
	for tick := time.Tick(probing); ready(tr.address); {
		if !receive(ctx, tick) {
			return
		}
	}
	if receive(ctx, time.After(lateness)) {
		close(tr.left)
	}
}

func ready(address string) bool {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	resp, err := client.Get("http://" + address + "/ready")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode/100 == 2
}

// client sends one request after the other until it has no connection any more and may not open one.
func (tr *traffic) client(ctx context.Context, keeps bool) {
	var c *connection
	for tick := time.Tick(pause); receive(ctx, tick); {
		if c == nil && tr.heard() {
			return
		}
		c = tr.request(c, keeps)
	}
	if c != nil {
		c.Close()
	}
}

// request sends one over c, or over a new connection if that is nil, and gives the connection for the next one.
func (tr *traffic) request(c *connection, keeps bool) *connection {
	used := c != nil
	if !used {
		if c = tr.dial(); c == nil {
			return nil
		}
	}
	err := c.get(tr.path)
	if err != nil {
		tr.fail("connection used before: %t: %s", used, err)
	} else {
		tr.succeed()
	}
	if err == nil && keeps && !c.closing {
		return c
	}
	c.Close()
	return nil
}

func (tr *traffic) dial() *connection {
	c, err := net.DialTimeout("tcp", tr.address, 5*time.Second)
	if err != nil {
		tr.fail("%s", err)
		return nil
	}
	return &connection{Conn: c, in: bufio.NewReader(c)}
}

// long sends one request with a connection of its own, and later tells what became of it.
func (tr *traffic) long(path string) <-chan error {
	done := make(chan error, 1)
	tr.clients.Go(func() {
		c := tr.dial()
		if c == nil {
			done <- errors.New("no connection")
			return
		}
		defer c.Close()
		done <- c.get(path)
	})
	return done
}

func (tr *traffic) succeed() {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.answered++
}

func (tr *traffic) fail(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.failures = append(tr.failures, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (tr *traffic) count() (answered int, failures []string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.answered, append([]string{}, tr.failures...)
}

// outcome is what became of the traffic. It waits for the clients to leave by themselves, as they do once the pod is gone.
func (tr *traffic) outcome() (answered int, failures []string) {
	tr.clients.Wait()
	return tr.count()
}

// heard is whether everybody has heard that the pod is going.
func (tr *traffic) heard() bool {
	select {
	case <-tr.left:
		return true
	default:
		return false
	}
}

// receive waits, and is false if ctx ends before.
func receive(ctx context.Context, from <-chan time.Time) bool {
	select {
	case <-from:
		return true
	case <-ctx.Done():
		return false
	}
}

// A connection sends a request once, unlike net/http's.
type connection struct {
	net.Conn
	in      *bufio.Reader
	closing bool // the server has asked for it
}

func (c *connection) get(path string) error {
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: web\r\n\r\n", path); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	c.closing = resp.Close
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}
