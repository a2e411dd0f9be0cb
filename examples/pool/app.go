package main

import (
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
)

// An app answers requests from a database.
type app struct {
	pool     *sql.DB
	log      *slog.Logger
	draining atomic.Bool // since the first phase
	closed   atomic.Bool // since the second
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /query", a.query)
	mux.HandleFunc("GET /ready", a.ready)
	mux.HandleFunc("POST /shutdown", a.shutdown)
	mux.HandleFunc("POST /drain-connections", a.drainConnections)
	mux.HandleFunc("GET /drain-connections", a.drained)
	return a.letGo(mux)
}

// letGo tells clients, once the app is draining, to come back on another connection, which will lead to another pod.
func (a *app) letGo(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func (a *app) query(w http.ResponseWriter, r *http.Request) {
	seconds, _ := strconv.ParseFloat(r.FormValue("seconds"), 64) // none: 0
	var now string
	err := a.pool.QueryRowContext(r.Context(), "SELECT now()::text FROM pg_sleep($1)", seconds).Scan(&now)
	if err != nil {
		a.log.Warn("query failed", "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, now)
}

func (a *app) ready(w http.ResponseWriter, _ *http.Request) {
	if a.draining.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
	}
}
