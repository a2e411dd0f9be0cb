package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// appArgument makes this program the app. The next argument says what the app does on SIGTERM.
const appArgument = "app"

const (
	exits  = "exits"  // as most programs do that do not care
	drains = "drains" // answers with Connection: close for a while, finishes what it has, and exits
)

// startTime is how long the app takes to be ready.
const startTime = 400 * time.Millisecond

// drainTime is how long a draining app goes on, so that clients that keep their connections learn of it.
const drainTime = 1500 * time.Millisecond

// runApp serves on the listener that it is handed until ctx ends, and then does what onSIGTERM says. It never outlives the
// demo by much.
func runApp(ctx context.Context, onSIGTERM string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	<-time.After(startTime)
	a := &app{}
	server := &http.Server{Handler: a.handler(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	if onSIGTERM == exits {
		return nil
	}
	a.draining.Store(true)
	<-time.After(drainTime)
	if err := server.Shutdown(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// An app serves, and asks its clients to go elsewhere once it is told to drain.
type app struct{ draining atomic.Bool }

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /shutdown", a.shutdown)
	mux.HandleFunc("POST /work", a.work)
	mux.HandleFunc("POST /stream", a.stream)
	return mux
}

func (a *app) shutdown(w http.ResponseWriter, _ *http.Request) {
	a.draining.Store(true)
	w.WriteHeader(http.StatusNoContent)
}

// work takes as long as the request says.
func (a *app) work(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.URL.Query().Get("takes"))
	if err != nil {
		http.Error(w, "expected takes=DURATION", http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
	if a.draining.Load() {
		w.Header().Set("Connection", "close")
	}
	fmt.Fprintln(w, "done")
}

// stream sends a line every 200 ms, and ends well once the app drains.
func (a *app) stream(w http.ResponseWriter, r *http.Request) {
	tick := time.Tick(200 * time.Millisecond)
	w.Header().Set("Connection", "close")
	for !a.draining.Load() {
		fmt.Fprintln(w, "another line")
		http.NewResponseController(w).Flush()
		select {
		case <-tick:
		case <-r.Context().Done():
			return
		}
	}
	fmt.Fprintln(w, "the last line")
}
