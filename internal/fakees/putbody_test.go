package fakees

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestPutRefusals(t *testing.T) {
	t.Parallel()
	const parse, invalid, illegal = "x_content_parse_exception", "action_request_validation_exception", "illegal_argument_exception"
	const notBuilt = "Failed to build [put_node_shutdown_request] after last required field arrived"
	for _, test := range []struct {
		name, version, id, body string
		kind, reason, cause     string
	}{
		{"no body", "9.4.0", "x", "", "parse_exception", "request body is required", ""},
		{"nothing", "9.4.0", "x", `{}`, illegal, "Required [type, reason]", ""},
		{"no reason", "9.4.0", "x", `{"type":"restart"}`, illegal, "Required [reason]", ""},
		{"unknown field", "9.4.0", "x", `{"type":"restart","reason":"x","grace":"1m"}`, parse,
			"[1:32] [put_node_shutdown_request] unknown field [grace]", ""},
		{"field of a later version", "8.8.0", "x", `{"type":"restart","reason":"x","grace_period":"1m"}`, parse,
			"[1:32] [put_node_shutdown_request] unknown field [grace_period]", ""},
		{"in the third line", "7.15.2", "x", "{\n\"type\":\"restart\",\n  \"target_node_name\":\"y\"}", parse,
			"[3:3] [put_node_shutdown_request] unknown field [target_node_name]", ""},
		{"unknown type", "9.4.0", "x", `{"type":"drain","reason":"x"}`, parse, notBuilt, "unknown shutdown type: drain"},
		{"type of a later version", "8.8.0", "x", `{"type":"sigterm","reason":"x"}`, parse, notBuilt, "unknown shutdown type: sigterm"},
		{"Go's duration", "9.4.0", "x", `{"type":"restart","reason":"x","allocation_delay":"5m0s"}`, parse, notBuilt,
			"failed to parse [5m0s]"},
		{"no unit", "9.4.0", "x", `{"type":"restart","reason":"x","allocation_delay":"300"}`, parse, notBuilt,
			"failed to parse setting [put-shutdown-node-request-x] with value [300] as a time value: unit is missing or unrecognized"},
		{"a number", "9.4.0", "x", `{"type":"restart","reason":"x","allocation_delay":300}`, parse,
			"[1:51] [put_node_shutdown_request] allocation_delay doesn't support values of type: VALUE_NUMBER", ""},
		{"null", "9.4.0", "x", `{"type":"restart","reason":null}`, parse,
			"[1:28] [put_node_shutdown_request] reason doesn't support values of type: VALUE_NULL", ""},
		{"an object", "9.4.0", "x", `{"type":{}}`, parse,
			"[1:9] [put_node_shutdown_request] type doesn't support values of type: START_OBJECT", ""},
		{"a list", "9.4.0", "x", `[]`, parse, "[1:1] [put_node_shutdown_request] Expected START_OBJECT but was: START_ARRAY", ""},
		{"twice", "9.4.0", "x", `{"type":"restart","type":"remove","reason":"x"}`, parse, "[1:19] Duplicate field 'type'", ""},
		{"empty id", "9.4.0", "", restart, invalid,
			"Validation Failed: 1: the node id to shutdown is required;2: the reason for shutdown is required;", ""},
		{"delay of a remove", "9.4.0", "x", `{"type":"remove","reason":"x","allocation_delay":"5m"}`, invalid,
			"Validation Failed: 1: allocation_delay is only allowed for RESTART-type shutdown requests;", ""},
		{"replace by nothing", "9.4.0", "x", `{"type":"replace","reason":"x"}`, invalid,
			"Validation Failed: 1: target node name is required for REPLACE type shutdowns;", ""},
		{"target of a restart", "9.4.0", "x", `{"type":"restart","reason":"x","target_node_name":"y"}`, invalid,
			"Validation Failed: 1: target node name is only valid for REPLACE type shutdowns, but was given type [RESTART] and target node name [y];", ""},
		{"sigterm without a grace period", "9.4.0", "x", `{"type":"sigterm","reason":"x"}`, invalid,
			"Validation Failed: 1: grace period is required for SIGTERM shutdowns;", ""},
		{"two at once", "9.4.0", "x", `{"type":"remove","reason":"x","allocation_delay":"5m","grace_period":"1m"}`, invalid,
			"Validation Failed: 1: allocation_delay is only allowed for RESTART-type shutdown requests;" +
				"2: grace period is only valid for SIGTERM type shutdowns, but was given type [REMOVE] and target node name [null];", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _, h := cluster(t, test.version)
			body := want(t, do(t, h, "PUT", "/_nodes/"+test.id+"/shutdown", test.body), 400)
			wantAt(t, body, "error.type", test.kind)
			wantAt(t, body, "error.reason", test.reason)
			wantAt(t, body, "error.root_cause.0.type", test.kind)
			wantAt(t, body, "status", 400.0)
			if test.cause != "" {
				wantAt(t, body, "error.caused_by.reason", test.cause)
			}
			if len(c.Records()) != 0 {
				t.Error("it was stored all the same")
			}
		})
	}
}

func TestPutOfNoJSON(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"{", "nonsense", `{"type"}`, `{"type":"restart","reason":"x"`, `{"type":"restart",}`, `{1:2}`, `{]`} {
		for version, kind := range map[string]string{"9.4.0": "x_content_parse_exception", "7.17.0": "json_parse_exception"} {
			_, _, h := cluster(t, version)
			wantAt(t, want(t, do(t, h, "PUT", "/_nodes/x/shutdown", body), 400), "error.type", kind)
		}
	}
}

func FuzzPutBody(f *testing.F) {
	for _, seed := range []string{restart, `{"type":"sigterm","reason":"\u00e4","grace_period":"1m"}`, `{"type":[1,{"a":null}]}`, "{", "\xff", `{"a":"b",}`, "{\n\n\"x\":1}"} {
		f.Add(seed)
	}
	v, _ := ParseVersion("9.4.0")
	f.Fuzz(func(t *testing.T, body string) {
		r, refusal := parsePut("x", body, v)
		if refusal != nil {
			if refusal.status != http.StatusBadRequest || refusal.kind == "" {
				t.Errorf("%q: %+v", body, refusal)
			}
			return
		}
		var plain map[string]any
		if err := json.NewDecoder(strings.NewReader(body)).Decode(&plain); err != nil || plain["reason"] != r.Reason {
			t.Errorf("%q was read as %+v, but is %v, %v", body, r, plain, err)
		}
	})
}
