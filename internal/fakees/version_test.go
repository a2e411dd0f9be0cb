package fakees

import (
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"9.4.0": true, "7.10.2": true, "9.5.0-SNAPSHOT": true, "opensearch 2.19.0": true, "serverless": true,
		"": false, "9": false, "9.4": false, "9.4.0.1": false, "09.4.0": false, "v9.4.0": false, "OpenSearch 2.19.0": false,
		"9.4.-1": false, " 9.4.0": false,
	} {
		v, err := ParseVersion(s)
		if (err == nil) != ok || ok && v.String() != s {
			t.Errorf("%q: have %v, %v", s, v, err)
		}
	}
}

// profile is what a version is known to answer.
type profile struct {
	version       string
	replace       int // status of such a PUT
	sigterm       int
	putTimeout    int // status with master_timeout
	getTimeout    int
	started       string
	ephemeral     bool
	counters      bool
	snapshots     bool
	bogusRestart  string // the overall status
	productHeader string
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	const before, after = "shutdown_startedmillis", "shutdown_started_millis"
	const product = "Elasticsearch"
	for _, p := range []profile{
		{"7.15.2", 400, 400, 400, 400, before, false, false, false, "COMPLETE", product},
		{"7.17.0", 200, 400, 400, 400, before, false, false, false, "COMPLETE", product},
		{"8.2.0", 200, 400, 400, 400, before, false, false, false, "COMPLETE", product},
		{"8.3.0", 200, 400, 200, 400, before, false, false, false, "COMPLETE", product},
		{"8.9.0", 200, 200, 200, 400, before, false, false, false, "COMPLETE", product},
		{"8.17.0", 200, 200, 200, 200, before, false, true, false, "COMPLETE", product},
		{"8.18.0", 200, 200, 200, 200, before, true, true, false, "COMPLETE", product},
		{"9.2.0", 200, 200, 200, 200, before, true, true, false, "COMPLETE", product},
		{"9.2.5", 200, 200, 200, 200, after, true, true, false, "COMPLETE", product},
		{"9.4.0", 200, 200, 200, 200, after, true, true, true, "NOT_STARTED", product},
	} {
		t.Run(p.version, func(t *testing.T) {
			t.Parallel()
			p.check(t)
		})
	}
}

func (p profile) check(t *testing.T) {
	c, n, h := cluster(t, p.version)
	want(t, do(t, h, "PUT", "/_nodes/x/shutdown", `{"type":"replace","reason":"a","target_node_name":"b"}`), p.replace)
	want(t, do(t, h, "PUT", "/_nodes/x/shutdown", `{"type":"sigterm","reason":"a","grace_period":"30s"}`), p.sigterm)
	want(t, do(t, h, "PUT", "/_nodes/x/shutdown?master_timeout=5s", restart), p.putTimeout)
	want(t, do(t, h, "GET", "/_nodes/x/shutdown?master_timeout=5s", ""), p.getTimeout)
	want(t, do(t, h, "GET", "/_nodes/x/shutdown?timeout=5s", ""), 400)

	c.Put(Record{NodeID: n.ID, Type: "REMOVE"})
	w := do(t, h, "GET", "/_nodes/"+n.ID+"/shutdown", "")
	record := at(t, want(t, w, 200), "nodes.0").(map[string]any)
	for field, there := range map[string]bool{
		p.started: true, "node_ephemeral_id": p.ephemeral, "shard_snapshots": p.snapshots, "allocation_delay": false,
	} {
		if _, ok := record[field]; ok != there {
			t.Errorf("%s: have %v, want %v in %v", field, ok, there, record)
		}
	}
	if _, ok := record["shard_migration"].(map[string]any)["started_shards"]; ok != p.counters {
		t.Errorf("counters: have %v, want %v", ok, p.counters)
	}
	if h := w.Header()[productHeader]; strings.Join(h, "") != p.productHeader {
		t.Errorf("%s: have %q, want %q", productHeader, h, p.productHeader)
	}

	c.Put(Record{NodeID: "bogus"})
	wantAt(t, want(t, do(t, h, "GET", "/_nodes/bogus/shutdown", ""), 200), "nodes.0.status", p.bogusRestart)
	c.Put(Record{NodeID: "bogus", Type: "REMOVE"})
	wantAt(t, want(t, do(t, h, "GET", "/_nodes/bogus/shutdown", ""), 200), "nodes.0.status", "NOT_STARTED")
	c.AddNode(Node{ID: "bogus"}) // it joins: the record is for it
	wantAt(t, want(t, do(t, h, "GET", "/_nodes/bogus/shutdown", ""), 200), "nodes.0.status", "COMPLETE")
	c.RemoveNode("bogus") // and was seen, when it leaves
	wantAt(t, want(t, do(t, h, "GET", "/_nodes/bogus/shutdown", ""), 200), "nodes.0.status", "COMPLETE")
}

func TestWithoutTheAPI(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"7.10.2", "7.14.0", "opensearch 2.19.0"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			_, n, h := cluster(t, version)
			for _, method := range []string{"PUT", "DELETE"} {
				w := do(t, h, method, "/_nodes/"+n.ID+"/shutdown?master_timeout=1s", "")
				wantAt(t, want(t, w, 405), "error",
					"Incorrect HTTP method for uri [/_nodes/"+n.ID+"/shutdown?master_timeout=1s] and method ["+method+"], allowed: [GET]")
				if have := w.Header().Get("Allow"); have != "GET" {
					t.Errorf("Allow: have %q, want GET", have)
				}
			}
			body := want(t, do(t, h, "GET", "/_nodes/"+n.ID+"/shutdown", ""), 200)
			wantAt(t, body, "nodes."+n.ID+".name", "es-0") // an object, and no list
			wantAt(t, body, "nodes."+n.ID+".http", nil)
			body = want(t, do(t, h, "GET", "/_nodes/shutdown", ""), 200)
			if nodes, ok := body["nodes"].(map[string]any); !ok || len(nodes) != 0 {
				t.Errorf("have %v, want an empty object", body["nodes"])
			}
		})
	}
}

func TestServerless(t *testing.T) {
	t.Parallel()
	_, _, h := cluster(t, "serverless")
	wantAt(t, want(t, do(t, h, "GET", "/", ""), 200), "version.build_flavor", "serverless")
	for _, path := range []string{"/_nodes/x/shutdown", "/_nodes/_local/http", "/_cluster/state/nodes", "/_cat/nodes"} {
		wantAt(t, want(t, do(t, h, "GET", path, ""), 410), "error.type", "api_not_available_exception")
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	_, _, h := cluster(t, "opensearch 2.19.0")
	w := do(t, h, "GET", "/", "")
	body := want(t, w, 200)
	wantAt(t, body, "version.distribution", "opensearch")
	wantAt(t, body, "version.number", "2.19.0")
	wantAt(t, body, "name", "es-0")
	if w.Header()[productHeader] != nil {
		t.Error("OpenSearch has no product header")
	}
	_, _, h = cluster(t, "8.17.0")
	body = want(t, do(t, h, "GET", "/", ""), 200)
	wantAt(t, body, "version.distribution", nil)
	wantAt(t, body, "version.number", "8.17.0")
}
