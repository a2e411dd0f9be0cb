package shutdown

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/testpipe"
	"github.com/prestop/prestop/internal/web"
)

var quietLog = slog.New(slog.DiscardHandler)

// The user in a URL counts for where a redirect or a job leads at the same place, relative or absolute.
func TestUserOfTheURLGoesAlong(t *testing.T) {
	for _, status := range []int{202, 307} {
		for _, absolute := range []bool{false, true} {
			var got []string
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, pw, _ := r.BasicAuth()
				got = append(got, r.Method+" "+r.URL.Path+" "+pw)
				if pw != "pw" {
					w.WriteHeader(401)
					return
				}
				if r.URL.Path == "/drain" {
					to := "/job"
					if absolute {
						to = "http://" + r.Host + to
					}
					w.Header().Set("Location", to)
					w.WriteHeader(status)
				}
			}))
			c := &Call{Client: web.New(new(net.Dialer).DialContext, web.TLS{}, nil), Request: web.Request{Method: "POST", URL: strings.Replace(srv.URL, "://", "://u:pw@", 1) + "/drain"}}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			err := c.Run(ctx, quietLog)
			cancel()
			if err != nil {
				t.Errorf("%d absolute=%v: %v; asked %q", status, absolute, err, got)
			}
			srv.Close()
		}
	}
}

// A job is asked for until just before the end, however long the pauses have become.
func TestTheLastTryIsNearTheEnd(t *testing.T) {
	lost := 0
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			srv := testpipe.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if time.Since(begun) < 8*time.Second {
					w.Header().Set("Location", "/job")
					w.WriteHeader(202)
				}
			}))
			cl := web.New(srv.Dial, web.TLS{}, nil)
			defer cl.Close()
			c := &Call{Client: cl, Request: web.Request{Method: "POST", URL: "http://app.test/drain"}}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := c.Run(ctx, quietLog)
			if err != nil {
				lost++
			}
		})
	}
	if lost > 0 {
		t.Errorf("%d of 20 jobs that were done after 8 s were given up before 10 s", lost)
	}
}

// Each try tells the app how much time remains then.
func TestEachTryTellsWhatRemains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var body string
		srv := testpipe.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			body = string(b)
			if time.Since(begun) < 15*time.Second {
				w.WriteHeader(503)
			}
		}))
		cl := web.New(srv.Dial, web.TLS{}, nil)
		defer cl.Close()
		a := &App{Call: Call{Client: cl, Request: web.Request{URL: "http://app.test/drain"}}, End: begun.Add(50 * time.Second)}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		if err := a.Run(ctx, quietLog); err != nil || !strings.Contains(body, fmt.Sprintf(`"remainingSeconds":%d`, int((50*time.Second-time.Since(begun)).Seconds()))) {
			t.Errorf("%v: the app was told %s, and %s are left", err, body, 50*time.Second-time.Since(begun))
		}
	})
}

// A redirect whose status is expected is the answer.
func TestExpectedRedirectIsTheAnswer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/a" {
			http.Redirect(w, r, "/b", http.StatusFound)
		}
	}))
	defer srv.Close()
	c := &Call{Client: web.New(new(net.Dialer).DialContext, web.TLS{}, nil), Request: web.Request{Method: "GET", URL: srv.URL + "/a"}, Expect: web.Statuses{"302"}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := c.Run(ctx, quietLog); err != nil {
		t.Error(err)
	}
}
