package fakees

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// do asks a handler without a network.
func do(t *testing.T, h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	return ask(h, request(method, target, body))
}

func request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// want checks the status and returns the body, decoded.
func want(t *testing.T, w *httptest.ResponseRecorder, status int) map[string]any {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return body
}

// at walks into decoded JSON: "nodes.0.status".
func at(t *testing.T, v any, path string) any {
	t.Helper()
	for part := range strings.SplitSeq(path, ".") {
		switch here := v.(type) {
		case map[string]any:
			v = here[part]
		case []any:
			if i := strings.Index("0123456789", part); i >= 0 && i < len(here) {
				v = here[i]
				continue
			}
			return nil
		default:
			return nil
		}
	}
	return v
}

func wantAt(t *testing.T, body any, path string, want any) {
	t.Helper()
	if have := at(t, body, path); have != want {
		t.Errorf("%s: have %#v, want %#v in %v", path, have, want, body)
	}
}

// cluster has the nodes es-0 and es-1, and a handler as es-0.
func cluster(t *testing.T, version string) (*Cluster, Node, http.Handler) {
	t.Helper()
	c := New(version)
	t.Cleanup(c.Close)
	n := c.AddNode(Node{Name: "es-0", IP: "10.0.0.5"})
	c.AddNode(Node{Name: "es-1", IP: "10.0.0.6"})
	return c, n, c.NodeHandler("es-0")
}

const restart = `{"type":"restart","reason":"test"}`
