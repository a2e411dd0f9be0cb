package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/e2e/kube"
)

var (
	// A selector, as `kubelet_x_total{operation_type="exec_sync"}`. The second group is who serves it.
	selector = regexp.MustCompile(`\b((kubelet|apiserver|kubeproxy)_[a-z_]+)(\{[^}]*\})?`)
	matcher  = regexp.MustCompile(`[a-z_]+="[^"]*"`)
)

// Each metric that the example's alerts are about is served, with the labels that they select by.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	c := begin(t, "11 monitoring", "metrics and events of examples/monitoring are served")
	c.service("kept") // kube-proxy says how long its rules took once it has written some for a Service
	node := c.refuseEviction()
	c.launch(pod{Hook: []string{"/prestop", "post http://127.0.0.1:8081/none"}, Spec: "nodeName: " + node}).stopped(1).ordinary()

	var failed struct{ Items []event }
	c.must(lab.api.Get(t.Context(), "/api/v1/events?fieldSelector=reason=FailedPreStopHook", &failed))
	c.want(len(failed.Items) > 0, "the Event FailedPreStopHook to be found by its reason")

	served := c.metrics(node)
	names := map[string]bool{}
	for _, expr := range expressions(c) {
		for _, m := range selector.FindAllStringSubmatch(expr, -1) {
			if _, there := served[m[2]]; !there {
				continue
			}
			names[m[1]] = true
			c.until(time.Minute, m[0]+" is served", func() bool {
				return hasSeries(c.metrics(node)[m[2]], m[1], matcher.FindAllString(m[3], -1))
			})
		}
	}
	c.want(len(names) > 0, "metrics in the example")
	c.saw("%d metrics with their labels, Events FailedPreStopHook by field selector", len(names))
}

// metrics gives the metrics that are served, by the first word of their names. kube-proxy's are only there if the nodes are ours.
func (c *tcase) metrics(node string) map[string]string {
	c.Helper()
	paths := map[string]string{"apiserver": "/metrics", "kubelet": "/api/v1/nodes/" + node + "/proxy/metrics"}
	if lab.cluster != nil {
		paths["kubeproxy"] = "/api/v1/nodes/http:" + node + ":10249/proxy/metrics"
	}
	served := map[string]string{}
	for who, path := range paths {
		text, err := lab.api.Text(c.Context(), "GET", path)
		c.must(err)
		served[who] = text
	}
	return served
}

// refuseEviction asks for the eviction of a pod that a PodDisruptionBudget forbids, and gives the pod's node.
func (c *tcase) refuseEviction() string {
	c.Helper()
	kept := c.launch(pod{Name: "kept", Hook: []string{"/prestop", "post http://127.0.0.1:8081/none"}})
	c.create(kube.Object{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": kube.Object{"name": "kept"}, "spec": kube.Object{
		"maxUnavailable": 0, "selector": kube.Object{"matchLabels": kube.Object{"app": "kept"}},
	}})
	eviction := kube.Object{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": kube.Object{"name": "kept"}}
	err := lab.api.Create(c.Context(), c.path("pods/kept/eviction"), eviction, nil)
	c.want(kube.Is(err, 429), "429 for an eviction that a budget refuses, got %v", err)
	return kept.now().Spec.NodeName
}

func expressions(c *tcase) []string {
	c.Helper()
	text, err := os.ReadFile("../examples/monitoring/prometheusrule.yaml")
	c.must(err)
	var rule struct {
		Spec struct {
			Groups []struct{ Rules []struct{ Expr string } }
		}
	}
	c.must(yaml.Unmarshal(text, &rule))
	var all []string
	for _, g := range rule.Spec.Groups {
		for _, r := range g.Rules {
			all = append(all, r.Expr)
		}
	}
	return all
}

func hasSeries(text, name string, labels []string) bool {
lines:
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, name+"{") && !strings.HasPrefix(l, name+" ") {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(l, label) {
				continue lines
			}
		}
		return true
	}
	return false
}
