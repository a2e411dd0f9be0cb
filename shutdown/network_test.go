package shutdown

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prestop/prestop/internal/testpipe"
	"github.com/prestop/prestop/internal/web"
)

// network is one in memory, for bubbles of synctest: an address is served, refuses, or swallows what comes.
type network struct {
	mu    sync.Mutex
	doors map[string]*testpipe.Server
	bytes atomic.Int64 // that were received by dialling
}

func newNetwork() *network { return &network{doors: make(map[string]*testpipe.Server)} }

// serve answers at an address from now on, until the test ends or the address is closed.
func (n *network) serve(t *testing.T, address string, h http.Handler) {
	t.Helper()
	d := testpipe.Serve(t, h)
	n.mu.Lock()
	n.doors[address] = d
	n.mu.Unlock()
}

// swallow makes an address one that never answers, not even to a connection.
func (n *network) swallow(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.doors[address] = nil
}

// close ends an address' connections; it refuses others.
func (n *network) close(address string) {
	n.mu.Lock()
	d := n.doors[address]
	delete(n.doors, address)
	n.mu.Unlock()
	d.Close()
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	d, ok := n.doors[strings.ToLower(address)]
	n.mu.Unlock()
	switch {
	case !ok:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case d == nil:
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	c, err := d.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &counted{c, &n.bytes}, nil
}

// client makes a client whose connections end with the test.
func (n *network) client(t *testing.T, auth web.Auth) *web.Client {
	c := web.New(n.dial, web.TLS{}, auth)
	t.Cleanup(c.Close)
	return c
}

type counted struct {
	net.Conn
	bytes *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}
