package main

import (
	"sync"

	"github.com/prestop/prestop/internal/web"
)

// connect makes a client when it is first used, so that a file that cannot be read fails its step and nothing else.
func (b *builder) connect(t web.TLS, auth web.Auth) web.Connect {
	return sync.OnceValues(func() (*web.Client, error) {
		c, err := web.New(b.resolver.DialContext, t, auth)
		if err == nil {
			b.clients.add(c)
		}
		return c, err
	})
}

// clients are those that have been made.
type clients struct {
	mu  sync.Mutex
	all []*web.Client
}

func (c *clients) add(one *web.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, one)
}

// release ends the connections that are kept for the next call: a server that is about to end may wait for them.
func (c *clients) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.all {
		one.Close()
	}
}
