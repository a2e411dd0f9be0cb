package recipes_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// heard is what a fake was asked for with success, in order.
type heard struct {
	mu    sync.Mutex
	calls []string
}

func (h *heard) add(call string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, call)
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

// answerText answers as these servers do to a refusal.
func answerText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(text))
}

// A fakeConsul is an agent of Consul 1.x with one service: deregistered by PUT alone (405), by a token that may (403), and
// only if there is one of that id (404).
type fakeConsul struct {
	heard
	token, service string
}

func (c *fakeConsul) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutPrefix(r.URL.Path, "/v1/agent/service/deregister/")
	switch {
	case !ok:
		answerText(w, http.StatusNotFound, "Invalid URL path: not a recognized HTTP API endpoint")
	case r.Method != http.MethodPut:
		w.Header().Set("Allow", "OPTIONS,PUT")
		answerText(w, http.StatusMethodNotAllowed, "method "+r.Method+" not allowed")
	case r.Header.Get("Authorization") != "Bearer "+c.token && r.Header.Get("X-Consul-Token") != c.token:
		answerText(w, http.StatusForbidden, "Permission denied: token lacks permission 'service:write' on \""+id+"\"")
	case id != c.service:
		answerText(w, http.StatusNotFound, `Unknown service ID "`+id+`". Ensure that the service ID is passed, not the service name.`)
	default:
		c.add(id)
	}
}

// A fakeEureka is a server of Eureka 1.x with one instance: a status is set by PUT, the instance removed by DELETE; 404
// where there is no such instance, 500 for a status that Eureka does not have. The application's name is put into capitals.
type fakeEureka struct {
	heard
	app, instance string
}

func (e *fakeEureka) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := "/eureka/apps/" + e.app + "/" + e.instance
	path := r.URL.Path
	if app, rest, ok := strings.Cut(strings.TrimPrefix(path, "/eureka/apps/"), "/"); ok {
		path = "/eureka/apps/" + strings.ToUpper(app) + "/" + rest
	}
	switch status := r.URL.Query().Get("value"); {
	case path == at+"/status" && r.Method == http.MethodPut:
		if !slices.Contains([]string{"UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN"}, status) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		e.add(status)
	case path == at && r.Method == http.MethodDelete:
		e.add("removed")
	case path == at || path == at+"/status":
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}
