package shutdown

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/web"
)

// Answers as Elasticsearch and others give them.
const (
	record92 = `{"nodes":[{"node_id":"abc","node_ephemeral_id":"e","type":"REMOVE","reason":"r","shutdown_started_millis":1,"status":"STALLED",
		"shard_migration":{"status":"STALLED","started_shards":1,"relocating_shards":0,"initializing_shards":0,"shard_migrations_remaining":2,"explanation":"why",
		"node_allocation_decision":{"can_remain_on_current_node":"no"}},"persistent_tasks":{"status":"COMPLETE"},"plugins":{"status":"COMPLETE"}}]}`
	// Inner statuses come after the overall one, and those of parts that are unknown count for nothing.
	record94 = `{"nodes":[{"node_id":"abc","type":"RESTART","reason":null,"allocation_delay":"5m","status":"IN_PROGRESS",
		"shard_migration":{"status":"COMPLETE","shard_migrations_remaining":0},"persistent_tasks":{"status":"COMPLETE","persistent_tasks_remaining":0,"auto_reassignable_tasks_remaining":0},
		"plugins":{"status":"COMPLETE"},"shard_snapshots":{"status":"IN_PROGRESS","completed_shards":1,"paused_shards":0,"running_shards":4},
		"next_release":{"status":"COMPLETE","node_id":"other"},"shutdown_running_time":"5s"}],"next_field":[{"status":"COMPLETE"}]}`
	recordMistyped = `{"nodes":[{"node_id":"abc","type":7,"reason":{"a":1},"status":"COMPLETE","shard_migration":"none","persistent_tasks":[],
		"plugins":true,"shard_snapshots":{"status":3,"running_shards":"many"}}]}`
	nodesObject   = `{"_nodes":{"total":1,"successful":1,"failed":0},"cluster_name":"c","nodes":{"abc":{"name":"es-0","version":"7.10.2","http":{"publish_address":"10.0.0.1:9200"}}}}`
	nodesOpenNone = `{"_nodes":{"total":0,"successful":0,"failed":0},"cluster_name":"c","nodes":{}}`
	nodesFailed   = `{"_nodes":{"total":1,"successful":0,"failed":1,"failures":[{"type":"failed_node_exception"}]},"nodes":{}}`
	errorObject   = `{"error":{"root_cause":[{"type":"security_exception","reason":"x"}],"type":"security_exception","reason":"no","header":{"WWW-Authenticate":["Basic"]}},"status":401}`
	errorNull     = `{"error":{"root_cause":[{"type":"master_not_discovered_exception","reason":null}],"type":"master_not_discovered_exception","reason":null},"status":503}`
	errorText     = `{"error":"Incorrect HTTP method for uri [/_nodes/a/shutdown] and method [PUT], allowed: [GET]","status":405}`
)

func TestReadRecords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       string // of each record: id, type, String
		err        string
	}{
		{"9.2", record92, `abc REMOVE STALLED (shard migration STALLED): why`, ""},
		{"9.4, the overall status", record94, `abc RESTART IN_PROGRESS (shard snapshots IN_PROGRESS)`, ""},
		{"wrong types where nothing rests on them", recordMistyped, `abc  COMPLETE`, ""},
		{"several", `{"nodes":[{"node_id":"a","status":"COMPLETE"},{"node_id":"b","status":"STALLED"}]}`, `a  COMPLETE; b  STALLED`, ""},
		{"none", `{"nodes":[]}`, ``, ""},
		{"pretty", "{\n  \"nodes\" : [\n    {\n      \"node_id\" : \"a\",\n      \"status\" : \"IN_PROGRESS\"\n    }\n  ]\n}\n", `a  IN_PROGRESS`, ""},
		{"an object", nodesObject, "", "no node shutdown API"},
		{"an empty object", nodesOpenNone, "", "no node shutdown API"},
		{"no nodes", `{}`, "", `no list "nodes"`},
		{"nodes null", `{"nodes":null}`, "", `no list "nodes"`},
		{"nodes a number", `{"nodes":1}`, "", `no list "nodes"`},
		{"null", `null`, "", `no list "nodes"`},
		{"a list", `[]`, "", "unreadable"},
		{"empty", ``, "", "unreadable"},
		{"half", record92[:200], "", "unreadable"},
		{"more after it", `{"nodes":[]}{"nodes":[]}`, "", "unreadable"},
		{"a record that is a number", `{"nodes":[5]}`, "", "without node_id or status"},
		{"a record that is null", `{"nodes":[null]}`, "", "without node_id or status"},
		{"no id", `{"nodes":[{"status":"COMPLETE"}]}`, "", "without node_id or status"},
		{"no status", `{"nodes":[{"node_id":"a"}]}`, "", "without node_id or status"},
		{"status null", `{"nodes":[{"node_id":"a","status":null}]}`, "", "without node_id or status"},
		{"status a number", `{"nodes":[{"node_id":"a","status":1}]}`, "", "without node_id or status"},
		{"id a number", `{"nodes":[{"node_id":1,"status":"COMPLETE"}]}`, "", "without node_id or status"},
		{"one of two is bad", `{"nodes":[{"node_id":"a","status":"COMPLETE"},{}]}`, "", "without node_id or status"},
		{"too deep", `{"nodes":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "", "unreadable"},
	}
	for _, test := range tests {
		records, err := readRecords([]byte(test.body))
		testexpect.Error(t, err, test.err)
		var got []string
		for _, r := range records {
			got = append(got, r.NodeID+" "+r.Type+" "+r.String())
		}
		if text := strings.Join(got, "; "); text != test.want {
			t.Errorf("%s: got %q, want %q", test.name, text, test.want)
		}
	}
	if _, err := readRecords([]byte(nodesObject)); !errors.Is(err, errNoAPI) || !web.Final(err) {
		t.Errorf("%v is not a final errNoAPI", err)
	}
	if _, err := readRecords([]byte(`{}`)); web.Final(err) {
		t.Errorf("%v is final, and may be a proxy's", err)
	}
}

func TestReadMembers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		want       []member
		err        string
	}{
		{"one", nodesObject, []member{{"abc", "es-0", "10.0.0.1:9200"}}, ""},
		{"none", nodesOpenNone, nil, ""},
		{"what filter_path leaves of nothing", `{}`, nil, ""},
		{"failed", nodesFailed, nil, "did not reply"},
		{"failed, filtered", `{"_nodes":{"failed":1}}`, nil, "did not reply"},
		{"no http", `{"nodes":{"a":{"name":"x"}}}`, []member{{"a", "x", ""}}, ""},
		{"a name that is a number", `{"nodes":{"a":{"name":1,"http":{"publish_address":"h"}}}}`, []member{{"a", "", "h"}}, ""},
		{"a member that is none", `{"nodes":{"a":null}}`, []member{{"a", "", ""}}, ""},
		{"nodes a list", `{"nodes":[]}`, nil, "unreadable"},
		{"failed a text", `{"_nodes":{"failed":"1"},"nodes":{}}`, nil, "unreadable"},
		{"null", `null`, nil, "unreadable"},
		{"a list", `[]`, nil, "unreadable"},
		{"a text", `"es-0"`, nil, "unreadable"},
		{"empty", ``, nil, "unreadable"},
		{"HTML", `<html>`, nil, "unreadable"},
	}
	for _, test := range tests {
		got, err := readMembers([]byte(test.body))
		testexpect.Error(t, err, test.err)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestMemberHas(t *testing.T) {
	t.Parallel()
	tests := []struct {
		address, ip string
		want        bool
	}{
		{"10.0.0.1:9200", "10.0.0.1", true},
		{"es-0.svc/10.0.0.1:9200", "10.0.0.1", true},
		{"[2001:db8::1]:9200", "2001:db8:0::1", true},
		{"[::ffff:10.0.0.1]:9200", "10.0.0.1", true},
		{"10.0.0.1:9200", "10.0.0.10", false},
		{"10.0.0.10:9200", "10.0.0.1", false},
		{"10.0.0.1", "10.0.0.1", false},
		{"es-0:9200", "10.0.0.1", false},
		{"10.0.0.1:9200", "", false},
		{"", "", false},
		{"/", "", false},
	}
	for _, test := range tests {
		if got := (member{Address: test.address}).has(test.ip); got != test.want {
			t.Errorf("%q has %q: %v", test.address, test.ip, got)
		}
	}
}

func refusalOf(status int, body string) *refusal {
	return refuse(web.Answer{Status: status, Body: []byte(body), URL: &url.URL{Scheme: "https", Host: "es:9200"}})
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	forbidden := `{"error":{"type":"security_exception","reason":"unauthorized for user [a]"},"status":403}`
	block := `{"error":{"type":"cluster_block_exception","reason":"blocked by: [FORBIDDEN/6/cluster read-only (api)];"},"status":403}`
	tests := []struct {
		name   string
		status int
		body   string
		want   string
		final  bool
	}{
		{"401", 401, errorObject, "401 Unauthorized security_exception: no (the credentials are missing or wrong)", false},
		{"403", 403, forbidden, "403 Forbidden security_exception: unauthorized for user [a] (needs the cluster privilege manage, or cluster:admin/shutdown/* with monitor)", true},
		{"403, read-only", 403, block, "403 Forbidden cluster_block_exception: blocked by: [FORBIDDEN/6/cluster read-only (api)]; (the cluster is read-only: even reading a shutdown is refused)", true},
		{"405", 405, errorText, "405 Method Not Allowed: Incorrect HTTP method for uri [/_nodes/a/shutdown] and method [PUT], allowed: [GET]", true},
		{"410", 410, `{"error":{"type":"api_not_available_exception","reason":"gone"}}`, "410 Gone api_not_available_exception: gone (serverless has no node shutdown API)", true},
		{"503, reason null", 503, errorNull, "503 Service Unavailable master_not_discovered_exception (no elected master)", false},
		{"500", 500, `{"error":{"type":"node_closed_exception","reason":"node closed"}}`, "500 Internal Server Error node_closed_exception: node closed", false},
		{"502, HTML", 502, "<html>", "502 Bad Gateway", false},
		{"404, empty", 404, "", "404 Not Found", true},
		{"error of another type", 400, `{"error":5}`, "400 Bad Request", true},
		{"error null", 400, `{"error":null}`, "400 Bad Request", true},
		{"reason of another type", 400, `{"error":{"type":"a","reason":["x"]}}`, "400 Bad Request a", true},
		{"with its cause", 400, `{"error":{"type":"a","reason":"not built","caused_by":{"type":"b","reason":"unknown shutdown type: drain"}}}`, "400 Bad Request a: not built: unknown shutdown type: drain", true},
		{"cause of another type", 400, `{"error":{"type":"a","reason":"not built","caused_by":"b"}}`, "400 Bad Request a: not built", true},
		{"lines", 400, `{"error":{"type":"a","reason":"one\ntwo\u001b[31m\r\nthree"}}`, "400 Bad Request a: one two [31m three", true},
		{"long", 400, `{"error":"` + strings.Repeat("wörd ", 100) + `"}`, "400 Bad Request: " + strings.Repeat("wörd ", 50) + "…", true},
		{"long, of one word", 400, `{"error":"` + strings.Repeat("é", 400) + `"}`, "400 Bad Request: …", true},
	}
	for _, test := range tests {
		r := refusalOf(test.status, test.body)
		if want := "https://es:9200: " + test.want; r.Error() != want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, r, want)
		}
		if web.Final(r) != test.final {
			t.Errorf("%s: final is %v", test.name, !test.final)
		}
	}
}

func TestPodMark(t *testing.T) {
	t.Parallel()
	pod := Pod{"ns", "es-1", "uid"}
	tests := []struct {
		reason     string
		name, same bool
	}{
		{"prestop: pod ns/es-1 is stopping, id uid", true, true},
		{"prestop: pod ns/es-1 is stopping, id uid2", true, false},
		{"prestop: pod ns/es-1 is stopping, id ", true, false},
		{"prestop: pod ns/es-10 is stopping, id uid", false, false},
		{"prestop: pod other/es-1 is stopping, id uid", false, false},
		{"prestop: pod es-1 is stopping, id uid", false, false},
		{"prestop: pod ns/es-1", false, false},
		{"prestop: pod ns/es-1 is stopping", false, false},
		{"by hand: prestop: pod ns/es-1 is stopping, id uid", false, false},
		{"", false, false},
	}
	for _, test := range tests {
		if name, same := pod.marked(test.reason); name != test.name || same != test.same {
			t.Errorf("%q: name %v, same %v", test.reason, name, same)
		}
	}
	for _, p := range []Pod{pod, {"", "es-1", "uid"}, {"", "es-1", ""}} {
		if name, same := p.marked(p.reason()); !name || !same {
			t.Errorf("%q is not its own", p.reason())
		}
	}
}

// Whatever comes in: no panic; a record that counts has an id and a status; an error is one line.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		record92, record94, recordMistyped, nodesObject, nodesOpenNone, nodesFailed, errorObject, errorNull, errorText,
		`{"nodes":[]}`, `{}`, `null`, `[]`, `{"nodes":[{"node_id":"a","status":"COMPLETE"}]}`, `{"NODES":[{"Node_ID":"a","STATUS":"complete"}]}`,
		`{"error":"text"}`, `{"error":{"reason":"a\nb"}}`, `{"acknowledged":true}`, "<html>", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		records, err := readRecords(body)
		if err != nil && len(records) > 0 {
			t.Errorf("%d records and %v", len(records), err)
		}
		for _, r := range records {
			if r.NodeID == "" || r.Status == "" || r.complete() && !strings.EqualFold(r.Status, "COMPLETE") {
				t.Errorf("%+v counts", r)
			}
			oneLine(t, r.String())
			r.details()
		}
		if len(records) > 0 && !holdsText(body, records[0].Status) {
			t.Errorf("status %q is not in it", records[0].Status)
		}
		if members, err := readMembers(body); err != nil && len(members) > 0 {
			t.Errorf("%d members and %v", len(members), err)
		}
		_ = readAcknowledged(body)
		for _, status := range []int{400, 401, 403, 503} {
			a := web.Answer{Status: status, Body: body, URL: &url.URL{Scheme: "https", Host: "es:9200"}}
			oneLine(t, refuse(a).Error())
			refusesMasterTimeout(a)
		}
	})
}

func oneLine(t *testing.T, text string) {
	t.Helper()
	if strings.ContainsFunc(text, unicode.IsControl) {
		t.Errorf("%q is not one line", text)
	}
}

// holdsText tells whether a JSON text has the string somewhere as a value.
func holdsText(body []byte, text string) bool {
	var v any
	return json.Unmarshal(body, &v) == nil && holds(v, text)
}

func holds(v any, text string) bool {
	inside := func(v any) bool { return holds(v, text) }
	switch v := v.(type) {
	case string:
		return v == text
	case []any:
		return slices.ContainsFunc(v, inside)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), inside)
	}
	return false
}
