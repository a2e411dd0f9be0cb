package fakees

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A Record says that a node is shutting down. It is kept until somebody deletes it, whatever
// becomes of the node. Its id is not checked, and need not be the id of a node.
type Record struct {
	NodeID          string
	NodeEphemeralID string // "" if no such node was a member when the record was made
	Type            string // RESTART, REMOVE, REPLACE or SIGTERM
	Reason          string
	AllocationDelay string // "" if not given; a restart is then answered as 5m
	TargetNodeName  string
	GracePeriod     string
	Started         time.Time

	nodeSeen bool // whether the node was a member at any time since the record was made
	polls    int  // how many answers had it: the place in its script
}

// Put stores a record as another actor (the operator, another hook) would, and replaces an existing
// record. Unless given, Type is RESTART and Started is now.
func (c *Cluster) Put(r Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(r)
}

// Delete removes the record of an id as another actor would, and tells whether there was one.
func (c *Cluster) Delete(nodeID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.records[nodeID]
	delete(c.records, nodeID)
	return ok
}

// Records are the records that there are, in no useful order.
func (c *Cluster) Records() []Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	records := make([]Record, 0, len(c.records))
	for _, r := range c.sorted() {
		records = append(records, *r)
	}
	return records
}

// Record is the record of an id, if there is one.
func (c *Cluster) Record(nodeID string) (Record, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.records[nodeID]; r != nil {
		return *r, true
	}
	return Record{}, false
}

func (c *Cluster) sorted() []*Record {
	records := make([]*Record, 0, len(c.records))
	for _, r := range c.records {
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b *Record) int { return strings.Compare(a.NodeID, b.NodeID) })
	return records
}

func (c *Cluster) store(r Record) {
	r.Type = cmp.Or(strings.ToUpper(r.Type), "RESTART")
	if r.Started.IsZero() {
		r.Started = time.Now()
	}
	r.polls = 0
	if i := c.indexOfID(r.NodeID); i >= 0 {
		r.nodeSeen = true
		r.NodeEphemeralID = c.nodes[i].EphemeralID
	}
	c.records[r.NodeID] = &r
}

// seen notes that a node has joined, if it has a record that was made before.
func (c *Cluster) seen(nodeID string) {
	if r := c.records[nodeID]; r != nil {
		r.nodeSeen = true
	}
}

func (c *Cluster) indexOfID(id string) int {
	return slices.IndexFunc(c.nodes, func(n Node) bool { return n.ID == id })
}

// sameAs tells whether a PUT of n over r changes nothing. The grace period is not compared. If a stored
// restart has no delay, its delay counts as 5m, as GET shows it. So a PUT without a delay
// is never the same as the record that it made.
func (r *Record) sameAs(n Record) bool {
	return r.Type == n.Type &&
		r.Reason == n.Reason &&
		sameTime(r.effectiveDelay(), n.AllocationDelay) &&
		r.TargetNodeName == n.TargetNodeName
}

func (r *Record) effectiveDelay() string {
	if r.AllocationDelay == "" && r.Type == "RESTART" {
		return "5m"
	}
	return r.AllocationDelay
}
