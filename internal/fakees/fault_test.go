package fakees

import (
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, version string
		effect        Effect
		status        int
		kind          any
		product       bool
	}{
		{"unauthorized", "9.4.0", Unauthorized(), 401, "security_exception", false},
		{"forbidden", "9.4.0", Forbidden(), 403, "security_exception", false},
		{"read only", "9.4.0", ReadOnly(), 403, "cluster_block_exception", false},
		{"not found", "9.4.0", Error(404, "resource_not_found_exception", "no"), 404, "resource_not_found_exception", true},
		{"gone", "9.4.0", Gone(), 410, "api_not_available_exception", true},
		{"breaker", "9.4.0", Breaker(), 429, "circuit_breaking_exception", true},
		{"queue full", "9.4.0", QueueFull(), 429, "process_cluster_event_timeout_exception", true},
		{"queue full", "8.17.0", QueueFull(), 503, "process_cluster_event_timeout_exception", true},
		{"node closed", "9.4.0", NodeClosed(), 500, "node_closed_exception", true},
		{"no master", "9.4.0", NoMaster(), 503, "master_not_discovered_exception", true},
		{"no product header yet", "7.10.2", NoMaster(), 503, "master_not_discovered_exception", false},
		{"OpenSearch has none", "opensearch 2.19.0", Breaker(), 429, "circuit_breaking_exception", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _, h := cluster(t, test.version)
			c.Fail(Fault{On: Shutdown, Times: 1, Effect: test.effect})
			w := do(t, h, "PUT", "/_nodes/x/shutdown?filter_path=nodes", restart)
			body := want(t, w, test.status)
			wantAt(t, body, "error.type", test.kind)
			wantAt(t, body, "error.root_cause.0.type", test.kind)
			wantAt(t, body, "status", float64(test.status))
			if _, ok := w.Header()[productHeader]; ok != test.product {
				t.Errorf("product header: have %v, want %v", ok, test.product)
			}
			if len(c.Records()) != 0 {
				t.Error("it was stored all the same")
			}
		})
	}
}

func TestErrorsWithoutDetails(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version string
		effect  Effect
		want    string
	}{
		{"8.17.0", NoMaster(), `{"error":"MasterNotDiscoveredException[null]","status":503}`},
		{"7.17.0", Error(403, "security_exception", "no"), `{"error":"ElasticsearchSecurityException[no]","status":403}`},
		{"9.4.0", NoMaster(), `{"error":{"type":"master_not_discovered_exception","reason":null},"status":503}`},
	} {
		c, _, h := cluster(t, test.version)
		c.HideDetails()
		heal := c.Fail(Fault{Effect: test.effect})
		if have := do(t, h, "GET", "/", "").Body.String(); have != test.want {
			t.Errorf("%s: have %s, want %s", test.version, have, test.want)
		}
		heal()
		want(t, do(t, h, "GET", "/", ""), 200)
	}
	c, _, h := cluster(t, "8.17.0")
	c.HideDetails()
	wantAt(t, want(t, do(t, h, "PUT", "/_nodes/x/shutdown", "{}"), 400), "error", "No ElasticsearchException found")
}

func TestAnswersThatAreNoAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		effect  Effect
		status  int
		begins  string
		applied bool
	}{
		{"HTML", BadGateway(), 502, "<html>", false},
		{"{}", Body(200, "application/json", "{}"), 200, "{}", false},
		{"redirect", Redirect("http://elsewhere.example/"), 307, "", false},
		{"nested", Nested(10_000), 200, `{"nodes":[[[[`, false},
		{"too many", TooManyRequests("120"), 429, `{"error":{`, false},
		{"half", Malformed(), 200, `{"acknowl`, true},
		{"pretty", Pretty(), 200, "{\n  \"acknowledged\": true\n}\n", true},
		{"chunked", Chunked(), 200, `{"acknowledged":true}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _, h := cluster(t, "9.4.0")
			c.Fail(Fault{Effect: test.effect})
			w := do(t, h, "PUT", "/_nodes/x/shutdown", restart)
			if w.Code != test.status || !strings.HasPrefix(w.Body.String(), test.begins) {
				t.Errorf("have %d %.60s", w.Code, w.Body)
			}
			if _, ok := c.Record("x"); ok != test.applied {
				t.Errorf("applied: have %v, want %v", ok, test.applied)
			}
		})
	}
}

func TestFaultsHit(t *testing.T) {
	t.Parallel()
	c, _, es0 := cluster(t, "9.4.0")
	es1 := c.NodeHandler("es-1")
	c.Fail(Fault{On: TripsBreaker, Skip: 1, Times: 2, Effect: Breaker()})
	c.Fail(Fault{On: GetShutdown, Node: "es-1", Effect: NoMaster()})
	c.Fail(Fault{Match: func(r Request) bool { return r.Query == "pretty" }, Times: 1, Effect: Gone()})
	const path = "/_nodes/x/shutdown"
	for i, step := range []struct {
		on           string
		method, path string
		status       int
	}{
		{"es-0", "GET", path, 200},               // skipped
		{"es-0", "PUT", path, 200},               // not meant
		{"es-0", "GET", "/_nodes/_local", 200},   // neither
		{"es-0", "GET", "/_cat/nodes", 429},      // first
		{"es-1", "GET", path, 429},               // second; comes before the other fault
		{"es-1", "GET", path, 503},               // used up, so it is the other's turn
		{"es-0", "GET", path, 200},               // which is about es-1 alone
		{"es-0", "GET", path + "?pretty", 410},   // matched
		{"es-0", "GET", path + "?pretty", 200},   // once
		{"es-1", "GET", "/_nodes/shutdown", 503}, // for ever
	} {
		body, h := "", es0
		if step.method == "PUT" {
			body = restart
		}
		if step.on == "es-1" {
			h = es1
		}
		if w := do(t, h, step.method, step.path, body); w.Code != step.status {
			t.Errorf("step %d: have %d %s, want %d", i, w.Code, w.Body, step.status)
		}
	}
}
