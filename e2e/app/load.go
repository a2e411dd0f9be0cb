package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// A tally is what clients have seen.
type tally struct {
	OK       int
	Failed   int
	Failures map[string]int // by what was wrong
	Pods     map[string]int // that answered
	First    time.Time      // failure
	Last     time.Time
}

// A client asks the same thing again and again, over plain connections. Go's HTTP client would try again by itself what failed on an old
// connection, and so hide the failure.
type client struct {
	url       *url.URL
	keepAlive bool
	pause     time.Duration
	conn      net.Conn
	answers   *bufio.Reader
	note      func(pod string, err error)
}

// load runs until it is asked for its result on port 8081: GET /tally, or POST /end, after which the clients stop.
func load(args []string) error {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	clients := f.Int("clients", 8, "at the same time")
	keepAlive := f.Bool("keep-alive", false, "keep connections until the server ends them")
	pause := f.Duration("pause", 20*time.Millisecond, "of a client between two requests")
	if err := f.Parse(args); err != nil {
		return err
	}
	target, err := url.Parse(f.Arg(0))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	seen := tally{Failures: map[string]int{}, Pods: map[string]int{}}
	note := func(pod string, err error) {
		mu.Lock()
		defer mu.Unlock()
		seen.add(pod, err)
	}
	go func() { <-told(); os.Exit(0) }()
	(&client{url: target, pause: *pause}).reach()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range *clients {
		c := &client{url: target, keepAlive: *keepAlive, pause: *pause, note: note}
		wg.Go(func() { c.run(stop) })
	}
	end := sync.OnceFunc(func() { close(stop); wg.Wait() })
	m := http.NewServeMux()
	tell := func(w http.ResponseWriter) {
		mu.Lock()
		defer mu.Unlock()
		json.NewEncoder(w).Encode(seen)
	}
	m.HandleFunc("GET /tally", func(w http.ResponseWriter, _ *http.Request) { tell(w) })
	m.HandleFunc("POST /end", func(w http.ResponseWriter, _ *http.Request) { end(); tell(w) })
	return http.ListenAndServe(":8081", m)
}

func (t *tally) add(pod string, err error) {
	if err == nil {
		t.OK++
		t.Pods[pod]++
		return
	}
	t.Failed++
	t.Failures[err.Error()]++
	t.Last = time.Now()
	if t.First.IsZero() {
		t.First = t.Last
	}
	fmt.Println("load:", err)
}

// reach returns when the target answers: a Service that is new is not known everywhere at once.
func (c *client) reach() {
	for answered := 0; answered < 20; answered++ {
		if _, err := c.ask(); err != nil {
			answered = -1
		}
		c.hangUp()
		<-time.After(c.pause)
	}
}

func (c *client) run(stop <-chan struct{}) {
	for {
		pod, err := c.ask()
		if err != nil || !c.keepAlive {
			c.hangUp()
		}
		c.note(pod, err)
		select {
		case <-stop:
			return
		case <-time.After(c.pause):
		}
	}
}

// ask is one request, and its answer.
func (c *client) ask() (string, error) {
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", c.url.Host, 5*time.Second)
		if err != nil {
			return "", fmt.Errorf("connect: %s", cause(err))
		}
		c.conn, c.answers = conn, bufio.NewReader(conn)
	}
	c.conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", c.url.RequestURI(), c.url.Host); err != nil {
		return "", fmt.Errorf("send: %s", cause(err))
	}
	answer, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return "", fmt.Errorf("answer: %s", cause(err))
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", fmt.Errorf("body: %s", cause(err))
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("answer: %s", answer.Status)
	}
	if answer.Close {
		c.hangUp()
	}
	return strings.TrimSpace(string(body)), nil
}

func (c *client) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// cause leaves addresses out, so that failures of a kind can be counted.
func cause(err error) string {
	text := err.Error()
	return strings.TrimSpace(text[strings.LastIndex(text, ":")+1:])
}
