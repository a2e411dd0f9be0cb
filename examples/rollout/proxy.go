package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

var errNowhere = errors.New("no endpoint is known")

// A proxy is the proxy of a node, like kube-proxy. It chooses where a new connection goes, by what it has learned so far. It has no part in
// connections that are there.
type proxy struct {
	lag time.Duration // from a change of the endpoints until the proxy learns of it

	mu   sync.Mutex
	news []news // in order
	next int
}

// news are the endpoints from a moment on.
type news struct {
	at        time.Time
	endpoints []*pod
}

// random draws from a seed; each part of the cluster has a stream of its own.
func random(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// newProxies draws the lags of four nodes. One is slow: its lag is at least 4 s longer than until quiet looks at least. One is quick, and
// two are in between.
func newProxies(random *rand.Rand) []*proxy {
	between := func(low, high time.Duration) *proxy {
		return &proxy{lag: low + time.Duration(random.Int64N(int64(high-low)))}
	}
	const second = time.Second
	return []*proxy{between(quietMin+4*second, quietMin+5*second), between(second/10, second), between(second/2, 4*second), between(second/2, 4*second)}
}

func (p *proxy) publish(at time.Time, endpoints []*pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.news = append(p.news, news{at, endpoints})
}

// choose takes the known endpoints in turn.
func (p *proxy) choose(now time.Time) (*pod, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var known []*pod
	for n, each := range p.news {
		if n == 0 || !now.Before(each.at.Add(p.lag)) {
			known = each.endpoints
		}
	}
	if len(known) == 0 {
		return nil, errNowhere
	}
	p.next++
	return known[p.next%len(known)], nil
}

// A connection knows where it goes.
type connection struct {
	net.Conn
	to *pod
}

// A refusal is a connection that could not be made.
type refusal struct {
	to  *pod
	err error
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %s", r.to.name, r.err) }
func (r *refusal) Unwrap() error { return r.err }

// dial is the DialContext of the node's clients.
func (p *proxy) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	to, err := p.choose(time.Now())
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, to.address)
	if err != nil {
		return nil, &refusal{to, err}
	}
	return &connection{c, to}, nil
}
