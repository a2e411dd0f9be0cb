package fakees

import (
	"fmt"
	"slices"
	"strings"
)

const putParser = "put_node_shutdown_request"

// parsePut reads the body of a PUT as strictly as Elasticsearch does: strings only, and only fields
// that this version knows. Which field goes with which type is checked later, by validate.
func parsePut(nodeID, body string, v Version) (Record, *apiError) {
	if body == "" {
		return Record{}, &apiError{status: 400, kind: "parse_exception", reason: "request body is required"}
	}
	fields, refusal := readStrings(body, putFields(v), v)
	if refusal != nil {
		return Record{}, refusal
	}
	if refusal := missing(fields, "type", "reason"); refusal != nil {
		return Record{}, refusal
	}
	r := Record{
		NodeID: nodeID, Type: strings.ToUpper(fields["type"]), Reason: fields["reason"],
		TargetNodeName: fields["target_node_name"],
	}
	if !v.hasType(r.Type) {
		return Record{}, notBuilt("unknown shutdown type: " + fields["type"])
	}
	if r.AllocationDelay, refusal = readTime(fields, "allocation_delay", nodeID); refusal != nil {
		return Record{}, refusal
	}
	r.GracePeriod, refusal = readTime(fields, "grace_period", nodeID)
	return r, refusal
}

// readTime is a field that is a time value, in the form that answers show; "" if not given.
func readTime(fields map[string]string, name, nodeID string) (string, *apiError) {
	given, ok := fields[name]
	if !ok {
		return "", nil
	}
	value, err := parseTimeValue(given, "put-shutdown-node-request-"+nodeID)
	if err != nil {
		return "", notBuilt(err.Error())
	}
	return value.String(), nil
}

func putFields(v Version) []string {
	fields := []string{"type", "reason", "allocation_delay"}
	if v.hasType("REPLACE") {
		fields = append(fields, "target_node_name")
	}
	if v.hasType("SIGTERM") {
		fields = append(fields, "grace_period")
	}
	return fields
}

// notBuilt refuses values that can be read but not understood.
func notBuilt(reason string) *apiError {
	return &apiError{
		status: 400, kind: "x_content_parse_exception", foreign: true,
		reason:   "Failed to build [" + putParser + "] after last required field arrived",
		causedBy: illegal(reason),
	}
}

func missing(fields map[string]string, required ...string) *apiError {
	absent := slices.DeleteFunc(required, func(name string) bool {
		_, ok := fields[name]
		return ok
	})
	if len(absent) == 0 {
		return nil
	}
	return illegal("Required [" + strings.Join(absent, ", ") + "]")
}

// validate checks which fields go with which type. It complains twice about an empty id: where Elasticsearch
// should look at the reason, it looks at the id again.
func (r Record) validate() *apiError {
	var faults []string
	complain := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, fmt.Sprintf("%d: %s;", len(faults)+1, text))
		}
	}
	given := fmt.Sprintf("but was given type [%s] and target node name [%s]", r.Type, orNull(r.TargetNodeName))
	noID := strings.TrimSpace(r.NodeID) == ""
	complain(noID, "the node id to shutdown is required")
	complain(noID, "the reason for shutdown is required")
	complain(r.AllocationDelay != "" && r.Type != "RESTART", "allocation_delay is only allowed for RESTART-type shutdown requests")
	complain(r.TargetNodeName != "" && r.Type != "REPLACE", "target node name is only valid for REPLACE type shutdowns, "+given)
	complain(r.TargetNodeName == "" && r.Type == "REPLACE", "target node name is required for REPLACE type shutdowns")
	complain(r.GracePeriod == "" && r.Type == "SIGTERM", "grace period is required for SIGTERM shutdowns")
	complain(r.GracePeriod != "" && r.Type != "SIGTERM", "grace period is only valid for SIGTERM type shutdowns, "+given)
	if len(faults) == 0 {
		return nil
	}
	return &apiError{
		status: 400, kind: "action_request_validation_exception", foreign: true,
		reason: "Validation Failed: " + strings.Join(faults, ""),
	}
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}
