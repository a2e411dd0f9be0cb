package fakees

import "slices"

// A Status is how far a shutdown has come, or one part of it.
type Status string

// What a status may be. With COMPLETE, some shards may still be left: shards that have a
// copy elsewhere do not count.
const (
	NotStarted Status = "NOT_STARTED"
	InProgress Status = "IN_PROGRESS"
	Stalled    Status = "STALLED"
	Complete   Status = "COMPLETE"
)

// For is a phase in which shard_migration has this status and nothing else is left to do. It lasts
// for so many answers; 0: for good.
func (s Status) For(polls int) Phase { return Phase{Polls: polls, Shards: s} }

// combine is the overall status: the worst of the parts that are not complete.
func combine(parts ...Status) Status {
	for _, s := range []Status{Stalled, InProgress, NotStarted} {
		if slices.Contains(parts, s) {
			return s
		}
	}
	return Complete
}

// status is a record as GET shows it in this phase of its script. The overall status is always
// computed, as Elasticsearch does it.
func (c *Cluster) status(r *Record, p Phase) object {
	shards := c.shardMigration(r, p)
	tasks := c.persistentTasks(r, p)
	plugins := object{{"status", busyOr(p.PluginsBusy)}}
	parts := []Status{shards.status(), tasks.status(), plugins.status()}
	var snapshots object
	if c.version.hasTaskAndSnapshotStatus() {
		snapshots = c.shardSnapshots(r, p)
		parts = append(parts, snapshots.status())
	}
	answer := append(c.head(r), member{"status", combine(parts...)},
		member{"shard_migration", shards},
		member{"persistent_tasks", tasks},
		member{"plugins", plugins})
	answer = answer.with("shard_snapshots", snapshots, snapshots != nil)
	answer = answer.with("target_node_name", r.TargetNodeName, r.TargetNodeName != "")
	answer = answer.with("grace_period", r.GracePeriod, r.GracePeriod != "")
	return append(answer, c.extra...)
}

func (c *Cluster) head(r *Record) object {
	var ephemeral any // null if the node was absent at the time of the PUT
	if r.NodeEphemeralID != "" {
		ephemeral = r.NodeEphemeralID
	}
	delay := r.effectiveDelay()
	return object{{"node_id", r.NodeID}}.
		with("node_ephemeral_id", ephemeral, c.version.hasEphemeralID()).
		with("type", r.Type, true).
		with("reason", r.Reason, true).
		with("allocation_delay", delay, delay != "").
		with(c.version.startedField(), r.Started.UnixMilli(), true)
}

func (c *Cluster) shardMigration(r *Record, p Phase) object {
	switch {
	case p.Shards != "":
		return c.scriptedMigration(p)
	case r.Type == "RESTART":
		return object{
			{"status", Complete}, {"shard_migrations_remaining", 0},
			{"explanation", "no shard relocation is necessary for a node restart"},
		}
	case c.neverHere(r):
		return object{
			{"status", NotStarted}, {"shard_migrations_remaining", 0},
			{"explanation", "node is not currently part of the cluster"},
		}
	}
	return c.scriptedMigration(Phase{Shards: Complete})
}

func (c *Cluster) scriptedMigration(p Phase) object {
	started, relocating := p.ShardsRemaining, 0
	if p.Shards == InProgress {
		started, relocating = 0, p.ShardsRemaining
	}
	explanation := p.Explanation
	if explanation == "" && p.Shards == Stalled {
		explanation = "shard [0] [primary] of index [logs] cannot move, see [node_allocation_decision]"
	}
	decision := object{{"can_remain_on_current_node", "no"}, {"can_move_to_other_node", "no"}}
	counters := c.version.hasShardCounters()
	return object{{"status", p.Shards}}.
		with("started_shards", started, counters).
		with("relocating_shards", relocating, counters).
		with("initializing_shards", 0, counters).
		with("shard_migrations_remaining", p.ShardsRemaining, true).
		with("explanation", explanation, explanation != "").
		with("node_allocation_decision", decision, p.Shards == Stalled && c.version.hasAllocationDecision())
}

func (c *Cluster) persistentTasks(r *Record, p Phase) object {
	switch {
	case !c.version.hasTaskAndSnapshotStatus():
		return object{{"status", Complete}}
	case c.neverHere(r):
		return object{
			{"status", NotStarted}, {"persistent_tasks_remaining", 0}, {"auto_reassignable_tasks_remaining", 0},
		}
	}
	return object{
		{"status", busyOr(p.TasksRemaining > 0)},
		{"persistent_tasks_remaining", p.TasksRemaining},
		{"auto_reassignable_tasks_remaining", p.TasksRemaining},
	}
}

func (c *Cluster) shardSnapshots(r *Record, p Phase) object {
	status, running := busyOr(p.SnapshotsRunning > 0), p.SnapshotsRunning
	if c.neverHere(r) {
		status, running = NotStarted, 0
	}
	return object{
		{"status", status}, {"completed_shards", 0}, {"paused_shards", 0}, {"running_shards", running},
	}
}

func (c *Cluster) neverHere(r *Record) bool { return !r.nodeSeen && c.indexOfID(r.NodeID) < 0 }

func busyOr(busy bool) Status {
	if busy {
		return InProgress
	}
	return Complete
}

func (o object) status() Status {
	for _, m := range o {
		if s, ok := m.value.(Status); ok && m.name == "status" {
			return s
		}
	}
	return Complete
}
