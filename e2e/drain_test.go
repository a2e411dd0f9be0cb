package e2e

import (
	"strings"
	"testing"

	"github.com/prestop/prestop/e2e/kube"
)

// A node is drained while clients ask a Service that has pods there.
func TestDrain(t *testing.T) {
	c := begin(t, rollouts, "7 node drained under load, 2 of 4 pods there, PodDisruptionBudget maxUnavailable 1: until quiet")
	if lab.cluster == nil {
		c.skip("the nodes are not ours")
	}
	node := lab.cluster.Nodes[1]
	hook := untilQuiet.pod
	hook.Spec = `
topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}, nodeTaintsPolicy: Honor}]`
	d := c.deploy("web", 4, hook)
	c.create(kube.Object{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": kube.Object{"name": "web"}, "spec": kube.Object{
		"maxUnavailable": 1, "selector": kube.Object{"matchLabels": kube.Object{"app": "web"}},
	}})
	there := func() int {
		n := 0
		for _, p := range c.pods("app=web") {
			if p.Spec.NodeName == node.Name {
				n++
			}
		}
		return n
	}
	before := there()
	c.want(before == 2, "2 pods on the node, got %d", before)
	// Clients live elsewhere: they have a node of their own.
	_, err := lab.cluster.Kubectl(t.Context(), "cordon", node.Name)
	c.must(err)
	keep, other := d.load()
	out, err := lab.cluster.Kubectl(t.Context(), "drain", node.Name, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s", "--pod-selector=app=web")
	c.Log(out)
	c.must(err)
	d.await()
	left := there()
	keeping, others := keep.end(), other.end()
	_, err = lab.cluster.Kubectl(t.Context(), "uncordon", node.Name)
	c.must(err)
	c.want(left == 0, "no pod left on the node, got %d", left)
	c.want(keeping.Failed+others.Failed == 0, "no failed request")
	c.saw("%d pods evicted (%d refusals by the budget in between); keep-alive: %s; new connections: %s", before, strings.Count(out, "Cannot evict pod"), keeping, others)
}
