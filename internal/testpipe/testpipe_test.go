package testpipe

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A request after the server's end is refused, also one that is under way in another goroutine just then.
func TestClosed(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			s := Serve(t, http.NotFoundHandler())
			c := http.Client{Transport: &http.Transport{DialContext: s.Dial}}
			defer c.CloseIdleConnections()
			answer, err := c.Get("http://app/")
			if err != nil {
				t.Fatal(err)
			}
			if answer.Body.Close(); answer.StatusCode != http.StatusNotFound {
				t.Error(answer.Status)
			}
			go s.Close()
			for range 2 {
				if c, err := s.Dial(t.Context(), "tcp", "app:80"); err == nil {
					c.Close()
				}
			}
			synctest.Wait()
			if _, err := s.Dial(t.Context(), "tcp", "app:80"); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Error(err)
			}
		})
	}
}

// Whoever dials waits no longer than the context allows, where the server does not accept.
func TestDialIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{conns: &listener{}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Dial(ctx, "tcp", "app:80"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
