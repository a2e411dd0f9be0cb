package fakees

import (
	"strings"
	"testing"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	c, _, h := cluster(t, "9.4.0")
	c.Auth("hook", "secret")
	var before, after []Request
	c.OnRequest(func(r Request) { before = append(before, r) })
	c.OnAnswer(func(r Request) { after = append(after, r) })
	r := request("PUT", "/_nodes/a%2Fb/shutdown?master_timeout=5s", restart)
	r.SetBasicAuth("hook", "secret")
	want(t, ask(h, r), 200)
	want(t, do(t, h, "GET", "/", ""), 401)

	have := c.Requests()
	if len(have) != 2 || len(before) != 2 || len(after) != 2 {
		t.Fatalf("have %d, %d before and %d after, want 2 of each", len(have), len(before), len(after))
	}
	put := have[0]
	if put.Node != "es-0" || put.API != PutShutdown || put.Method != "PUT" || put.Path != "/_nodes/a%2Fb/shutdown" ||
		put.Query != "master_timeout=5s" || put.Body != restart || put.User != "hook" || put.Status != 200 || put.At.IsZero() {
		t.Errorf("have %+v", put)
	}
	if have[1].User != "" || have[1].Status != 401 || before[0].Status != 0 || after[1].Status != 401 {
		t.Errorf("have %+v, before %d, after %d", have[1], before[0].Status, after[1].Status)
	}
	if c.Count(0) != 2 || c.Count(Shutdown) != 1 || c.Count(CatNodes) != 0 {
		t.Errorf("have counts %d, %d and %d, want 2, 1, 0", c.Count(0), c.Count(Shutdown), c.Count(CatNodes))
	}
	if _, ok := c.Record("a/b"); !ok {
		t.Errorf("have %+v, want a record of a/b", c.Records())
	}
}

func TestPathsAndParameters(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method, target, body string
		status               int
		message              string
	}{
		{"GET", "/_nodes/x/shutdown?wait=1", "", 400, "request [/_nodes/x/shutdown] contains unrecognized parameter: [wait]"},
		{"GET", "/_nodes/x/shutdown?timeout=1s&b=1", "", 400, "request [/_nodes/x/shutdown] contains unrecognized parameters: [b], [timeout]"},
		{"GET", "/_nodes/a%20b/shutdown?wait=1", "", 400, "request [/_nodes/a b/shutdown] contains unrecognized parameter: [wait]"},
		{"DELETE", "/_nodes/x/shutdown?pretty&v", "", 400, "request [/_nodes/x/shutdown] contains unrecognized parameter: [v]"},
		{"GET", "/?v", "", 400, "request [/] contains unrecognized parameter: [v]"},
		{"PUT", "/_nodes/x/shutdown?master_timeout=5", restart, 400,
			"failed to parse setting [master_timeout] with value [5] as a time value: unit is missing or unrecognized"},
		{"PUT", "/_nodes/x/shutdown?timeout=1m0s", restart, 400, "failed to parse [1m0s]"},
		{"GET", "/_nodes/x/shutdown", "{}", 400, "request [GET /_nodes/x/shutdown] does not support having a body"},
		{"POST", "/_nodes/x/shutdown?a=b", "", 405,
			"Incorrect HTTP method for uri [/_nodes/x/shutdown?a=b] and method [POST], allowed: [DELETE, GET, PUT]"},
		{"GET", "/_nodes/x/y/z", "", 400, "no handler found for uri [/_nodes/x/y/z] and method [GET]"},
		{"GET", "/_shutdown?x", "", 400, "no handler found for uri [/_shutdown?x] and method [GET]"},
	} {
		_, _, h := cluster(t, "9.4.0")
		body := want(t, do(t, h, test.method, test.target, test.body), test.status)
		have := body["error"]
		if detailed, ok := have.(map[string]any); ok {
			have = detailed["reason"]
		}
		if have != test.message {
			t.Errorf("%s %s:\nhave %v\nwant %v", test.method, test.target, have, test.message)
		}
		if _, ok := body["status"]; ok == strings.HasPrefix(test.message, "no handler") {
			t.Errorf("%s: status is %v", test.target, body["status"])
		}
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version, mediaType string
		status             int
		message            any
	}{
		{"9.4.0", "application/json", 200, nil},
		{"9.4.0", "Application/JSON; charset=utf-8", 200, nil},
		{"9.4.0", "application/vnd.elasticsearch+json;compatible-with=9", 200, nil},
		{"7.17.0", "application/vnd.elasticsearch+json", 406, "Content-Type header [application/vnd.elasticsearch+json] is not supported"},
		{"9.4.0", "", 406, "Content-Type header is missing"},
		{"9.4.0", "text/plain", 406, "Content-Type header [text/plain] is not supported"},
		{"9.4.0", "application/x-www-form-urlencoded", 406, "Content-Type header [application/x-www-form-urlencoded] is not supported"},
	} {
		_, _, h := cluster(t, test.version)
		r := request("PUT", "/_nodes/x/shutdown", restart)
		r.Header.Set("Content-Type", test.mediaType)
		wantAt(t, want(t, ask(h, r), test.status), "error", test.message)
	}
}
