package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/e2e/kube"
)

// A StatefulSet of a fake Elasticsearch is restarted in turn: each node's shutdown is registered, completed, and cleared when the node is
// back, before the next one's turn.
func TestElasticsearch(t *testing.T) {
	t.Parallel()
	c := begin(t, "10 elasticsearch", "StatefulSet of three restarted in turn")
	all := c.fakeCluster(member())
	begun := len(all.lines())
	c.must(lab.api.Patch(t.Context(), c.path("statefulsets/es"), kube.Object{"spec": kube.Object{"template": kube.Object{
		"metadata": kube.Object{"annotations": kube.Object{"version": "2"}},
	}}}))
	c.awaitStatefulSet("es", 3)
	var seen []string
	for _, l := range all.lines()[begun:] {
		if what := elasticsearchStep(l.text); what != "" && (len(seen) == 0 || seen[len(seen)-1] != what) {
			seen = append(seen, what)
		}
		c.Log(l.at.Format("15:04:05.000"), l.text)
	}
	got := strings.Join(seen, ", ")
	var want []string
	for _, name := range []string{"es-2", "es-1", "es-0"} {
		want = append(want, "registered "+name, "left "+name, "joined "+name, "cleared "+name)
	}
	c.want(got == strings.Join(want, ", "), "each registered, left, joined, cleared, in turn")
	for _, name := range []string{"es-0", "es-1", "es-2"} {
		n := c.hookFailures(name, "app", 0)
		c.want(n == 0, "no FailedPreStopHook of %s, got %d", name, n)
	}
	c.saw("%s", got)
}

// member is a node of the fake cluster.
func member() pod {
	return pod{
		Name: "es", Args: "member http://cluster:9200", Hook: []string{"/prestop"}, Grace: 60,
		Env: map[string]string{"PRE_STOP_ELASTICSEARCH_URL": "http://es-http:9200", "PRE_STOP_ADDITIONAL_WAIT_SECONDS": "2"},
		Container: `
startupProbe: {exec: {command: [/prestop, elasticsearch-clear]}, timeoutSeconds: 10, failureThreshold: 60, periodSeconds: 1}
readinessProbe: {tcpSocket: {port: 9200}, periodSeconds: 1}`,
	}
}

// fakeCluster starts a fake Elasticsearch and a StatefulSet of three of its nodes, and gives what the cluster logs.
func (c *tcase) fakeCluster(node pod) *logged {
	c.Helper()
	c.apply(`
apiVersion: v1
kind: Service
metadata: {name: cluster}
spec: {selector: {app: cluster}, ports: [{port: 9200}]}
---
apiVersion: v1
kind: Service
metadata: {name: es-http}
spec: {selector: {app: es}, ports: [{port: 9200}]}
`)
	cluster := pod{Name: "cluster", Args: "elasticsearch", Container: `readinessProbe: {tcpSocket: {port: 9200}, periodSeconds: 1}`}
	all := c.launch(cluster).log()
	labels := kube.Object{"app": "es"}
	c.create(kube.Object{"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": kube.Object{"name": "es"}, "spec": kube.Object{
		"serviceName": "es", "replicas": 3, "podManagementPolicy": "Parallel", "selector": kube.Object{"matchLabels": labels},
		"template": kube.Object{"metadata": kube.Object{"labels": labels}, "spec": node.spec(c)},
	}})
	c.awaitStatefulSet("es", 3)
	for _, p := range c.pods("app=es") {
		c.tellLog(p.Metadata.Name)
	}
	return all
}

// elasticsearchStep tells what a line of the fake cluster's log means for one of its records.
func elasticsearchStep(text string) string {
	f := strings.Fields(text)
	switch {
	case len(f) == 3 && (f[1] == "left" || f[1] == "joined"):
		return f[1] + " " + f[2]
	case len(f) < 5 || f[4] != "200" || !strings.HasSuffix(f[3], "/shutdown"):
		return ""
	case f[2] == "PUT":
		return "registered " + f[1]
	case f[2] == "DELETE":
		return "cleared " + f[1]
	}
	return ""
}

func (c *tcase) awaitStatefulSet(name string, replicas int) {
	c.Helper()
	c.until(180*time.Second, fmt.Sprintf("StatefulSet %s has its pods", name), func() bool {
		var o struct {
			Metadata struct{ Generation int }
			Status   struct {
				ObservedGeneration, UpdatedReplicas, ReadyReplicas, Replicas int
				CurrentRevision, UpdateRevision                              string
			}
		}
		c.must(lab.api.Get(c.Context(), c.path("statefulsets/"+name), &o))
		s := o.Status
		return s.ObservedGeneration >= o.Metadata.Generation && s.Replicas == replicas && s.ReadyReplicas == replicas && s.CurrentRevision == s.UpdateRevision
	})
}
