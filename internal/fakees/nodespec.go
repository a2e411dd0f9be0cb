package fakees

import (
	"slices"
	"strings"
)

// resolve returns the members that a comma list of node specifications names. A specification is _all, _local (the
// node that received the request), _master, a whole id (never a part of an id), or a pattern with *
// for names, addresses and host names. A pattern with a colon is also for an attribute and its value. Roles
// (master:true) are not known here.
func (c *Cluster) resolve(list string, local Node) []Node {
	members := c.Nodes()
	var specs []func(Node) bool
	for spec := range strings.SplitSeq(list, ",") {
		specs = append(specs, meaning(spec, local, members))
	}
	var meant []Node
	for _, n := range members {
		if slices.ContainsFunc(specs, func(means func(Node) bool) bool { return means(n) }) {
			meant = append(meant, n)
		}
	}
	return meant
}

// meaning returns a function that tells whether a specification means a member.
func meaning(spec string, local Node, members []Node) func(Node) bool {
	switch {
	case spec == "_all":
		return func(Node) bool { return true }
	case spec == "_local":
		return func(n Node) bool { return n.ID == local.ID }
	case spec == "_master":
		return func(n Node) bool { return n.ID == members[0].ID }
	case slices.ContainsFunc(members, func(m Node) bool { return m.ID == spec }):
		return func(n Node) bool { return n.ID == spec }
	}
	return func(n Node) bool {
		return globMatch(spec, n.Name) || globMatch(spec, n.IP) || globMatch(spec, n.Host) || n.hasAttribute(spec)
	}
}

func (n Node) hasAttribute(spec string) bool {
	name, value, ok := strings.Cut(spec, ":")
	if !ok {
		return false
	}
	for k, v := range n.Attributes {
		if globMatch(name, k) && globMatch(value, v) {
			return true
		}
	}
	return false
}

// isMetrics tells whether the only part after /_nodes/ is read as metrics, and not as nodes. A node
// with the name of a metric is only found if the path names a metric too.
func isMetrics(list string) bool {
	metrics := []string{
		"settings", "os", "process", "jvm", "thread_pool", "transport", "http", "remote_cluster_server",
		"plugins", "ingest", "aggregations", "indices", "component_versions",
	}
	for metric := range strings.SplitSeq(list, ",") {
		if !slices.Contains(metrics, metric) {
			return false
		}
	}
	return true
}
