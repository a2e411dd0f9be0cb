package fakees

import "context"

// clusterState is GET /_cluster/state/nodes, which the master answers from what it knows.
func (c *Cluster) clusterState(ctx context.Context, r *call) (any, *apiError) {
	known := []string{"master_timeout", "local", "flat_settings", "wait_for_metadata_version", "wait_for_timeout"}
	if refusal := r.refuseUnknown(known...); refusal != nil {
		return nil, refusal
	}
	if refusal := c.awaitMaster(ctx, r); refusal != nil {
		return nil, refusal
	}
	var nodes object
	for _, n := range c.Nodes() {
		nodes = append(nodes, member{n.ID, c.nodeState(n)})
	}
	return object{
		{"cluster_name", clusterName},
		{"cluster_uuid", clusterUUID},
		{"nodes", nodes},
	}, nil
}

func (c *Cluster) nodeState(n Node) object {
	return object{
		{"name", n.Name},
		{"ephemeral_id", n.EphemeralID},
		{"transport_address", n.transportAddress()},
		{"attributes", n.attributes()},
		{"roles", roles()},
	}.
		with("external_id", n.Name, c.version.since(8, 3)).
		with("version", c.version.number, c.version.since(8, 0))
}
