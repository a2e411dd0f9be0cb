package shutdown

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/web"
)

// The API is private and changes without notice, so answers are read leniently. Unknown fields are ignored. Known fields of another type
// are ignored too, if no decision depends on them.

// record is a registered shutdown.
type record struct {
	NodeID string `json:"node_id"`
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Status string `json:"status"` // the overall one
	Shards struct {
		Status      string `json:"status"`
		Remaining   int    `json:"shard_migrations_remaining"`
		Explanation string `json:"explanation"`
	} `json:"shard_migration"`
	Tasks struct {
		Status    string `json:"status"`
		Remaining int    `json:"persistent_tasks_remaining"`
	} `json:"persistent_tasks"`
	Plugins struct {
		Status string `json:"status"`
	} `json:"plugins"`
	Snapshots struct {
		Status  string `json:"status"`
		Running int    `json:"running_shards"`
	} `json:"shard_snapshots"`
}

func (r *record) is(status string) bool { return strings.EqualFold(r.Status, status) }
func (r *record) complete() bool        { return r.is("COMPLETE") }

// movesData is false for a restart, which moves no shards.
func (r *record) movesData() bool { return !strings.EqualFold(r.Type, "restart") }

func (r *record) changed(last *record) bool { return r != nil && (last == nil || *r != *last) }

func (r *record) String() string {
	var parts []string
	for _, d := range []struct{ what, status string }{
		{"shard migration", r.Shards.Status}, {"persistent tasks", r.Tasks.Status},
		{"plugins", r.Plugins.Status}, {"shard snapshots", r.Snapshots.Status},
	} {
		if d.status != "" && !strings.EqualFold(d.status, "COMPLETE") {
			parts = append(parts, d.what+" "+d.status)
		}
	}
	text := r.Status
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	if r.Shards.Explanation != "" {
		text += ": " + r.Shards.Explanation
	}
	return shorten(text)
}

// details are the log attributes of what is still to be done.
func (r *record) details() []any {
	var all []any
	add := func(key string, n int) {
		if n > 0 {
			all = append(all, key, n)
		}
	}
	add("shards_remaining", r.Shards.Remaining)
	add("tasks_remaining", r.Tasks.Remaining)
	add("snapshots_running", r.Snapshots.Running)
	if r.Shards.Explanation != "" {
		all = append(all, "explanation", r.Shards.Explanation)
	}
	return all
}

// errNoAPI is for a server that takes "shutdown" for a kind of node information: its "nodes" is an object, not a list.
var errNoAPI = errors.New("it has no node shutdown API")

// readRecords reads the answer to a GET of shutdown records.
func readRecords(body []byte) ([]record, error) {
	var answer struct {
		Nodes json.RawMessage `json:"nodes"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, unreadable(err)
	}
	if bytes.HasPrefix(answer.Nodes, []byte("{")) {
		return nil, web.Permanent(errNoAPI)
	}
	if !bytes.HasPrefix(answer.Nodes, []byte("[")) {
		return nil, unreadable(errors.New(`no list "nodes" in it`))
	}
	var records []record
	_ = json.Unmarshal(answer.Nodes, &records) // it is JSON, and what is needed of it is checked
	for _, r := range records {
		if r.NodeID == "" || r.Status == "" {
			return nil, unreadable(errors.New("a record without node_id or status"))
		}
	}
	return records, nil
}

// readAcknowledged reads the answer to a change.
func readAcknowledged(body []byte) error {
	var answer struct {
		Acknowledged bool `json:"acknowledged"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return unreadable(err)
	}
	if !answer.Acknowledged {
		return unreadable(errors.New("not acknowledged"))
	}
	return nil
}

func unreadable(err error) error { return fmt.Errorf("unreadable answer: %w", err) }

// lenient ignores a field of an unexpected type. The fields that are needed are checked separately.
func lenient(err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err
}

// member is a node of the cluster.
type member struct {
	ID, Name string
	Address  string // of its HTTP interface: IP, port
}

// readMembers reads the answer to a GET of node information.
func readMembers(body []byte) ([]member, error) {
	var answer struct {
		Summary struct {
			Failed int `json:"failed"`
		} `json:"_nodes"`
		Nodes map[string]json.RawMessage `json:"nodes"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, unreadable(err)
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return nil, unreadable(errors.New("no object"))
	}
	if answer.Summary.Failed > 0 {
		return nil, errors.New("the node did not reply to the cluster")
	}
	var all []member
	for id, text := range answer.Nodes {
		var n struct {
			Name string `json:"name"`
			HTTP struct {
				Address string `json:"publish_address"`
			} `json:"http"`
		}
		_ = json.Unmarshal(text, &n) // a node without a name is never ours
		all = append(all, member{id, n.Name, n.HTTP.Address})
	}
	return all, nil
}

// has tells whether the member publishes the given IP address. The member's address may be written "name/ip:port".
func (m member) has(ip string) bool {
	address := m.Address[strings.LastIndexByte(m.Address, '/')+1:]
	published, err := netip.ParseAddrPort(address)
	want, err2 := netip.ParseAddr(ip)
	return err == nil && err2 == nil && published.Addr().Unmap() == want.Unmap()
}

// refusal is what Elasticsearch says in an answer that is no success.
type refusal struct {
	web.Answer
	kind, reason string
}

// refuse reads an error answer. The error may be an object or text, and the reason null.
func refuse(a web.Answer) *refusal {
	r := &refusal{Answer: a}
	var body struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(a.Body, &body) != nil {
		return r
	}
	var object struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
		Cause  struct {
			Reason string `json:"reason"`
		} `json:"caused_by"`
	}
	if json.Unmarshal(body.Error, &r.reason) != nil && lenient(json.Unmarshal(body.Error, &object)) == nil {
		r.kind, r.reason = object.Type, object.Reason
		if object.Cause.Reason != "" {
			r.reason += ": " + object.Cause.Reason
		}
	}
	return r
}

// Error is one line, with what can be done about it.
func (r *refusal) Error() string {
	text := fmt.Sprintf("%s: %d %s", web.Place(r.URL), r.Status, http.StatusText(r.Status))
	if r.kind == "" && r.reason == "" {
		text = web.Place(r.URL) + ": " + r.Answer.String()
	}
	if r.kind != "" {
		text += " " + shorten(r.kind)
	}
	if r.reason != "" {
		text += ": " + shorten(r.reason)
	}
	if hint := r.hint(); hint != "" {
		text += " (" + hint + ")"
	}
	return text
}

func (r *refusal) hint() string {
	switch {
	case r.Status == http.StatusUnauthorized:
		return "the credentials are missing or wrong"
	case r.kind == "cluster_block_exception":
		return "the cluster is read-only: even reading a shutdown is refused"
	case r.Status == http.StatusForbidden:
		return "needs the cluster privilege manage, or cluster:admin/shutdown/* with monitor"
	case r.kind == "api_not_available_exception":
		return "serverless has no node shutdown API"
	case r.kind == "master_not_discovered_exception":
		return "no elected master"
	}
	return ""
}

// Final tells whether another try would get the same answer. A 401 is not final: it may pass while the users file is read again.
func (r *refusal) Final() bool {
	return !web.Transient(r.Answer) && r.Status != http.StatusUnauthorized
}

// shorten makes one line of a text for a person.
func shorten(s string) string {
	const most = 300
	s = web.OneLine(s)
	if len(s) <= most {
		return s
	}
	return s[:strings.LastIndexByte(s[:most], ' ')+1] + escape.Cut // cut at a blank, since nobody recognises half of a secret
}
