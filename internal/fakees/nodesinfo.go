package fakees

import (
	"maps"
	"slices"
	"strings"
)

// nodesInfo is GET /_nodes/{spec}/{metrics}. It needs no master, and asks only the nodes that spec
// means. A node that does not reply is counted as failed, with status 200. Of the metrics, only http is
// answered. Metrics that do not exist are ignored.
func (c *Cluster) nodesInfo(r *call) (any, *apiError) {
	if _, refusal := r.duration("timeout", 0); refusal != nil {
		return nil, refusal
	}
	if refusal := r.refuseUnknown("timeout", "flat_settings"); refusal != nil {
		return nil, refusal
	}
	var replies object
	var failures []any
	metrics := strings.Split(r.route.metrics, ",")
	for _, n := range c.resolve(r.route.node, r.by) {
		if c.isSilent(n) {
			failures = append(failures, failedNode(n))
		} else {
			replies = append(replies, member{n.ID, c.nodeInfo(n, metrics)})
		}
	}
	header := object{{"total", len(replies) + len(failures)}, {"successful", len(replies)}, {"failed", len(failures)}}
	return object{
		{"_nodes", header.with("failures", failures, len(failures) > 0)},
		{"cluster_name", clusterName},
		{"nodes", replies},
	}, nil
}

func (c *Cluster) isSilent(n Node) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.silent[n.ID]
}

func failedNode(n Node) object {
	return object{
		{"type", "failed_node_exception"},
		{"reason", "Failed node [" + n.ID + "]"},
		{"node_id", n.ID},
		{"caused_by", object{
			{"type", "receive_timeout_transport_exception"},
			{"reason", "[" + n.Name + "][" + n.transportAddress() + "] request_id [1] timed out after [30000ms]"},
		}},
	}
}

func (c *Cluster) nodeInfo(n Node, metrics []string) object {
	o := object{
		{"name", n.Name},
		{"transport_address", n.transportAddress()},
		{"host", n.Host},
		{"ip", n.IP},
		{"version", c.version.number},
		{"build_flavor", c.version.flavor()},
		{"build_type", "docker"},
		{"build_hash", buildHash},
		{"roles", roles()},
		{"attributes", n.attributes()},
	}
	http := object{
		{"bound_address", []any{"[::]:9200"}},
		{"publish_address", n.publishAddress()},
		{"max_content_length_in_bytes", 100 << 20},
	}
	return o.with("http", http, slices.Contains(metrics, "_all") || slices.Contains(metrics, "http"))
}

func (n Node) attributes() object {
	var o object
	for _, name := range slices.Sorted(maps.Keys(n.Attributes)) {
		o = append(o, member{name, n.Attributes[name]})
	}
	return o
}

func roles() []any { return []any{"data", "ingest", "master", "remote_cluster_client"} }
