package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prestop/prestop/drain"
)

// A row is a pattern of traffic with one server and one client. The time at which its hook may end counts from the end of the traffic. If
// nothing is waited for, it counts from the hook's beginning. for= comes in addition.
type row struct {
	pattern, protocol string
	server, client    string
	word              drain.Protocol // the word of until quiet that states the protocol
	udp, noProbe      bool
	stops             bool          // the server stops, so each row has one of its own
	apart             bool          // each run has a server of its own
	quietFor          time.Duration // for=; 0: 3 s
	before            time.Duration // how long the steps before until quiet take
	endless           bool          // the hook does not wait for this traffic
	untold            time.Duration // 0, or nobody can tell that it goes on, so that the hook may end so long after it began
	min               time.Duration // min=; 0: 3 s
	latest            time.Duration // how long after that the hook may end, or holding
	traffic           func(ctx context.Context, p peer, r *running) error
}

func (r row) name() string {
	name := r.pattern + " / " + r.protocol + " / " + r.server + " / " + r.client
	if r.word != "" {
		name += " / word " + string(r.word)
	}
	return name
}

func (r row) program() string { name, _, _ := strings.Cut(r.server, " "); return name }

func (r row) earliest() string {
	if r.endless {
		return "`for`"
	}
	if r.untold > 0 {
		return fmt.Sprintf("%.0f s after it was asked", r.untold.Seconds())
	}
	if r.latest == holding {
		return "`max`"
	}
	return "`for` after the last answer"
}

func (r row) end() string {
	switch {
	case r.latest == holding:
		return "`max`"
	case r.min > 0:
		return "`min` + `for` + 1 s"
	case r.latest == 0:
		return "`for` + 1 s"
	}
	return fmt.Sprintf("`for` + %s + 1 s", short(r.latest))
}

func short(d time.Duration) string { return strings.TrimSuffix(d.String(), "0s") }

const slow = "/?ms=20000" // longer than the 15 s after which what nobody can tell is given up

// slowFirst is one request on a connection of its own. Half of the runs begin it before the hook.
func slowFirst(protocol, path string, body int) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		ask, err := p.client(ctx, protocol)
		if err != nil {
			return err
		}
		p.begins(ctx, r)
		defer r.over()
		return ask(ctx, path, body)
	}
}

// slowResumed is one slow request over HTTP/2, on a connection that resumes the session of one before. Its answer is longer than a certificate.
func slowResumed(ctx context.Context, p peer, r *running) error {
	c := p.goClient("h2")
	c.Transport.(*http.Transport).TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	if err := goAsk(ctx, c, p.url("h2", "/?n=300"), 0); err != nil {
		return err
	}
	c.CloseIdleConnections()
	pause(ctx, 4*time.Second) // the first connection carries nothing that counts
	p.begins(ctx, r)
	defer r.over()
	return goAsk(ctx, c, p.url("h2", slow+"&n=3000"), 0)
}

// begins lets half of the runs begin while the hook looks, and the others before.
func (p peer) begins(ctx context.Context, r *running) {
	if p.run%2 == 0 {
		r.there()
		pause(ctx, 300*time.Millisecond)
	} else {
		go func() { pause(ctx, 500*time.Millisecond); r.there() }()
	}
}

// slowOver is one slow request on a connection of its own.
func slowOver(protocol string) func(context.Context, peer) error {
	return func(ctx context.Context, p peer) error {
		ask, err := p.client(ctx, protocol)
		if err != nil {
			return err
		}
		return ask(ctx, slow, 0)
	}
}

// underWay asks before the hook begins.
func underWay(ask func(context.Context, peer) error) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		go func() { pause(ctx, 1500*time.Millisecond); r.there() }()
		defer r.over()
		return ask(ctx, p)
	}
}

// meanwhile asks when the hook's first step is under way.
func meanwhile(ask func(context.Context, peer) error) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		r.there()
		pause(ctx, 500*time.Millisecond)
		defer r.over()
		return ask(ctx, p)
	}
}

// slowLater is one slow request on a connection that has carried others, for the path quick, right after these. It is asked while the hook
// looks, or before the hook begins.
func slowLater(protocol, quick string, before bool) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		ask, err := p.client(ctx, protocol)
		if err != nil {
			return err
		}
		if !before {
			if err := ask(ctx, quick, 0); err != nil {
				return err
			}
			r.there()
			pause(ctx, time.Second)
		}
		for range 5 {
			if err := ask(ctx, quick, 0); err != nil {
				return err
			}
		}
		if before {
			go func() { pause(ctx, 500*time.Millisecond); r.there() }()
		}
		defer r.over()
		return ask(ctx, slow, 0)
	}
}

// slowAlone is one slow request on a connection that has carried others, and has been idle while the hook looks.
func slowAlone(protocol string) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		ask, err := p.client(ctx, protocol)
		if err != nil {
			return err
		}
		for range 3 {
			if err := ask(ctx, "/?n=300", 0); err != nil {
				return err
			}
		}
		r.there()
		pause(ctx, 2*time.Second)
		defer r.over()
		return ask(ctx, slow, 0)
	}
}

// inPieces is a POST on a connection of its own, whose body comes slowly.
func inPieces(protocol string, size int) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		const pieces = 3
		body, in := io.Pipe()
		p.begins(ctx, r)
		go func() {
			for range pieces {
				pause(ctx, 5*time.Second)
				in.Write(make([]byte, size))
			}
			in.Close()
		}()
		q, err := http.NewRequestWithContext(ctx, "POST", p.url(protocol, "/?ms=18000"), body)
		if err != nil {
			return err
		}
		q.ContentLength = int64(size * pieces)
		defer r.over()
		return goDo(p.goClient(protocol), q)
	}
}

// inTwoSegments is a POST whose header and body are written one after the other, as by Python's clients. Then the connection is kept.
func inTwoSegments(ctx context.Context, p peer, r *running) error {
	c, err := p.lab.client.dial(p.address(), p.port)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { c.Close() })
	p.begins(ctx, r)
	for _, text := range []string{"POST /?n=300 HTTP/1.1\r\nHost: lab\r\nContent-Length: 300\r\n\r\n", strings.Repeat("x", 300)} {
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	r.over()
	return err
}

// halfClosed is a quick request, and then a slow one after which the client says that it will send no more.
func halfClosed(ctx context.Context, p peer, r *running) error {
	c, err := p.lab.client.dial(p.address(), p.port)
	if err != nil {
		return err
	}
	defer c.Close()
	if p.run%2 == 0 {
		r.there()
		pause(ctx, 300*time.Millisecond)
	}
	in := bufio.NewReader(c)
	for _, path := range []string{"/?n=300", slow} {
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: lab\r\n\r\n", path); err != nil {
			return err
		}
		if path == slow {
			go func() {
				pause(ctx, 100*time.Millisecond)
				c.(*net.TCPConn).CloseWrite()
				pause(ctx, 400*time.Millisecond)
				r.there()
			}()
		}
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return err
		}
	}
	r.over()
	return nil
}

// keptOut are requests of eleven clients that connect at the same time, while the app is at work for another. A client that never connects
// has not asked. A client whom the kernel forgets while the app's queue is full asks again: its connection is reset when it sends, and the
// app never hears of it.
func keptOut(ctx context.Context, p peer, r *running) error {
	r.there()
	const clients = 12
	ask := func(path string) error {
		for {
			c, err := p.lab.client.dial(p.address(), p.port)
			if err != nil {
				return nil
			}
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: lab\r\n\r\n", path)
			if _, err = io.ReadAll(c); err == nil {
				r.over()
			}
			c.Close()
			if !errors.Is(err, syscall.ECONNRESET) {
				return err
			}
		}
	}
	answered := make(chan error, clients)
	for n := range clients {
		path := "/"
		if n == 0 {
			path = "/?ms=8000"
		}
		go func() { answered <- ask(path) }()
		if n == 0 {
			pause(ctx, 500*time.Millisecond)
		}
	}
	var err error
	for range clients {
		err = cmp.Or(err, <-answered)
	}
	return err
}

// longBefore is a request of 30 s on a connection of its own, 18 s before the hook begins.
func longBefore(protocol string) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		ask, err := p.client(ctx, protocol)
		if err != nil {
			return err
		}
		go func() { pause(ctx, 18*time.Second); r.there() }()
		defer r.over()
		return ask(ctx, "/?ms=30000", 0)
	}
}

// then is some requests one after the other, and then a connection that is kept.
func then(protocol string, paths ...string) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		ask, err := p.client(ctx, protocol)
		if err != nil {
			return err
		}
		if p.run%2 == 0 && p.program != "java" && p.program != "node" { // whose first request may take as long as a hook
			r.there()
		}
		for n, path := range paths {
			if n > 0 {
				pause(ctx, 50*time.Millisecond)
			}
			if err := ask(ctx, path, 0); err != nil {
				return err
			}
			r.over()
		}
		r.there()
		return nil
	}
}

// readSlowly is an answer of 3 MB that its client reads in pieces, with pauses in which nothing goes.
func readSlowly(ctx context.Context, p peer, r *running) error {
	c, err := p.lab.client.dial(p.address(), p.port)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil { // or the client's kernel takes the whole answer
		return err
	}
	p.begins(ctx, r)
	if _, err := io.WriteString(c, "GET /?n=3000000 HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	for range 3 {
		pause(ctx, 6*time.Second)
		if _, err := io.CopyN(io.Discard, c, 900000); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, c)
	r.over()
	return err
}

// closing is about kept connections, each with some answered requests. Go's client closes them one after the other.
func closing(protocol string) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		var all []func()
		for range 30 {
			c := p.goClient(protocol)
			for range 6 {
				if err := goAsk(ctx, c, p.url(protocol, "/?n=300"), 0); err != nil {
					return err
				}
			}
			all = append(all, c.CloseIdleConnections)
		}
		r.over()
		pause(ctx, 600*time.Millisecond)
		r.there()
		for _, end := range all {
			pause(ctx, 500*time.Millisecond)
			end()
		}
		<-ctx.Done()
		return nil
	}
}

// closedSoon are requests for a while, each on a connection of its own, which is closed half a second after the answer.
func closedSoon(protocol string) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		r.there()
		for range 10 {
			c := p.goClient(protocol)
			if err := goAsk(ctx, c, p.url(protocol, "/?n=300"), 0); err != nil {
				return err
			}
			r.over()
			pause(ctx, 500*time.Millisecond)
			c.CloseIdleConnections()
			pause(ctx, 700*time.Millisecond)
		}
		return nil
	}
}

// lines are small requests for a while, two on each connection. Then the connection ends.
func lines(ctx context.Context, p peer, r *running) error {
	r.there()
	for end := time.Now().Add(12 * time.Second); time.Now().Before(end); pause(ctx, 300*time.Millisecond) {
		c, err := p.lab.client.dial(p.address(), p.port)
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			for n := range 2 {
				if n > 0 {
					pause(ctx, 400*time.Millisecond)
				}
				io.WriteString(c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")
				if _, err := c.Read(make([]byte, 100)); err != nil {
					return
				}
				r.over()
			}
		}()
	}
	pause(ctx, 500*time.Millisecond)
	return nil
}

// work is what a worker waits for, in a list of Redis: one piece right after the other.
func work(ctx context.Context, p peer, r *running) error {
	c, err := p.lab.client.dial(p.address(), p.port)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	ask := func(command string, lines int) error {
		_, err := io.WriteString(c, command)
		for range lines {
			if err == nil {
				_, err = in.ReadString('\n')
			}
		}
		return err
	}
	if err := ask("ECHO "+strings.Repeat("x", 300)+"\r\n", 2); err != nil {
		return err
	}
	r.there()
	pause(ctx, time.Second)
	for _, piece := range []struct {
		after time.Duration
		text  string
	}{{10 * time.Second, "job"}, {14 * time.Second, strings.Repeat("x", 300)}} {
		time.AfterFunc(piece.after, func() { p.give(piece.text) })
		if err := ask("BLPOP "+p.address()+" 60\r\n", 5); err != nil {
			return err
		}
	}
	r.over()
	return nil
}

// give adds to what a worker waits for.
func (p peer) give(piece string) {
	c, err := p.lab.server.dial(serverAddress, p.port)
	if err != nil {
		return
	}
	defer c.Close()
	fmt.Fprintf(c, "RPUSH %s %s\r\n", p.address(), piece)
	c.Read(make([]byte, 100))
}

// datagrams are some datagrams to a port, for a while.
func datagrams(ctx context.Context, p peer, r *running) error {
	r.there()
	for range 12 {
		if err := p.lab.datagram(p); err != nil {
			return err
		}
		r.over()
		pause(ctx, time.Second)
	}
	return nil
}

// beats is a connection on which only heartbeats go.
func beats(protocol, path string) func(context.Context, peer, *running) error {
	return func(ctx context.Context, p peer, r *running) error {
		go func() { pause(ctx, 8*time.Second); r.there() }()
		err := goAsk(ctx, p.goClient(protocol), p.url(protocol, path), 0)
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
}

func rows() (all []row) {
	add := func(r row) { all = append(all, r) }
	each := func(r row, servers ...string) {
		for _, s := range servers {
			r.server, r.client, _ = strings.Cut(s, " by ")
			if r.client == "" {
				r.client = "go"
			}
			all = append(all, r)
		}
	}
	http1 := []string{"go http", "nginx http", "haproxy http", "caddy http", "node http", "python http", "hypercorn http", "puma http"}
	tls12 := []string{"go tls12", "nginx tls12", "haproxy tls12", "node tls12", "python tls12"}
	tls13 := []string{"go tls13", "go tls13 ecdsa", "nginx tls13", "haproxy tls13", "node tls13", "python tls13", "puma tls13"}
	h2 := []string{"go h2", "nginx h2", "haproxy h2", "caddy h2", "node h2", "hypercorn h2"}
	h2c := []string{"go h2c", "nginx h2c", "haproxy h2c", "caddy h2c", "node h2c", "hypercorn h2c"}
	others := func(of []string, clients ...string) (all []string) {
		for _, s := range of {
			for _, c := range clients {
				all = append(all, s+" by "+c)
			}
		}
		return all
	}
	first := "a request of 20 s, the first on its connection"
	each(row{pattern: first, protocol: "HTTP/1.1", traffic: slowFirst("http", slow, 0)}, http1...)
	each(row{pattern: "a request of 40 s, the first on its connection", protocol: "HTTP/1.1", traffic: slowFirst("http", "/?ms=40000", 0)}, "go http", "nginx http")
	each(row{pattern: first, protocol: "TLS 1.2", traffic: slowFirst("tls", slow, 0)}, tls12...)
	each(row{pattern: first, protocol: "TLS 1.3", traffic: slowFirst("tls", slow, 0)}, append(tls13, others(tls13, "node", "python")...)...)
	each(row{pattern: first, protocol: "TLS 1.3", traffic: slowFirst("tls", slow, 0)}, "nginx tls13 names", "nginx tls13 stapled", "nginx tls13 stapled by node", "nginx tls13 stapled by python")
	each(row{pattern: first, protocol: "HTTP/2 over TLS", traffic: slowFirst("h2", slow, 0)}, append(h2, others(h2, "node")...)...)
	each(row{pattern: first, protocol: "HTTP/2 without TLS", traffic: slowFirst("h2c", slow, 0)}, append(h2c, others(h2c, "node")...)...)
	each(row{pattern: "a request of 20 s, the first on its connection, in a resumed session", protocol: "HTTP/2 over TLS", traffic: slowResumed}, "go h2", "nginx h2", "haproxy h2", "node h2", "hypercorn h2")
	each(row{pattern: "a request of 20 s, the first on its connection, of a client with a certificate", protocol: "TLS 1.3", untold: doubt, traffic: slowFirst("tls", slow, 0)}, "go tls13 mutual")
	long := "a request of 30 s, the first on its connection, asked 18 s before the hook began"
	each(row{pattern: long, protocol: "TLS 1.3", traffic: longBefore("tls")}, "go tls13", "nginx tls13", "node tls13")
	each(row{pattern: long, protocol: "HTTP/2 over TLS", traffic: longBefore("h2")}, "go h2", "nginx h2")
	post := "a POST of 20 KB, alone on its connection, answered after 20 s"
	each(row{pattern: post, protocol: "HTTP/1.1", traffic: slowFirst("http", slow, 20000)}, http1...)
	each(row{pattern: post, protocol: "TLS 1.3", traffic: slowFirst("tls", slow, 20000)}, tls13...)
	each(row{pattern: post, protocol: "HTTP/2 over TLS", traffic: slowFirst("h2", slow, 20000)}, append(h2, others(h2, "node")...)...)
	each(row{pattern: post, protocol: "HTTP/2 without TLS", traffic: slowFirst("h2c", slow, 20000)}, append(h2c, others(h2c, "node")...)...)
	pieces := "a POST in three pieces of 100 bytes, one every 5 s, answered after 18 s"
	each(row{pattern: pieces, protocol: "HTTP/1.1", traffic: inPieces("http", 100)}, "go http", "nginx http", "node http")
	each(row{pattern: pieces, protocol: "TLS 1.3", traffic: inPieces("tls", 100)}, "go tls13", "nginx tls13", "node tls13")
	each(row{pattern: pieces, protocol: "HTTP/2 over TLS", traffic: inPieces("h2", 100)}, "go h2", "nginx h2", "haproxy h2", "caddy h2", "node h2")
	each(row{pattern: pieces, protocol: "HTTP/2 without TLS", word: drain.HTTP2, traffic: inPieces("h2c", 100)}, "go h2c", "nginx h2c", "caddy h2c", "node h2c")
	large := strings.ReplaceAll(pieces, "100 bytes", "64 KB")
	each(row{pattern: large, protocol: "HTTP/2 over TLS", traffic: inPieces("h2", 64<<10)}, "go h2", "nginx h2", "haproxy h2", "caddy h2", "node h2")
	each(row{pattern: large, protocol: "HTTP/2 without TLS", word: drain.HTTP2, traffic: inPieces("h2c", 64<<10)}, "go h2c", "nginx h2c", "caddy h2c", "node h2c")
	add(row{pattern: "a first request of 20 s that asks for HTTP/2 by an upgrade", protocol: "HTTP/1.1", server: "hypercorn h2c", client: "curl", untold: doubt, traffic: slowFirst("upgrade", slow, 0)})
	add(row{pattern: "a first request of 20 s that asks for HTTP/2 by an upgrade", protocol: "HTTP/1.1", server: "caddy h2c", client: "curl", untold: doubt, traffic: slowFirst("upgrade", slow, 0)})
	add(row{pattern: "a request of 20 s, right after another, of a client that will send no more", protocol: "HTTP/1.1", server: "haproxy http", client: "go", untold: doubt, traffic: halfClosed})
	later := row{pattern: "a request of 20 s, right after others on its connection, while the hook looks"}
	before := row{pattern: "the same, asked before the hook began", untold: doubt}
	for n, of := range []struct {
		protocol, spoken string
		servers          []string
	}{{"HTTP/1.1", "http", http1}, {"TLS 1.3", "tls", tls13}, {"HTTP/2 over TLS", "h2", h2}, {"HTTP/2 without TLS", "h2c", h2c}} {
		later.protocol, later.traffic = of.protocol, slowLater(of.spoken, "/?n=300", false)
		each(later, of.servers...)
		if n < 2 {
			before.protocol, before.traffic = of.protocol, slowLater(of.spoken, "/?n=300", true)
			each(before, of.servers...)
		}
	}
	alone := "a request of 20 s, alone on a connection that has been used, while the hook looks"
	each(row{pattern: alone, protocol: "HTTP/2 over TLS", traffic: slowAlone("h2")}, "go h2", "nginx h2", "haproxy h2")
	each(row{pattern: alone, protocol: "HTTP/2 without TLS", word: drain.HTTP2, traffic: slowAlone("h2c")}, "go h2c", "nginx h2c", "haproxy h2c")
	// HAProxy lets its answer acknowledge the first segment. The one acknowledgement that the kernel counts is then that of the request that waits.
	each(row{pattern: "a request of 20 s, right after answers of 3 KB, asked before the hook began", protocol: "HTTP/1.1", untold: doubt, traffic: slowLater("http", "/?n=3000", true)}, http1...)
	idle := "answered requests, then idle"
	several := []string{"/?n=300", "/?n=300", "/?n=2000", "/?n=300", "/?n=300", "/?n=300"}
	each(row{pattern: idle, protocol: "HTTP/1.1", latest: 15 * time.Second, traffic: then("http", several...)}, http1...)
	each(row{pattern: idle, protocol: "TLS 1.3", latest: 15 * time.Second, traffic: then("tls", several...)}, tls13...)
	each(row{pattern: idle, protocol: "HTTP/2 over TLS", latest: 15 * time.Second, traffic: then("h2", several...)}, h2...)
	each(row{pattern: idle, protocol: "HTTP/2 without TLS", latest: 15 * time.Second, traffic: then("h2c", several...)}, h2c...)
	one := "one answered request, then idle"
	each(row{pattern: one, protocol: "HTTP/1.1", traffic: then("http", "/?n=300")}, http1...)
	each(row{pattern: one, protocol: "TLS 1.3", latest: 15 * time.Second, traffic: then("tls", "/?n=300")}, append(tls13, others(tls13, "python")...)...)
	each(row{pattern: one, protocol: "HTTP/2 over TLS", latest: 15 * time.Second, traffic: then("h2", "/?n=300")}, h2...)
	each(row{pattern: one, protocol: "HTTP/2 without TLS", word: drain.HTTP2, latest: 15 * time.Second, traffic: then("h2c", "/?n=300")}, h2c...)
	other := []string{"go h2", "nginx h2", "caddy h2", "node h2"}
	each(row{pattern: "a request of 20 s by HTTP/1.1, where HTTP/2 would be spoken, the first on its connection", protocol: "TLS 1.3", traffic: slowFirst("tls", slow, 0)}, append(other, others(other, "python")...)...)
	each(row{pattern: "answered requests of HTTP/1.1, where HTTP/2 would be spoken, then idle", protocol: "TLS 1.3", latest: 15 * time.Second, traffic: then("tls", "/?n=300", "/?n=300", "/?n=300")}, append(other, others(other, "python")...)...)
	each(row{pattern: "one answered request of HTTP/1.1, where HTTP/2 would be spoken, then idle", protocol: "TLS 1.3", latest: 15 * time.Second, traffic: then("tls", "/?n=300")}, append(other, others(other, "python")...)...)
	each(row{pattern: "one answered POST in two segments, then idle", protocol: "HTTP/1.1", latest: 15 * time.Second, traffic: inTwoSegments}, "go http", "nginx http", "haproxy http", "caddy http", "node http", "puma http")
	down := "a download of 1 MB, then idle"
	each(row{pattern: down, protocol: "TLS 1.3", traffic: then("tls", "/?n=1000000")}, slices.Concat(tls13, others(tls13, "node"), others([]string{"go tls13", "nginx tls13"}, "java"))...)
	each(row{pattern: down, protocol: "HTTP/2 over TLS", latest: 15 * time.Second, traffic: then("h2", "/?n=1000000")}, slices.Concat(h2, others(h2, "node"), others([]string{"go h2", "nginx h2", "node h2"}, "java"))...)
	each(row{pattern: "a download of 3 MB that its client reads in three pieces, one every 6 s", protocol: "HTTP/1.1", traffic: readSlowly}, "go http", "nginx http")
	oneByOne := "kept connections that are closed one after the other"
	each(row{pattern: oneByOne, protocol: "HTTP/1.1", endless: true, traffic: closing("http")}, http1...)
	// What the port speaks is known a second or two after the hook began.
	each(row{pattern: oneByOne, protocol: "TLS 1.3", endless: true, latest: 2 * time.Second, traffic: closing("tls")}, tls13...)
	each(row{pattern: oneByOne, protocol: "HTTP/2 over TLS", endless: true, latest: 15 * time.Second, traffic: closing("h2")}, h2...)
	soon := "requests for a while, each on a connection that is closed half a second after the answer, `for=6s`"
	each(row{pattern: soon, protocol: "TLS 1.3", quietFor: 6 * time.Second, traffic: closedSoon("tls")}, "go tls13", "nginx tls13", "node tls13")
	each(row{pattern: soon, protocol: "HTTP/2 over TLS", quietFor: 6 * time.Second, traffic: closedSoon("h2")}, "go h2")
	add(row{pattern: "small requests on connections that end then", protocol: "line protocol", server: "line", client: "go", traffic: lines})
	add(row{pattern: "a worker's small request of 14 s, right after one of 10 s with a small answer", protocol: "Redis", server: "redis", client: "go", traffic: work})
	add(row{pattern: "requests of clients that could not connect, while the app was at work for another for 8 s", protocol: "HTTP/1.1", server: "go one by one", client: "go", apart: true,
		latest: doubt, traffic: keptOut})
	halt := "an answer that pauses for 5 s, `for=6s`"
	each(row{pattern: halt, protocol: "HTTP/1.1", quietFor: 6 * time.Second, traffic: slowFirst("http", "/?head=1&ms=5000", 0)}, "go http", "nginx http", "node http", "hypercorn http")
	each(row{pattern: halt, protocol: "TLS 1.3", quietFor: 6 * time.Second, latest: 15 * time.Second, traffic: slowFirst("tls", "/?head=1&ms=5000", 0)}, "go tls13", "nginx tls13", "node tls13")
	call := "a call of 20 s"
	each(row{pattern: call, protocol: "gRPC", traffic: slowCall(false)}, "grpc plain")
	each(row{pattern: call, protocol: "gRPC over TLS", traffic: slowCall(true)}, "grpc tls")
	called := row{pattern: "the same, right after others, asked before the hook began", untold: doubt, server: "grpc plain", client: "go", protocol: "gRPC", traffic: calledBefore(false)}
	add(called)
	called.server, called.protocol, called.traffic, called.untold = "grpc tls", "gRPC over TLS", calledBefore(true), pingDoubt
	add(called)
	streams := "a call of three messages of 300 KB, one every 6 s, answered after 18 s"
	add(row{pattern: streams, protocol: "gRPC", server: "grpc streams", client: "go", traffic: clientStream(false)})
	add(row{pattern: streams, protocol: "gRPC over TLS", server: "grpc streams tls", client: "go", traffic: clientStream(true)})
	old := "a call of 20 s, of a server that gives up connections after 5 s"
	add(row{pattern: old, protocol: "gRPC", server: "grpc aged", client: "go", traffic: slowCall(false)})
	add(row{pattern: old, protocol: "gRPC over TLS", server: "grpc aged tls", client: "go", traffic: slowCall(true)})
	stops := "a call of 20 s, of an app that stops listening after 5 s"
	add(row{pattern: stops, protocol: "gRPC", server: "grpc stopping", stops: true, client: "go", traffic: slowCall(false)})
	add(row{pattern: "a request of 20 s to an app that stops listening after 5 s", protocol: "HTTP/1.1", server: "go stopping", stops: true, client: "go", traffic: slowFirst("http", slow, 0)})
	// The app is told by a step before until quiet, and has stopped listening when that step looks.
	told := row{pattern: "a request of 20 s, under way when the hook begins; a step before tells the app to stop", client: "go", stops: true, before: stopAfter + time.Second}
	came := row{pattern: "the same, asked while that step runs", client: "go", stops: true, before: told.before}
	for _, of := range []struct {
		protocol, server string
		untold           time.Duration
		ask              func(context.Context, peer) error
	}{
		{"gRPC", "grpc stopping", doubt, slowCallOver(false)}, {"gRPC over TLS", "grpc stopping tls", pingDoubt, slowCallOver(true)},
		{"HTTP/1.1", "go stopping", 0, slowOver("http")}, {"TLS 1.3", "go stopping tls13", doubt, slowOver("tls")}, {"HTTP/2 over TLS", "go stopping h2", pingDoubt, slowOver("h2")},
	} {
		told.protocol, told.server, told.traffic = of.protocol, of.server, underWay(of.ask)
		add(told)
		came.untold = of.untold
		came.protocol, came.server, came.traffic = of.protocol, of.server, meanwhile(of.ask)
		add(came)
	}
	for _, kind := range []struct {
		pattern string
		held
	}{
		{"%s that have been used, with their clients' pings every 10 s", held{}}, {"the same, pinged just before the hook began", held{just: true}},
		{"%s that have been used, with the server's pings every 10 s", held{byServer: true}}, {"the same, pinged just before the hook began", held{byServer: true, just: true}},
	} {
		named := func(what string) string { return strings.ReplaceAll(kind.pattern, "%s", what) }
		by := ""
		if kind.byServer {
			by = " pinging"
		}
		plain, secure := kind.held, kind.held
		secure.secure = true
		idle := row{pattern: named("15 channels"), endless: true, min: defaultMin, latest: rowFor}
		idle.protocol, idle.word, idle.traffic = "gRPC", drain.HTTP2, plain.channels()
		each(idle, "grpc"+by+" plain")
		idle.protocol, idle.word, idle.traffic = "gRPC over TLS", "", secure.channels()
		each(idle, "grpc"+by+" tls")
		idle.pattern, idle.word = named("15 WebSockets"), drain.WebSocket
		idle.protocol, idle.traffic = "WebSocket", plain.webSockets()
		each(idle, "websocket"+by)
		idle.protocol, idle.traffic = "WebSocket over TLS", secure.webSockets()
		each(idle, "websocket"+by+" tls")
	}
	add(row{pattern: "15 channels that were never used, with their clients' pings every 10 s", protocol: "gRPC", word: drain.HTTP2, server: "grpc plain", client: "go",
		endless: true, min: defaultMin, latest: rowFor, traffic: held{unused: true}.channels()})
	heart := "an event stream with nothing but heartbeats every 10 s"
	each(row{pattern: heart, protocol: "SSE", word: drain.SSE, endless: true, traffic: beats("http", "/?beat=10000")}, "go http", "node http", "nginx http")
	each(row{pattern: heart, protocol: "SSE over TLS", word: drain.SSE, endless: true, min: defaultMin, latest: rowFor, traffic: beats("tls", "/?beat=10000")}, "go tls13", "node tls13")
	each(row{pattern: "the same every 2 s, without the word", protocol: "SSE", endless: true, latest: holding, traffic: beats("http", "/?beat=2000")}, "go http", "node http")
	add(row{pattern: "datagrams, `/udp`", protocol: "UDP", server: "udp", client: "go", udp: true, traffic: datagrams})
	add(row{pattern: "requests of HTTP/3, `/udp`", protocol: "HTTP/3", server: "quic", client: "go", udp: true, latest: 5 * time.Second, traffic: http3Requests})
	return all
}
