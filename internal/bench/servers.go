package main

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prestop/prestop/internal/fakees"
)

const (
	podName = "es-0"
	user    = "prestop"
)

// A surroundings is what a pod finds: an app without TLS, and a node of a fake Elasticsearch with it.
// Each run has surroundings of its own.
type surroundings struct {
	appURL, elasticsearchURL string
	cluster                  *fakees.Cluster

	firstByte atomic.Pointer[time.Time] // when a server read the first byte
	sent      atomic.Int64              // bytes, by the node

	mu      sync.Mutex
	calls   []string
	asked   int64 // bytes sent before our own node was asked for; -1: nobody is asking for it
	finding int64 // bytes of the answers to these questions

	servers []*http.Server
}

// A place says how Elasticsearch is.
type place struct {
	nodes   int
	service bool // our own node cannot be reached, and another node answers
	hangs   bool // neither the app nor Elasticsearch answers
}

// surround starts the servers; close ends them.
func surround(certificate tls.Certificate, at place) (*surroundings, error) {
	s := &surroundings{cluster: newCluster(at), asked: -1}
	s.cluster.OnRequest(s.called)
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.note(r.Method + " app " + r.URL.Path)
		if at.hangs {
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // a client that closes a connection may still read an answer
		}
		w.WriteHeader(http.StatusNoContent)
	})
	address, node := "127.0.0.1:0", s.cluster.NodeHandler(podName)
	if at.service {
		address, node = "127.0.0.2:0", s.cluster.ServiceHandler("es-1")
	}
	var err error
	if s.appURL, err = s.serve("127.0.0.1:0", app, nil); err == nil {
		s.elasticsearchURL, err = s.serve(address, node, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.appURL += "/shutdown"
	return s, nil
}

// newCluster is a cluster that is ready for the node's end at the second look.
func newCluster(at place) *fakees.Cluster {
	c := fakees.New("9.4.0")
	c.Auth(user, password)
	c.AddNode(fakees.Node{Name: podName})
	for range at.nodes - 1 {
		c.AddNode(fakees.Node{})
	}
	c.Script("", fakees.Phase{Polls: 1, TasksRemaining: 1})
	if at.hangs {
		c.Fail(fakees.Fault{Effect: fakees.Hang()})
	}
	return c
}

func (s *surroundings) serve(address string, h http.Handler, secure *tls.Config) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	url := "http://" + listener.Addr().String()
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	s.servers = append(s.servers, server)
	listener = &watched{listener, s, secure != nil}
	if secure != nil {
		url = "https" + strings.TrimPrefix(url, "http")
		listener = tls.NewListener(listener, secure)
	}
	go func() { _ = server.Serve(listener) }() // until close
	return url, nil
}

func (s *surroundings) close() {
	s.cluster.Close()
	for _, server := range s.servers {
		_ = server.Close()
	}
}

// called notes a call. It leaves out what differs between hooks that do the same: how long a server without a
// master may take.
func (s *surroundings) called(r fakees.Request) {
	query := strings.ReplaceAll(r.Query, "%2A", "*")
	query = strings.ReplaceAll(query, "%2C", ",")
	if strings.HasPrefix(query, "master_timeout=") {
		query = "master_timeout"
	}
	s.note(r.Method + " " + r.Path + " " + query)
	s.count(strings.HasSuffix(r.Path, "/http") || strings.HasPrefix(r.Path, catNodes))
}

func (s *surroundings) note(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

func (s *surroundings) made() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// count is called when a question has come in. What was sent since the question before is the answer to that question.
func (s *surroundings) count(finds bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent.Load()
	if s.asked >= 0 {
		s.finding += sent - s.asked
	}
	s.asked = -1
	if finds {
		s.asked = sent
	}
}

// found is how many bytes a hook had to read to find its node.
func (s *surroundings) found() int64 {
	s.count(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finding
}

// watched is a listener that notes when the first byte comes in on any of its connections, with or without TLS. The node's listener
// also adds up what goes out.
type watched struct {
	net.Listener
	s    *surroundings
	node bool
}

func (w *watched) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	return &watchedConn{c, w}, err
}

type watchedConn struct {
	net.Conn
	w *watched
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if now := time.Now(); n > 0 {
		c.w.s.firstByte.CompareAndSwap(nil, &now)
	}
	return n, err
}

// Write counts before it writes. So whatever has been read is already counted.
func (c *watchedConn) Write(b []byte) (int, error) {
	if c.w.node {
		c.w.s.sent.Add(int64(len(b)))
	}
	return c.Conn.Write(b)
}
