package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// A client certificate is read as any other file is: a device has no end.
func TestClientCertificateIsAFile(t *testing.T) {
	t.Parallel()
	done := make(chan error, 1)
	go func() {
		_, err := TLS{CertFile: "/dev/null", KeyFile: "/dev/null"}.Config()
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "found a device") {
			t.Errorf("%v, want an error about a device", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it is read on and on")
	}
}

// What net/http says of a server that speaks first is a formatting mistake.
func TestServerThatSpeaksFirst(t *testing.T) {
	t.Parallel()
	c := New(func(context.Context, string, string) (net.Conn, error) {
		return nil, fmt.Errorf("readLoopPeekFailLocked: %%!w(%v)", "<nil>")
	}, TLS{}, nil)
	_, err := c.Send(t.Context(), Request{Method: "GET", URL: "http://a/"})
	if err == nil || strings.Contains(err.Error(), "%!") || errors.Unwrap(err) == nil {
		t.Errorf("%v", err)
	}
}

func TestSocketsSchemeInAnyCase(t *testing.T) {
	t.Parallel()
	if u, err := ParseURL("HTTP+Unix:/run/a.sock:/x"); err != nil || u.Scheme != Unix || u.Host != "/run/a.sock" {
		t.Errorf("%v, %v", u, err)
	}
}
