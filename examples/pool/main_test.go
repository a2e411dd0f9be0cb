package main

import (
	"database/sql"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/testserver"
)

func TestTwoPhases(t *testing.T) {
	t.Parallel()
	s := startService(t)
	s.expect(t, "GET", "/query", 200, false)
	s.expect(t, "GET", "/ready", 200, false)
	s.expect(t, "GET", "/drain-connections", 404, false)
	if s.connections(t) == 0 {
		t.Fatal("the pool holds no connection, so that there is nothing to drain")
	}

	s.expect(t, "POST", "/shutdown", 204, false)
	s.expect(t, "POST", "/shutdown", 204, true) // a hook is delivered at least once
	s.expect(t, "GET", "/ready", 503, true)
	s.expect(t, "GET", "/query", 200, true)

	long := make(chan int, 1)
	go func() { long <- s.status("GET", "/query?seconds=1.5") }()
	testexpect.Soon(t, "the long query runs", func() bool { return s.running(t) > 0 })
	for range 2 {
		if got := s.expect(t, "POST", "/drain-connections", 202, true).Get("Location"); got != "/drain-connections" {
			t.Errorf("Location: %q", got)
		}
	}
	s.expect(t, "GET", "/drain-connections", 202, true)
	s.expect(t, "GET", "/query", 503, true)
	testexpect.Soon(t, "the pool is drained", func() bool { return s.status("GET", "/drain-connections") == 200 })
	if got := <-long; got != 200 {
		t.Errorf("the query that ran: %d, expected it to be waited for", got)
	}
	testexpect.Soon(t, "PostgreSQL has no connection of the app", func() bool { return s.connections(t) == 0 })
}

func TestShutdownReadsTheNotice(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body   string
		status int
	}{
		{"", 204},
		{`{"type": "restart", "reason": "preStop", "pod": "web-0", "remainingSeconds": 49}`, 204},
		{`{"added": [{}]}`, 204},
		{"{", 400},
		{`{"remainingSeconds": "49"}`, 400},
		{`{"reason": "` + strings.Repeat("a", 1<<17) + `"}`, 400},
	}
	for _, test := range tests {
		a := &app{log: slog.New(slog.DiscardHandler)}
		w := httptest.NewRecorder()
		a.handler().ServeHTTP(w, httptest.NewRequest("POST", "/shutdown", strings.NewReader(test.body)))
		if w.Code != test.status || a.draining.Load() != (test.status == 204) {
			t.Errorf("%.50q: status %d, draining %t", test.body, w.Code, a.draining.Load())
		}
	}
}

func TestNoDatabase(t *testing.T) {
	t.Parallel()
	pool, err := sql.Open("postgres", "postgres://nobody@"+testserver.Address(t, testserver.IP())+"/?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, pool)
	s.expect(t, "GET", "/query", 503, false)
	s.expect(t, "POST", "/drain-connections", 202, false)
	s.expect(t, "GET", "/drain-connections", 200, true)
}

// A service is the app with its database, and a way to look into that.
type service struct {
	url  string
	look *sql.DB
}

func startService(t *testing.T) *service {
	t.Helper()
	url := testserver.Postgres(t, testserver.Address(t, testserver.IP()))
	open := func(name string) *sql.DB {
		db, err := sql.Open("postgres", url+"&application_name="+name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	s := serve(t, open("pool"))
	s.look = open("test")
	return s
}

func serve(t *testing.T, pool *sql.DB) *service {
	t.Helper()
	server := httptest.NewServer((&app{pool: pool, log: slog.New(slog.NewTextHandler(t.Output(), nil))}).handler())
	t.Cleanup(server.Close)
	return &service{url: server.URL}
}

// expect asks, and wants this status, and Connection: close or not.
func (s *service) expect(t *testing.T, method, path string, status int, closes bool) http.Header {
	t.Helper()
	resp, err := s.ask(method, path)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status || resp.Close != closes {
		t.Errorf("%s %s: status %d, close %t, expected %d and %t", method, path, resp.StatusCode, resp.Close, status, closes)
	}
	return resp.Header
}

func (s *service) ask(method, path string) (*http.Response, error) {
	body, _ := json.Marshal(notice{Reason: "preStop", RemainingSeconds: 9})
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp, err
}

// status is 0 where there is no answer.
func (s *service) status(method, path string) int {
	resp, err := s.ask(method, path)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

// connections are those that PostgreSQL has from the app.
func (s *service) connections(t *testing.T) int { return s.count(t, "true") }

func (s *service) running(t *testing.T) int {
	return s.count(t, "state = 'active' AND wait_event = 'PgSleep'")
}

func (s *service) count(t *testing.T, where string) (n int) {
	t.Helper()
	err := s.look.QueryRowContext(t.Context(),
		"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool' AND "+where).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
