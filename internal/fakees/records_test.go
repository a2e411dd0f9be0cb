package fakees

import (
	"net/http"
	"strings"
	"testing"
)

func TestPutStoresAnyID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"anything", "es-0", "_local", "_all", "a,b", "a%2Fb", "%20x"} {
		c, _, h := cluster(t, "9.4.0")
		wantAt(t, want(t, do(t, h, "PUT", "/_nodes/"+id+"/shutdown", restart), 200), "acknowledged", true)
		if n := len(c.Records()); n != 1 {
			t.Errorf("%s: %d records, want 1", id, n)
		}
	}
}

func TestPutReplacesOrKeeps(t *testing.T) {
	t.Parallel()
	const first = `{"type":"restart","reason":"a","allocation_delay":"60s"}`
	for _, test := range []struct {
		name, first, second string
		kept                bool
	}{
		{"the same", first, first, true},
		{"the same delay, in other words", first, `{"type":"RESTART","reason":"a","allocation_delay":"1m"}`, true},
		{"another delay", first, `{"type":"restart","reason":"a","allocation_delay":"2m"}`, false},
		{"a restart without a delay is never the same", restart, restart, false},
		{"unless the delay is the 5m that it reads back as", restart, `{"type":"restart","reason":"test","allocation_delay":"5m"}`, true},
		{"another reason", first, `{"type":"restart","reason":"b","allocation_delay":"60s"}`, false},
		{"another type", first, `{"type":"remove","reason":"a"}`, false},
		{"remove to restart, without complaint", `{"type":"remove","reason":"a"}`, restart, false},
		{"remove again", `{"type":"remove","reason":"a"}`, `{"type":"remove","reason":"a"}`, true},
		{"another grace period is not looked at", `{"type":"sigterm","reason":"a","grace_period":"1m"}`,
			`{"type":"sigterm","reason":"a","grace_period":"2m"}`, true},
		{"another target", `{"type":"replace","reason":"a","target_node_name":"x"}`,
			`{"type":"replace","reason":"a","target_node_name":"y"}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, n, h := cluster(t, "9.4.0")
			c.Script("", InProgress.For(1))
			want(t, do(t, h, "PUT", "/_nodes/"+n.ID+"/shutdown", test.first), 200)
			wantAt(t, want(t, do(t, h, "GET", "/_nodes/shutdown", ""), 200), "nodes.0.status", "IN_PROGRESS")
			want(t, do(t, h, "PUT", "/_nodes/"+n.ID+"/shutdown", test.second), 200)
			status := "IN_PROGRESS" // the script began anew
			if test.kept {
				status = "COMPLETE"
			}
			wantAt(t, want(t, do(t, h, "GET", "/_nodes/shutdown", ""), 200), "nodes.0.status", status)
		})
	}
}

func TestGetByIDs(t *testing.T) {
	t.Parallel()
	c, n, h := cluster(t, "9.4.0")
	c.Put(Record{NodeID: n.ID, Type: "remove", Reason: "operator"})
	c.Put(Record{NodeID: "bogus"})
	for path, count := range map[string]int{
		"/_nodes/shutdown":                         2,
		"/_nodes//shutdown":                        2,
		"/_nodes/bogus/shutdown":                   1,
		"/_nodes/bogus," + n.ID + "/shutdown":      2,
		"/_nodes/bogus,unknown/shutdown":           1,
		"/_nodes/unknown/shutdown":                 0,
		"/_nodes/es-0/shutdown":                    0,
		"/_nodes/_local/shutdown":                  0,
		"/_nodes/_all/shutdown":                    0,
		"/_nodes/" + n.ID[:4] + "/shutdown":        0,
		"/_nodes/shutdown?filter_path=**.node_id":  2,
		"/_nodes/bogus/shutdown?error_trace=false": 1,
	} {
		nodes, ok := want(t, do(t, h, "GET", path, ""), 200)["nodes"].([]any)
		if !ok || len(nodes) != count {
			t.Errorf("%s: have %v, want %d records", path, nodes, count)
		}
	}
}

func TestRecordShape(t *testing.T) {
	t.Parallel()
	c, n, h := cluster(t, "9.4.0")
	c.AddField("shutdown_running_time", "1.2m")
	want(t, do(t, h, "PUT", "/_nodes/"+n.ID+"/shutdown", `{"type":"Replace","reason":"a <b>","target_node_name":"es-9"}`), 200)
	w := do(t, h, "GET", "/_nodes/"+n.ID+"/shutdown", "")
	if !strings.Contains(w.Body.String(), "a <b>") {
		t.Errorf("the reason is escaped as Elasticsearch does not: %s", w.Body)
	}
	body := want(t, w, 200)
	for path, value := range map[string]any{
		"nodes.0.node_id":               n.ID,
		"nodes.0.node_ephemeral_id":     n.EphemeralID,
		"nodes.0.type":                  "REPLACE",
		"nodes.0.reason":                "a <b>",
		"nodes.0.allocation_delay":      nil,
		"nodes.0.target_node_name":      "es-9",
		"nodes.0.shutdown_running_time": "1.2m",
		"shutdown_running_time":         "1.2m",
	} {
		wantAt(t, body, path, value)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	c, n, h := cluster(t, "9.4.0")
	c.Put(Record{NodeID: n.ID})
	wantAt(t, want(t, do(t, h, "DELETE", "/_nodes/"+n.ID+"/shutdown", ""), 200), "acknowledged", true)
	body := want(t, do(t, h, "DELETE", "/_nodes/"+n.ID+"/shutdown", ""), 404)
	wantAt(t, body, "error.type", "resource_not_found_exception")
	wantAt(t, body, "error.reason", "node ["+n.ID+"] is not currently shutting down")
}

func TestAnotherActorComesInBetween(t *testing.T) {
	t.Parallel()
	c, n, h := cluster(t, "9.4.0")
	c.OnRequest(func(r Request) {
		switch {
		case r.API == PutShutdown:
			c.Put(Record{NodeID: "other", Type: "REMOVE"})
		case r.API == GetShutdown && c.Count(GetShutdown) == 2:
			c.Delete(n.ID)
		}
	})
	want(t, do(t, h, "PUT", "/_nodes/"+n.ID+"/shutdown", restart), 200)
	if _, ok := c.Record("other"); !ok {
		t.Error("the operator's record is missing")
	}
	for _, count := range []int{1, 0} {
		nodes := want(t, do(t, h, "GET", "/_nodes/"+n.ID+"/shutdown", ""), 200)["nodes"].([]any)
		if len(nodes) != count {
			t.Errorf("have %v, want %d records", nodes, count)
		}
	}
}

func TestRecordsSurviveTheNode(t *testing.T) {
	t.Parallel()
	c, n, h := cluster(t, "9.4.0")
	c.Put(Record{NodeID: n.ID})
	again := c.RestartNode("es-0", true)
	if again.ID != n.ID || again.EphemeralID == n.EphemeralID {
		t.Errorf("restarted as %+v, was %+v", again, n)
	}
	if r, _ := c.Record(n.ID); r.NodeEphemeralID != n.EphemeralID {
		t.Errorf("the record is of %q, want the first incarnation %q", r.NodeEphemeralID, n.EphemeralID)
	}
	if c.RestartNode("es-0", false).ID == n.ID {
		t.Error("the id is the same, though the data is lost")
	}
	if _, ok := c.Record(n.ID); !ok {
		t.Error("the record is gone")
	}
	c.RemoveNode("es-0")
	if _, ok := c.Record(n.ID); !ok {
		t.Error("the record is gone")
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a node that has left still answers")
		}
	}()
	do(t, h, "GET", "/", "")
}
