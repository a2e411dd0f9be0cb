package fakees

import (
	"slices"
	"testing"
)

func TestCombine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		parts []Status
		want  Status
	}{
		{nil, Complete},
		{[]Status{Complete, Complete}, Complete},
		{[]Status{Complete, NotStarted}, NotStarted},
		{[]Status{InProgress, NotStarted}, InProgress},
		{[]Status{InProgress, Stalled, Complete}, Stalled},
		{[]Status{Stalled, NotStarted}, Stalled},
	} {
		if have := combine(test.parts...); have != test.want {
			t.Errorf("%v: have %s, want %s", test.parts, have, test.want)
		}
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		version string
		kind    string
		script  []Phase
		want    []string // overall, with each GET
	}{
		{"none", "9.4.0", "remove", nil, []string{"COMPLETE", "COMPLETE"}},
		{"to and fro", "9.2.0", "remove",
			[]Phase{InProgress.For(2), Stalled.For(1), InProgress.For(1)},
			[]string{"IN_PROGRESS", "IN_PROGRESS", "STALLED", "IN_PROGRESS", "COMPLETE", "COMPLETE"}},
		{"for good", "9.4.0", "sigterm", []Phase{InProgress.For(1), Stalled.For(0), Complete.For(0)},
			[]string{"IN_PROGRESS", "STALLED", "STALLED", "STALLED"}},
		{"too early, as old versions did", "7.17.0", "remove", []Phase{Complete.For(1), InProgress.For(1)},
			[]string{"COMPLETE", "IN_PROGRESS", "COMPLETE"}},
		{"restart waits for plugins", "7.17.0", "restart", []Phase{{Polls: 1, PluginsBusy: true}},
			[]string{"IN_PROGRESS", "COMPLETE"}},
		{"restart waits for snapshots", "9.4.0", "restart", []Phase{{Polls: 1, SnapshotsRunning: 2}},
			[]string{"IN_PROGRESS", "COMPLETE"}},
		{"restart waits for tasks", "9.4.0", "restart", []Phase{{Polls: 1, TasksRemaining: 1}},
			[]string{"IN_PROGRESS", "COMPLETE"}},
		{"snapshots did not count before", "9.2.0", "restart", []Phase{{SnapshotsRunning: 2, TasksRemaining: 1}},
			[]string{"COMPLETE", "COMPLETE"}},
		{"the worst part counts", "9.4.0", "remove", []Phase{{Shards: Stalled, PluginsBusy: true, SnapshotsRunning: 1}},
			[]string{"STALLED"}},
		{"shards that do not count", "9.4.0", "remove", []Phase{{Shards: Complete, ShardsRemaining: 3, Explanation: "IN_PROGRESS elsewhere"}},
			[]string{"COMPLETE"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, n, h := cluster(t, test.version)
			c.Put(Record{NodeID: n.ID, Type: test.kind})
			c.Script(test.kind, test.script...)
			var have []string
			for range test.want {
				body := want(t, do(t, h, "GET", "/_nodes/"+n.ID+"/shutdown", ""), 200)
				have = append(have, at(t, body, "nodes.0.status").(string))
			}
			if !slices.Equal(have, test.want) {
				t.Errorf("have %v, want %v", have, test.want)
			}
		})
	}
}

func TestScriptParts(t *testing.T) {
	t.Parallel()
	c, n, h := cluster(t, "9.4.0")
	c.Put(Record{NodeID: n.ID, Type: "REMOVE"})
	c.Script("", Phase{Shards: Stalled, ShardsRemaining: 2, TasksRemaining: 3, SnapshotsRunning: 4})
	c.Script("es-1", Complete.For(0)) // is not about this node
	body := want(t, do(t, h, "GET", "/_nodes/"+n.ID+"/shutdown", ""), 200)
	for path, value := range map[string]any{
		"shard_migration.status":                             "STALLED",
		"shard_migration.started_shards":                     2.0,
		"shard_migration.shard_migrations_remaining":         2.0,
		"persistent_tasks.status":                            "IN_PROGRESS",
		"persistent_tasks.auto_reassignable_tasks_remaining": 3.0,
		"shard_snapshots.status":                             "IN_PROGRESS",
		"shard_snapshots.running_shards":                     4.0,
		"plugins.status":                                     "COMPLETE",
		"status":                                             "STALLED",
	} {
		wantAt(t, at(t, body, "nodes.0"), path, value)
	}
	if at(t, body, "nodes.0.shard_migration.explanation") == nil || at(t, body, "nodes.0.shard_migration.node_allocation_decision") == nil {
		t.Errorf("STALLED is not explained: %v", body)
	}
}

func TestScriptsOfOneRecord(t *testing.T) {
	t.Parallel()
	c, n, h := cluster(t, "9.4.0")
	c.Put(Record{NodeID: n.ID, Type: "REMOVE"})
	for _, match := range []string{"REMOVE", "es-0", n.ID, ""} {
		status := Stalled
		if match == "es-0" || match == "" {
			status = InProgress
		}
		c.Script(match, status.For(0))
		body := want(t, do(t, h, "GET", "/_nodes/"+n.ID+"/shutdown", ""), 200)
		wantAt(t, body, "nodes.0.status", string(status))
	}
}
