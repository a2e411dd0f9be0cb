package drain

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/jsonpath"
	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/web"
)

func client(t *testing.T) *web.Client {
	t.Helper()
	c := web.New(new(net.Dialer).DialContext, web.TLS{}, nil)
	t.Cleanup(c.Close)
	return c
}

func answering(t *testing.T, status int, kind, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func selector(t *testing.T, text string) metrics.Selector {
	t.Helper()
	sel, err := metrics.ParseSelector(text)
	if err != nil {
		t.Fatal(err)
	}
	return sel
}

func path(t *testing.T, text string) jsonpath.Path {
	t.Helper()
	p, err := jsonpath.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func atMost(n float64) Bounds { return Bounds{AtMost: &n} }

func atLeast(n float64) Bounds { return Bounds{AtLeast: &n} }

const (
	prom   = "text/plain; version=0.0.4"
	isJSON = "application/json"
)

func TestLook(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	status, draining := Status{}, JSON{Path: path(t, ".status"), In: []string{"drained", "gone"}}
	active := Metric{Selector: selector(t, `active{app="web"}`), Bounds: atMost(1)}
	tests := []struct {
		name   string
		until  Condition
		status int
		kind   string
		body   string
		met    bool
		says   string // or the end of the error
	}{
		{"200", status, 200, prom, "", true, "200 OK"},
		{"204", status, 204, "", "", true, "204 No Content"},
		{"503", status, 503, prom, "no", false, "503 Service Unavailable: no"},
		{"503 and a long text", status, 503, prom, strings.Repeat("x", 1000), false, "503 Service Unavailable: " + strings.Repeat("x", 80) + "…"},
		{"503 and a text of several lines", status, 503, prom, "draining\n\x1b[2J 3 left\n", false, "503 Service Unavailable: draining [2J 3 left"},
		{"503 and a page", status, 503, "text/html", "<html>", false, "503 Service Unavailable"},
		{"404", status, 404, prom, "", false, "404 Not Found"},
		{"409", status, 409, prom, "", false, "409 Conflict"},
		{"401", status, 401, prom, "no token", false, ": 401 Unauthorized: no token"},
		{"403", status, 403, prom, "", false, ": 403 Forbidden"},
		{"500", status, 500, prom, "", false, ": 500 Internal Server Error"},
		{"302", status, 302, prom, "", false, ": 302 Found"},
		{"404 expected", Status{web.Statuses{"404"}}, 404, prom, "", true, "404 Not Found"},
		{"500 expected", Status{web.Statuses{"500"}}, 500, prom, "", true, "500 Internal Server Error"},
		{"200 where 404 is expected", Status{web.Statuses{"404"}}, 200, prom, "", false, "200 OK"},

		{"in", draining, 200, isJSON, `{"status":"drained"}`, true, ".status is drained"},
		{"not in", draining, 200, isJSON, `{"status":"draining"}`, false, ".status is draining"},
		{"in another status", draining, 503, isJSON, `{"status":"drained"}`, false, `: 503 Service Unavailable: {"status":"drained"}`},
		{"in a status that is expected", JSON{Path: draining.Path, In: draining.In, Expect: web.Statuses{"503"}}, 503, isJSON, `{"status":"drained"}`, true, ".status is drained"},
		{"empty", draining, 200, isJSON, "", false, ": no JSON: unexpected end of JSON input"},
		{"cut", draining, 200, isJSON, `{"status":"drained"`, false, ": no JSON: unexpected end of JSON input"},
		{"two", draining, 200, isJSON, `{"status":"drained"}{}`, false, ": no JSON: invalid character '{' after top-level value"},
		{"deep", draining, 200, isJSON, deep, false, ": no JSON: invalid character '{' exceeded max depth"},
		{"too long", draining, 200, isJSON, `{"status":"drained","x":"` + strings.Repeat("x", web.MaxBody) + `"}`, false, ": the answer is longer than 1 MiB"},
		{"missing", draining, 200, isJSON, `{"state":"drained"}`, false, ": no .status in the answer"},
		{"of a list", draining, 200, isJSON, `[1]`, false, ": no .status in the answer"},
		{"an object", draining, 200, isJSON, `{"status":{"a":1}}`, false, ": .status is a list or an object, expected a single value; count(.status) counts its elements"},
		{"null", draining, 200, isJSON, `{"status":null}`, false, ".status is null"},
		{"null in", JSON{Path: path(t, ".status"), In: []string{"null"}}, 200, isJSON, `{"status":null}`, true, ".status is null"},
		{"true in", JSON{Path: path(t, "."), In: []string{"true"}}, 200, isJSON, `true`, true, ". is true"},
		{"long", JSON{Path: path(t, "."), In: []string{"true"}}, 200, isJSON, `"` + strings.Repeat("ü", 100) + `"`, false, ". is " + strings.Repeat("ü", 80) + "…"},
		{"indexed", JSON{Path: path(t, `.a[1]["b.c"]`), In: []string{"7"}}, 200, isJSON, `{"a":[0,{"b.c":7}]}`, true, `.a[1]["b.c"] is 7`},
		{"out of range", JSON{Path: path(t, `.a[2]`), In: []string{"7"}}, 200, isJSON, `{"a":[0]}`, false, ": no .a[2] in the answer (its part 2 is missing)"},
		{"just out of range", JSON{Path: path(t, `.a[1]`), In: []string{"7"}}, 200, isJSON, `{"a":[0]}`, false, ": no .a[1] in the answer (its part 2 is missing)"},
		{"at most", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":3}`, true, ".n is 3"},
		{"more", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":3.5}`, false, ".n is 3.5"},
		{"at most of a number in quotes", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":"0"}`, true, ".n is 0"},
		{"more in quotes", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":"1e1"}`, false, ".n is 1e1"},
		{"at most of a text", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":"none"}`, false, ": .n is none, expected a number"},
		{"at most of nothing in quotes", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":""}`, false, ": .n is , expected a number"},
		{"at most of a blank", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":" 0"}`, false, ": .n is  0, expected a number"},
		{"at most of NaN", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":"NaN"}`, false, ": .n is NaN, expected a number"},
		{"at most of -Inf", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":"-Inf"}`, false, ": .n is -Inf, expected a number"},
		{"at most of a hexadecimal", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":"0x0p0"}`, false, ": .n is 0x0p0, expected a number"},
		{"at most of false", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":false}`, false, ": .n is false, expected a number"},
		{"at least", JSON{Path: path(t, ".n"), Bounds: atLeast(3)}, 200, isJSON, `{"n":"3"}`, true, ".n is 3"},
		{"less", JSON{Path: path(t, ".n"), Bounds: atLeast(3)}, 200, isJSON, `{"n":2.9}`, false, ".n is 2.9"},
		{"between", JSON{Path: path(t, ".n"), Bounds: Bounds{atMost(3).AtMost, atLeast(2).AtLeast}}, 200, isJSON, `{"n":2}`, true, ".n is 2"},
		{"above both", JSON{Path: path(t, ".n"), Bounds: Bounds{atMost(3).AtMost, atLeast(2).AtLeast}}, 200, isJSON, `{"n":4}`, false, ".n is 4"},
		{"below both", JSON{Path: path(t, ".n"), Bounds: Bounds{atMost(3).AtMost, atLeast(2).AtLeast}}, 200, isJSON, `{"n":1}`, false, ".n is 1"},
		{"one of a list with blanks", JSON{Path: path(t, ".n"), In: []string{"a", " b "}}, 200, isJSON, `{"n":"b"}`, true, ".n is b"},
		{"not one of a list with blanks", JSON{Path: path(t, ".n"), NotIn: []string{"a", " b"}}, 200, isJSON, `{"n":"b"}`, false, ".n is b"},
		{"one of a list, with blanks", JSON{Path: path(t, ".n"), In: []string{"a", "b"}}, 200, isJSON, `{"n":" b\n"}`, true, ".n is  b\n"},
		{"not one of a list, with blanks", JSON{Path: path(t, ".n"), NotIn: []string{"a", "b"}}, 200, isJSON, `{"n":"b\r\n"}`, false, ".n is b\r\n"},
		{"blanks of its own", JSON{Path: path(t, ".n"), In: []string{"a", " b"}}, 200, isJSON, `{"n":" b"}`, true, ".n is  b"},
		{"not one of", JSON{Path: path(t, ".n"), NotIn: []string{"a", "b"}}, 200, isJSON, `{"n":"c"}`, true, ".n is c"},
		{"one of those", JSON{Path: path(t, ".n"), NotIn: []string{"a", "b"}}, 200, isJSON, `{"n":"b"}`, false, ".n is b"},
		{"absent is not one of", JSON{Path: path(t, ".n"), NotIn: []string{"a"}}, 200, isJSON, `{"m":"c"}`, false, ": no .n in the answer"},
		{"null is not one of", JSON{Path: path(t, ".n"), NotIn: []string{"a"}}, 200, isJSON, `{"n":null}`, false, ": .n is null, expected a value"},
		{"not null", JSON{Path: path(t, ".n"), NotIn: []string{"null"}}, 200, isJSON, `{"n":null}`, false, ".n is null"},
		{"absent is not at least", JSON{Path: path(t, ".n"), Bounds: atLeast(0)}, 200, isJSON, `{}`, false, ": no .n in the answer"},

		{"no elements", JSON{Path: path(t, "count(.items)"), Bounds: atMost(0)}, 200, isJSON, `{"items":[]}`, true, "count(.items) is 0"},
		{"elements", JSON{Path: path(t, "count(.items)"), Bounds: atMost(0)}, 200, isJSON, `{"items":[[1,2],{"a":[3]},null]}`, false, "count(.items) is 3"},
		{"keys", JSON{Path: path(t, "count(.)"), Bounds: atLeast(2)}, 200, isJSON, `{"a":{"c":[1]},"b":[]}`, true, "count(.) is 2"},
		{"counted in", JSON{Path: path(t, "count(.a[1].b)"), In: []string{"2"}}, 200, isJSON, `{"a":[{"b":[]},{"b":[0,0]},{"b":[]}]}`, true, "count(.a[1].b) is 2"},
		{"nothing to count", JSON{Path: path(t, "count(.items)"), Bounds: atMost(0)}, 200, isJSON, `{}`, false, ": no count(.items) in the answer"},
		{"count of null", JSON{Path: path(t, "count(.items)"), Bounds: atMost(0)}, 200, isJSON, `{"items":null}`, false, ": count(.items): it is null, expected a list or an object"},
		{"count of a text", JSON{Path: path(t, "count(.items)"), Bounds: atMost(9)}, 200, isJSON, `{"items":"[]"}`, false, ": count(.items): it is [], expected a list or an object"},
		{"a key twice", draining, 200, isJSON, `{"status":"draining","status":"drained"}`, false, `: no JSON to go by: the key "status" is there twice`},
		{"a key twice in two ways of writing", draining, 200, isJSON, `{"status":"drained","st\u0061tus":"drained"}`, false, `: no JSON to go by: the key "status" is there twice`},
		{"another key twice, further in", draining, 200, isJSON, `{"status":"drained","x":[{"a":1,"b":2,"a":1}]}`, false, `: no JSON to go by: the key "a" is there twice`},
		{"a key in two objects", draining, 200, isJSON, `{"x":{"status":"draining"},"y":{"status":"gone"},"status":"drained"}`, true, ".status is drained"},
		{"at most of null", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":null}`, false, ": .n is null, expected a number"},
		{"at most of a huge number", JSON{Path: path(t, ".n"), Bounds: atMost(3)}, 200, isJSON, `{"n":-1e999}`, false, ": .n is -1e999, expected a number"},

		{"enough", Metric{Selector: active.Selector, Bounds: atLeast(2)}, 200, prom, "active{app=\"web\"} 2\n", true, "2 in 1 series"},
		{"too few", Metric{Selector: active.Selector, Bounds: atLeast(2)}, 200, prom, "active{app=\"web\"} 1\n", false, "1 in 1 series"},
		{"endless", Metric{Selector: active.Selector, Bounds: atLeast(2)}, 200, prom, "active{app=\"web\"} +Inf\n", false, ": the matching series add up to +Inf"},
		{"absent", Metric{Selector: active.Selector, Bounds: atMost(1), Absent: atMost(0).AtMost}, 200, prom, "other 7\n", true, `no series active{app="web"}, which counts as 0`},
		{"absent labels", Metric{Selector: active.Selector, Bounds: atMost(1), Absent: atMost(0).AtMost}, 200, prom, "active{app=\"admin\"} 7\n", true, `no series active{app="web"}, which counts as 0`},
		{"absent counts as more", Metric{Selector: active.Selector, Bounds: atMost(1), Absent: atMost(5).AtMost}, 200, prom, "other 7\n", false, `no series active{app="web"}, which counts as 5`},
		{"not absent", Metric{Selector: active.Selector, Bounds: atMost(1), Absent: atMost(0).AtMost}, 200, prom, "active{app=\"web\"} 7\n", false, "7 in 1 series"},
		{"absent in an error", Metric{Selector: active.Selector, Bounds: atMost(1), Absent: atMost(0).AtMost}, 500, prom, "", false, ": 500 Internal Server Error"},
		{"absent in nothing", Metric{Selector: active.Selector, Bounds: atMost(1), Absent: atMost(0).AtMost}, 200, prom, "", false, ": there are no series in the answer"},
		{"absent in Envoy's", Metric{Selector: active.Selector, Bounds: atMost(1), Absent: atMost(0).AtMost}, 200, isJSON, `{"stats":[{"name":"a","value":1}]}`, true, `no series active{app="web"}, which counts as 0`},
		{"absent in other JSON", Metric{Selector: active.Selector, Bounds: atMost(1), Absent: atMost(0).AtMost}, 200, isJSON, `{"status":"ok"}`, false, `: byte 16: no "stats" in the JSON, as Envoy's has; json= reads any other JSON`},
		{"few", active, 200, prom, "active{app=\"web\"} 1\nactive{app=\"admin\"} 9\n", true, "1 in 1 series"},
		{"no newline at the end", active, 200, prom, "active{app=\"web\"} 1", true, "1 in 1 series"},
		{"many", active, 200, prom, "active{app=\"web\",a=\"1\"} 1\nactive{app=\"web\",a=\"2\"} 1\n", false, "2 in 2 series"},
		{"another status", active, 503, prom, "active{app=\"web\"} 1\n", false, ": 503 Service Unavailable: active{app=\"web\"} 1"},
	}
	for _, test := range tests {
		u := &URL{Client: client(t), Request: web.Request{Method: "GET", URL: answering(t, test.status, test.kind, test.body)}, Until: test.until}
		got, err := u.look(t.Context(), 10*time.Second)
		says := got.says
		if err != nil {
			says = strings.TrimPrefix(err.Error(), u.Request.URL)
		}
		if got.met != test.met || says != test.says {
			t.Errorf("%s: met %v, %q (%v), want %v, %q", test.name, got.met, says, err, test.met, test.says)
		}
	}
	for name, body := range map[string]string{
		"no family": "other 1\n", "no series": "active{app=\"admin\"} 0\n", "empty": "", "broken": "active{app=\"web\"} 0\nactive{app=} 0\n",
		"cut": "active{app=\"web\"} 0\nactive{app=\"web", "not a number": "active{app=\"web\"} NaN\n", "a page": "<html><body>0</body></html>\n",
	} {
		u := &URL{Client: client(t), Request: web.Request{Method: "GET", URL: answering(t, 200, prom, body)}, Until: active}
		if got, err := u.look(t.Context(), 10*time.Second); err == nil || got.met {
			t.Errorf("metric, %s: met %v (%v), want an error", name, got.met, err)
		}
	}
}

func TestRunURL(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(503)
		}
	}))
	defer server.Close()
	u := &URL{Client: client(t), Request: web.Request{Method: "GET", URL: server.URL}, Until: Status{}, Stable: 2}
	begin := time.Now()
	if err := u.Run(t.Context(), silent); err != nil || asked.Load() != 3 {
		t.Errorf("%v after %d requests, want 3", err, asked.Load())
	}
	if took := time.Since(begin); took < 2*askEvery {
		t.Errorf("three looks took %v", took)
	}
}

// Its time is over in the middle of a look at a place that never answers.
func TestRunURLBlackHole(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	defer server.Close()
	defer close(ended)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, errMax)
	defer cancel()
	err := (&URL{Client: client(t), Request: web.Request{Method: "GET", URL: server.URL}, Until: Status{}}).Run(ctx, silent)
	if err == nil || errors.Is(err, errMax) || !strings.HasPrefix(err.Error(), "could not see: "+server.URL+": no complete answer in time") {
		t.Errorf("error %v", err)
	}
}
