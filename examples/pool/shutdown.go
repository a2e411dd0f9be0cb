package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// A notice is what prestop posts for PRE_STOP_APP_URL. Fields may be added to it. A step such as "post URL" posts nothing.
type notice struct {
	Type             string `json:"type"`
	Reason           string `json:"reason"`
	Pod              string `json:"pod"`
	RemainingSeconds int    `json:"remainingSeconds"`
}

// shutdown is the first phase. Requests still come, until everybody has heard that this pod is going: the app serves them.
func (a *app) shutdown(w http.ResponseWriter, r *http.Request) {
	var n notice
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&n)
	if err != nil && !errors.Is(err, io.EOF) {
		http.Error(w, "expected prestop's notice: "+err.Error(), http.StatusBadRequest)
		return
	}
	a.log.Info("drains", "reason", n.Reason, "remainingSeconds", n.RemainingSeconds)
	a.draining.Store(true)
	w.WriteHeader(http.StatusNoContent)
}

// drainConnections is the second phase: no query begins any more, and each connection is closed as soon as it is idle.
// It may be called again, and the answer never waits for a query.
func (a *app) drainConnections(w http.ResponseWriter, _ *http.Request) {
	a.draining.Store(true)
	if err := a.pool.Close(); err != nil { // it cuts no query
		a.log.Warn("a connection was not closed in order", "error", err)
	}
	a.closed.Store(true)
	w.Header().Set("Location", "/drain-connections")
	w.WriteHeader(http.StatusAccepted)
}

// drained tells how far the second phase is: 202 while queries run, 200 when the last connection is closed.
func (a *app) drained(w http.ResponseWriter, _ *http.Request) {
	if !a.closed.Load() {
		http.Error(w, "not begun", http.StatusNotFound)
		return
	}
	if a.pool.Stats().OpenConnections > 0 {
		w.WriteHeader(http.StatusAccepted)
	}
}
