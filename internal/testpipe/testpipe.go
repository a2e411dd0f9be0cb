// Package testpipe gives tests an HTTP server in memory. Its connections are pipes, so a bubble of synctest can
// hold both ends. It knows no addresses: a test that needs several addresses has a server for each.
package testpipe

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
)

// A Server answers whoever dials, until it is closed.
type Server struct {
	http  *http.Server
	conns *listener
}

// Serve starts a server, which ends with the test at the latest.
func Serve(t testing.TB, h http.Handler) *Server {
	s := &Server{
		http:  &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)},
		conns: &listener{made: make(chan net.Conn), closed: make(chan struct{})},
	}
	go s.http.Serve(s.conns)
	t.Cleanup(s.Close)
	return s
}

// Close ends all connections. New connections are refused from then on.
func (s *Server) Close() { s.http.Close() }

// Dial connects to the server, whatever the address. A closed server refuses with ECONNREFUSED.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case s.conns.made <- there:
		return here, nil
	case <-s.conns.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listener is where the server takes its connections from.
type listener struct {
	made   chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.made:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }
