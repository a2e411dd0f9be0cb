package recipes_test

import (
	"net/http"
	"sync"
	"time"
)

// A fakeApp is a web service with a POST /shutdown, answered 204, and a GET /ready, answered 503 some time after that.
type fakeApp struct {
	mu    sync.Mutex
	lag   time.Duration // from the POST to a readiness of 503
	told  time.Time     // when the first POST came
	posts int
}

func (a *fakeApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /shutdown", func(w http.ResponseWriter, _ *http.Request) {
		a.tell()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if unready := a.unready(); !unready.IsZero() && time.Now().After(unready) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.ServeHTTP(w, r)
}

func (a *fakeApp) tell() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.posts++; a.posts == 1 {
		a.told = time.Now()
	}
}

// unready is when the readiness becomes 503; zero: it was not told.
func (a *fakeApp) unready() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.told.IsZero() {
		return time.Time{}
	}
	return a.told.Add(a.lag)
}

// times is how often it was told to stop.
func (a *fakeApp) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.posts
}
