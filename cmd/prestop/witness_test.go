package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// witness is an HTTP server that remembers what it was sent.
type witness struct {
	*httptest.Server
	mu   sync.Mutex
	sent []sentRequest
}

type sentRequest struct {
	*http.Request
	body string
	at   time.Time
}

func newWitness(t *testing.T, answer func(http.ResponseWriter, sentRequest)) *witness {
	w := startWitness(answer)
	t.Cleanup(w.Close)
	return w
}

func startWitness(answer func(http.ResponseWriter, sentRequest)) *witness {
	return startWitnessBy(httptest.NewServer, answer)
}

func startWitnessBy(start func(http.Handler) *httptest.Server, answer func(http.ResponseWriter, sentRequest)) *witness {
	w := &witness{}
	w.Server = start(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		at := time.Now()
		body, _ := io.ReadAll(in.Body)
		r := sentRequest{in, string(body), at}
		w.mu.Lock()
		w.sent = append(w.sent, r)
		w.mu.Unlock()
		answer(out, r)
	}))
	return w
}

// requests are those that have arrived, in order.
func (w *witness) requests() []sentRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// answer is the same answer to all.
func answer(status int, kind, body string) func(http.ResponseWriter, sentRequest) {
	return func(w http.ResponseWriter, _ sentRequest) {
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}
