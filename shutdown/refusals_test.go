package shutdown

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/prestop/prestop/internal/web"
)

type noWrite struct {
	net.Conn
	broken bool
}

func (n *noWrite) Write(p []byte) (int, error) {
	if n.broken {
		return 0, errors.New("broken pipe")
	}
	return n.Conn.Write(p)
}

// A write that fails while the server has said something already is an error, and no panic.
func TestAlertOfAServerThatSpeaksFirst(t *testing.T) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	defer l.Close()
	go func() {
		c, _ := l.Accept()
		x := tls.Server(c, &tls.Config{Certificates: s.TLS.Certificates})
		x.Write([]byte("-ERR max number of clients reached\r\n"))
		io.Copy(io.Discard, c)
	}()
	raw, _ := net.Dial("tcp", l.Addr().String())
	n := &noWrite{Conn: raw}
	c := tls.Client(n, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	n.broken = true
	if _, err := (alerted{c}).Write([]byte("PING\r\n")); err == nil {
		t.Error("a write to a broken connection worked")
	}
}

// Another try logs in anew.
func TestEtcdOldRevisionIsNotFinal(t *testing.T) {
	err := readEtcd(web.Answer{Status: 400, Body: []byte(`{"code":3,"message":"etcdserver: revision of auth store is old"}`)}, &etcdAnswer{}, nil)
	if web.Final(err) {
		t.Errorf("final: %v", err)
	}
}
