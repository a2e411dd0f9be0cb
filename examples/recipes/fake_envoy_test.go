package recipes_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A fakeEnvoy is the admin interface of Envoy 1.31, as far as a hook meets it: what changes something takes POST alone
// (405; 400 in old versions), an unknown path is 404, skip_exit without graceful is 400, and so are an unknown
// format and a filter that is no regular expression. A filter is matched in /stats/prometheus too with the names of /stats,
// and anywhere in them. With usedonly, what was never written to is left out.
type fakeEnvoy struct {
	mu        sync.Mutex
	listeners []envoyListener
	draining  time.Time // when clients began to be asked to leave
	failing   bool      // its health checks
	changes   []string  // the requests that were made to change something
}

// An envoyListener is one, and what it has of connections: they leave one after the other while the time in leaving
// passes, once Envoy drains. With leaving 0 they stay.
type envoyListener struct {
	name    string // its address or stat_prefix, as it stands in statistics
	http    string // its HTTP connection manager's stat_prefix; empty: it speaks TCP
	open    int
	leaving time.Duration
	unused  bool // nobody ever connected
}

func (e *fakeEnvoy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch r.URL.Path {
	case "/drain_listeners", "/healthcheck/fail", "/healthcheck/ok", "/quitquitquit":
		if r.Method != http.MethodPost {
			envoyAnswers(w, http.StatusMethodNotAllowed, fmt.Sprintf("Method %s not allowed, POST required.", r.Method))
			return
		}
		if r.URL.Path == "/drain_listeners" && q.Has("skip_exit") && !q.Has("graceful") {
			envoyAnswers(w, http.StatusBadRequest, "skip_exit requires graceful\n")
			return
		}
		e.change(r)
		envoyAnswers(w, http.StatusOK, "OK\n")
	case "/ready":
		e.ready(w)
	case "/stats", "/stats/prometheus":
		e.stats(w, r)
	default:
		envoyAnswers(w, http.StatusNotFound, "invalid path. admin commands are:\n")
	}
}

func envoyAnswers(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

func (e *fakeEnvoy) change(r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changes = append(e.changes, r.URL.RequestURI())
	switch r.URL.Path {
	case "/healthcheck/ok":
		e.failing = false
	case "/healthcheck/fail":
		e.failing = true
		e.beginDrain()
	case "/drain_listeners":
		if r.URL.Query().Has("graceful") {
			e.beginDrain()
		}
	}
}

// drain is what a request to drain gracefully does. Connections leave from the first on.
func (e *fakeEnvoy) drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.beginDrain()
}

func (e *fakeEnvoy) beginDrain() {
	if e.draining.IsZero() {
		e.draining = time.Now()
	}
}

func (e *fakeEnvoy) ready(w http.ResponseWriter) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failing {
		envoyAnswers(w, http.StatusServiceUnavailable, "DRAINING\n")
		return
	}
	envoyAnswers(w, http.StatusOK, "LIVE\n")
}

// changed are the requests to change something, so far.
func (e *fakeEnvoy) changed() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string{}, e.changes...)
}

// connections are those of a listener now.
func (e *fakeEnvoy) connections(l envoyListener) int {
	if e.draining.IsZero() || l.leaving == 0 {
		return l.open
	}
	gone := float64(time.Since(e.draining)) / float64(l.leaving)
	return max(0, l.open-int(math.Floor(gone*float64(l.open))))
}

// An envoyStat is a gauge or counter, with both of its names.
type envoyStat struct {
	name           string
	family, labels string // of Prometheus
	kind           string
	value          int
	unused         bool
}

// all are the statistics. The request for them is a connection to the admin interface.
func (e *fakeEnvoy) all() []envoyStat {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := []envoyStat{
		{"http.admin.downstream_cx_active", "envoy_http_downstream_cx_active", `envoy_http_conn_manager_prefix="admin"`, "gauge", 1, false},
		{"listener.admin.downstream_cx_active", "envoy_listener_admin_downstream_cx_active", "", "gauge", 1, false},
		{"listener.admin.main_thread.downstream_cx_active", "envoy_listener_admin_main_thread_downstream_cx_active", "", "gauge", 1, false},
		{"cluster.app.upstream_cx_active", "envoy_cluster_upstream_cx_active", `envoy_cluster_name="app"`, "gauge", 7, false},
		{"server.live", "envoy_server_live", "", "gauge", 1, false},
	}
	for _, l := range e.listeners {
		list = append(list, e.of(l)...)
	}
	return list
}

// of are the statistics of a listener and its two workers, each of which has a part of the connections.
func (e *fakeEnvoy) of(l envoyListener) []envoyStat {
	n, address := e.connections(l), fmt.Sprintf("envoy_listener_address=%q", l.name)
	list := []envoyStat{
		{"listener." + l.name + ".downstream_cx_active", "envoy_listener_downstream_cx_active", address, "gauge", n, l.unused},
		{"listener." + l.name + ".downstream_cx_total", "envoy_listener_downstream_cx_total", address, "counter", l.open, l.unused},
	}
	for worker, part := range []int{n / 2, n - n/2} {
		labels := fmt.Sprintf("envoy_worker_id=\"%d\",%s", worker, address)
		name := fmt.Sprintf("listener.%s.worker_%d.downstream_cx_active", l.name, worker)
		list = append(list, envoyStat{name, "envoy_listener_worker_downstream_cx_active", labels, "gauge", part, l.unused})
	}
	if l.http != "" {
		labels := fmt.Sprintf("envoy_http_conn_manager_prefix=%q", l.http)
		list = append(list, envoyStat{"http." + l.http + ".downstream_cx_active", "envoy_http_downstream_cx_active", labels, "gauge", n, l.unused})
	}
	return list
}

func (e *fakeEnvoy) stats(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	filter, err := regexp.Compile(q.Get("filter"))
	if err != nil {
		envoyAnswers(w, http.StatusBadRequest, "Invalid re2 regex")
		return
	}
	var list []envoyStat
	for _, s := range e.all() {
		if filter.MatchString(s.name) && !(q.Has("usedonly") && s.unused) {
			list = append(list, s)
		}
	}
	format := q.Get("format")
	if r.URL.Path == "/stats/prometheus" {
		format = "prometheus"
	}
	switch format {
	case "prometheus":
		envoyAnswers(w, http.StatusOK, prometheusText(list))
	case "json":
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, statsJSON(list, filter))
	case "", "text":
		for _, s := range list {
			fmt.Fprintf(w, "%s: %d\n", s.name, s.value)
		}
	default:
		envoyAnswers(w, http.StatusBadRequest, "usage: /stats?format=(html|active-html|json|prometheus|text)\n\n")
	}
}

// prometheusText has all series of a family together.
func prometheusText(list []envoyStat) string {
	var text strings.Builder
	done := map[string]bool{}
	for _, first := range list {
		if done[first.family] {
			continue
		}
		done[first.family] = true
		fmt.Fprintf(&text, "# TYPE %s %s\n", first.family, first.kind)
		for _, s := range list {
			if s.family == first.family {
				fmt.Fprintf(&text, "%s{%s} %d\n", s.family, s.labels, s.value)
			}
		}
	}
	return text.String()
}

// statsJSON ends in the histograms, in an element of its own.
func statsJSON(list []envoyStat, filter *regexp.Regexp) string {
	elements := []any{}
	for _, s := range list {
		elements = append(elements, map[string]any{"name": s.name, "value": s.value})
	}
	const histogram = "listener.admin.downstream_cx_length_ms"
	if filter.MatchString(histogram) {
		elements = append(elements, map[string]any{"histograms": map[string]any{
			"supported_quantiles": []float64{0, 50, 100},
			"computed_quantiles":  []any{map[string]any{"name": histogram, "values": []any{map[string]any{"interval": nil, "cumulative": 2.1}}}},
		}})
	}
	text, _ := json.Marshal(map[string]any{"stats": elements})
	return string(text)
}
