package fakees

import "strings"

// A Phase is a part of a shutdown that lasts for so many answers to GET. Everything that it does not set is as
// it would be without a script.
type Phase struct {
	Polls int // how many answers it lasts; 0: for good

	Shards          Status // shard_migration.status; also for a restart, though no known version does that
	ShardsRemaining int    // shard_migrations_remaining
	Explanation     string // of shard_migration; a text is made up for STALLED

	PluginsBusy      bool // plugins are IN_PROGRESS (machine learning, for one)
	TasksRemaining   int  // from 9.4: persistent tasks that are still to be moved, IN_PROGRESS if any
	SnapshotsRunning int  // from 9.4: shard snapshots that still run, IN_PROGRESS if any
}

type script struct {
	match  string
	phases []Phase
}

// Script says how a shutdown goes on, for the records that match. match is an id, the name of the node that
// has the id, or a type in any case; empty: all records match. The last script that matches counts. A script
// begins with its record, so it begins anew if the record is replaced. For existing records it begins with
// this call. After the last phase, a record is as it would be without a script: COMPLETE, unless its
// node never was a member.
func (c *Cluster) Script(match string, phases ...Phase) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scripts = append(c.scripts, script{match, phases})
	for _, r := range c.records {
		if c.matches(match, r) {
			r.polls = 0
		}
	}
}

// poll is the phase for the next answer of a record.
func (c *Cluster) poll(r *Record) Phase {
	left := r.polls
	r.polls++
	for _, p := range c.scriptOf(r) {
		if p.Polls == 0 || left < p.Polls {
			return p
		}
		left -= p.Polls
	}
	return Phase{}
}

func (c *Cluster) scriptOf(r *Record) []Phase {
	for i := len(c.scripts) - 1; i >= 0; i-- {
		if c.matches(c.scripts[i].match, r) {
			return c.scripts[i].phases
		}
	}
	return nil
}

func (c *Cluster) matches(match string, r *Record) bool {
	if match == "" || match == r.NodeID || strings.EqualFold(match, r.Type) {
		return true
	}
	i := c.indexOfID(r.NodeID)
	return i >= 0 && c.nodes[i].Name == match
}
