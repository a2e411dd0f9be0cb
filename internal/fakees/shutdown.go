package fakees

import (
	"context"
	"strings"
)

// putShutdown registers a shutdown. The id may be anything except empty. An existing record for it
// is replaced without complaint, unless the new record says the same.
func (c *Cluster) putShutdown(ctx context.Context, r *call) (any, *apiError) {
	record, refusal := parsePut(r.route.node, r.Body, c.version)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := c.checkParams(r); refusal != nil {
		return nil, refusal
	}
	if refusal := record.validate(); refusal != nil {
		return nil, refusal
	}
	if refusal := c.awaitMaster(ctx, r); refusal != nil {
		return nil, refusal
	}
	if record.Type == "REPLACE" && strings.TrimSpace(record.TargetNodeName) == "" {
		return nil, illegal("target node name is required for REPLACE type shutdowns")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.records[record.NodeID]; old == nil || !old.sameAs(record) {
		c.store(record)
	}
	return object{{"acknowledged", true}}, nil
}

// getShutdown answers with the records of a comma list of ids, or with all records if there is no list. An id
// without a record is left out.
func (c *Cluster) getShutdown(ctx context.Context, r *call) (any, *apiError) {
	if refusal := c.checkParams(r); refusal != nil {
		return nil, refusal
	}
	if refusal := c.awaitMaster(ctx, r); refusal != nil {
		return nil, refusal
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answers := []any{}
	for _, record := range c.wanted(r.route.node) {
		answers = append(answers, c.status(record, c.poll(record)))
	}
	return object{{"nodes", answers}}, nil
}

func (c *Cluster) wanted(ids string) []*Record {
	if ids == "" {
		return c.sorted()
	}
	var records []*Record
	for id := range strings.SplitSeq(ids, ",") {
		if record := c.records[id]; record != nil {
			records = append(records, record)
		}
	}
	return records
}

func (c *Cluster) deleteShutdown(ctx context.Context, r *call) (any, *apiError) {
	if refusal := c.checkParams(r); refusal != nil {
		return nil, refusal
	}
	if refusal := c.awaitMaster(ctx, r); refusal != nil {
		return nil, refusal
	}
	if !c.Delete(r.route.node) {
		return nil, &apiError{
			status: 404, kind: "resource_not_found_exception",
			reason: "node [" + r.route.node + "] is not currently shutting down",
		}
	}
	return object{{"acknowledged", true}}, nil
}

func (c *Cluster) checkParams(r *call) *apiError {
	known := c.version.shutdownParams(r.API)
	if refusal := r.refuseUnknown(known...); refusal != nil {
		return refusal
	}
	for _, name := range known {
		if _, refusal := r.duration(name, 0); refusal != nil {
			return refusal
		}
	}
	return nil
}
