package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// A client sends one request after the other through the proxy of its node. They are POSTs, which no HTTP client sends
// again by itself.
type client struct {
	proxy     *proxy
	random    *rand.Rand
	keepAlive bool
	path      func(*rand.Rand) string
}

// newClients are the clients of all nodes. Each node has two that open a connection for each request, and one that keeps its connection.
// Besides, on nodes that are not the slowest, there are three clients whose requests take longer than until quiet looks at least, and one
// that listens to a stream.
func newClients(proxies []*proxy, seed uint64) []client {
	var all []client
	add := func(p *proxy, keepAlive bool, path func(*rand.Rand) string) {
		all = append(all, client{p, random(seed, uint64(len(all)+1)), keepAlive, path})
	}
	for range 3 {
		add(proxies[1], false, work(quietMin+quietFor+500*time.Millisecond, quietMin+quietFor+2*time.Second))
	}
	add(proxies[2], false, func(*rand.Rand) string { return "/stream" })
	for _, p := range proxies {
		short := work(5*time.Millisecond, 60*time.Millisecond)
		add(p, false, short)
		add(p, false, short)
		add(p, true, short)
	}
	return all
}

// work gives requests that take between two times.
func work(low, high time.Duration) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		return fmt.Sprintf("/work?takes=%s", low+time.Duration(r.Int64N(int64(high-low))))
	}
}

// A request is what came of one request.
type request struct {
	to           *pod // where it went; nil: nowhere
	begun, ended time.Time
	err          error
}

// records are the requests of all clients.
type records struct {
	mu  sync.Mutex
	all []request
}

func (r *records) add(each request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, each)
}

// run sends requests until ctx ends. A request that is under way then does not count.
func (c client) run(ctx context.Context, to *records) {
	transport := &http.Transport{DialContext: c.proxy.dial, DisableKeepAlives: !c.keepAlive}
	defer transport.CloseIdleConnections()
	for {
		each := c.send(ctx, transport)
		if ctx.Err() != nil {
			return
		}
		to.add(each)
		select {
		case <-ctx.Done():
			return
		case <-time.After(50*time.Millisecond + time.Duration(c.random.Int64N(int64(50*time.Millisecond)))):
		}
	}
}

func (c client) send(ctx context.Context, transport *http.Transport) request {
	r := request{begun: time.Now()}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { r.to = i.Conn.(*connection).to }})
	r.err = exchange(ctx, transport, "http://web"+c.path(c.random))
	var refused *refusal
	if errors.As(r.err, &refused) {
		r.to = refused.to
	}
	r.ended = time.Now()
	return r
}

func exchange(ctx context.Context, transport *http.Transport, url string) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}
