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

	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/web"
)

func connect(t *testing.T) web.Connect {
	t.Helper()
	c, err := web.New(new(net.Dialer).DialContext, web.TLS{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return func() (*web.Client, error) { return c, nil }
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

func path(t *testing.T, text string) Path {
	t.Helper()
	p, err := ParsePath(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func atMost(n float64) *float64 { return &n }

const (
	prom   = "text/plain; version=0.0.4"
	isJSON = "application/json"
)

func TestLook(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	status, draining := Status{}, JSON{Path: path(t, ".status"), In: []string{"drained", "gone"}}
	active := Metric{Selector: selector(t, `active{app="web"}`), AtMost: 1}
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
		{"503", status, 503, prom, "no", false, "503 Service Unavailable"},
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
		{"empty", draining, 200, isJSON, "", false, ": no JSON: EOF"},
		{"cut", draining, 200, isJSON, `{"status":"drained"`, false, ": no JSON: unexpected EOF"},
		{"two", draining, 200, isJSON, `{"status":"drained"}{}`, false, ": no JSON: something follows the value"},
		{"deep", draining, 200, isJSON, deep, false, ": no JSON: invalid character '{' exceeded max depth"},
		{"too long", draining, 200, isJSON, `{"status":"drained","x":"` + strings.Repeat("x", web.MaxBody) + `"}`, false, ": the answer is longer than 1 MiB"},
		{"missing", draining, 200, isJSON, `{"state":"drained"}`, false, ": no .status in the answer"},
		{"of a list", draining, 200, isJSON, `[1]`, false, ": no .status in the answer"},
		{"an object", draining, 200, isJSON, `{"status":{"a":1}}`, false, ": .status is a list or an object, expected a single value"},
		{"null", draining, 200, isJSON, `{"status":null}`, false, ".status is null"},
		{"null in", JSON{Path: path(t, ".status"), In: []string{"null"}}, 200, isJSON, `{"status":null}`, true, ".status is null"},
		{"true in", JSON{Path: path(t, "."), In: []string{"true"}}, 200, isJSON, `true`, true, ". is true"},
		{"long", JSON{Path: path(t, "."), In: []string{"true"}}, 200, isJSON, `"` + strings.Repeat("ü", 100) + `"`, false, ". is " + strings.Repeat("ü", 80) + "…"},
		{"indexed", JSON{Path: path(t, `.a[1]["b.c"]`), In: []string{"7"}}, 200, isJSON, `{"a":[0,{"b.c":7}]}`, true, `.a[1]["b.c"] is 7`},
		{"out of range", JSON{Path: path(t, `.a[2]`), In: []string{"7"}}, 200, isJSON, `{"a":[0]}`, false, ": no .a[2] in the answer (its part 2 is missing)"},
		{"just out of range", JSON{Path: path(t, `.a[1]`), In: []string{"7"}}, 200, isJSON, `{"a":[0]}`, false, ": no .a[1] in the answer (its part 2 is missing)"},
		{"at most", JSON{Path: path(t, ".n"), AtMost: atMost(3)}, 200, isJSON, `{"n":3}`, true, ".n is 3"},
		{"more", JSON{Path: path(t, ".n"), AtMost: atMost(3)}, 200, isJSON, `{"n":3.5}`, false, ".n is 3.5"},
		{"at most of a text", JSON{Path: path(t, ".n"), AtMost: atMost(3)}, 200, isJSON, `{"n":"0"}`, false, ": .n is 0, expected a number"},
		{"at most of null", JSON{Path: path(t, ".n"), AtMost: atMost(3)}, 200, isJSON, `{"n":null}`, false, ": .n is null, expected a number"},
		{"at most of a huge number", JSON{Path: path(t, ".n"), AtMost: atMost(3)}, 200, isJSON, `{"n":-1e999}`, false, ": .n is -1e999, expected a number"},

		{"few", active, 200, prom, "active{app=\"web\"} 1\nactive{app=\"admin\"} 9\n", true, "1 in 1 series"},
		{"no newline at the end", active, 200, prom, "active{app=\"web\"} 1", true, "1 in 1 series"},
		{"many", active, 200, prom, "active{app=\"web\",a=\"1\"} 1\nactive{app=\"web\",a=\"2\"} 1\n", false, "2 in 2 series"},
		{"another status", active, 503, prom, "active{app=\"web\"} 1\n", false, ": 503 Service Unavailable: active{app=\"web\"} 1"},
	}
	for _, test := range tests {
		u := URL{Connect: connect(t), Request: web.Request{Method: "GET", URL: answering(t, test.status, test.kind, test.body)}, Until: test.until}
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
		u := URL{Connect: connect(t), Request: web.Request{Method: "GET", URL: answering(t, 200, prom, body)}, Until: active}
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
	u := URL{Connect: connect(t), Request: web.Request{Method: "GET", URL: server.URL}, Until: Status{}, Stable: 2}
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
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errMax)
	defer cancel()
	err := URL{Connect: connect(t), Request: web.Request{Method: "GET", URL: server.URL}, Until: Status{}}.Run(ctx, silent)
	if err == nil || errors.Is(err, errMax) || !strings.HasPrefix(err.Error(), "could not see: "+server.URL+": no complete answer in time") {
		t.Errorf("error %v", err)
	}
}

func TestParsePathErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                "expected a path such as .status or .items[0].state, got nothing",
		"status":          `column 1: expected a key after a dot, as in .status, got "status"`,
		".a..b":           `column 3: expected a key after a dot, as in .status, got "..b"`,
		".a.":             `column 3: expected a key after a dot, as in .status, got "."`,
		".a[x]":           `column 3: expected [0] or ["key"], got "[x]"`,
		".a[-1]":          `column 3: expected [0] or ["key"], got "[-1]"`,
		".a[1":            `column 3: expected [0] or ["key"], got "[1"`,
		`.a["b]`:          `column 3: expected ["key"], got "[\"b]"`,
		`.a["b"`:          `column 3: expected ["key"], got "[\"b\""`,
		`.a[99999999999]`: `column 3: expected [0] or ["key"], got "[99999999999]"`,
		`.a]`:             `column 1: expected a key after a dot, as in .status, got ".a]"`,
	} {
		if p, err := ParsePath(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, error %v, want %s", text, p, err, want)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{".", ".a.b[0]", `["a"].b`, `.["\""]`, "..", "[", ".a["} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePath(text)
		if err != nil {
			return
		}
		if len(p.steps) == 0 && text != "." {
			t.Errorf("%q leads nowhere", text)
		}
		p.of(map[string]any{"a": []any{map[string]any{"b": 1}}})
	})
}
