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

// A fakeEureka is a server of Spring Cloud Netflix with one instance: a status is set by PUT, the instance removed by DELETE;
// 404 where there is no such instance, 400 for a status that Eureka does not have.
type fakeEureka struct {
	heard
	app, instance string
}

func (e *fakeEureka) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := "/eureka/apps/" + e.app + "/" + e.instance
	switch status := r.URL.Query().Get("value"); {
	case r.URL.Path == at+"/status" && r.Method == http.MethodPut:
		if !slices.Contains([]string{"UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN"}, status) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		e.add(status)
	case r.URL.Path == at && r.Method == http.MethodDelete:
		e.add("removed")
	case r.URL.Path == at || r.URL.Path == at+"/status":
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// A fakeNacos is a server of Nacos 2.x with one ephemeral instance: DELETE with all that names it, 400 for what is missing.
type fakeNacos struct{ heard }

func (n *fakeNacos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path != "/nacos/v2/ns/instance":
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodDelete:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case q.Get("serviceName") == "" || q.Get("ip") == "" || q.Get("port") == "":
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"code":10000,"message":"parameter missing","data":"a required parameter is not present"}`))
	default:
		n.add(strings.Join([]string{q.Get("groupName"), q.Get("serviceName"), q.Get("ip"), q.Get("port"), q.Get("ephemeral")}, " "))
		w.Write([]byte(`{"code":0,"message":"success","data":"ok"}`))
	}
}
