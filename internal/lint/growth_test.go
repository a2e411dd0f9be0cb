//go:build !race

package lint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/timing"
)

// What a file costs grows with its length, and not with the square of it: eight times as much takes at most 24 times the CPU time. A
// busy machine makes that time longer, but not three times as long. The square would take 64 times.
func TestCostGrowsAsTheInput(t *testing.T) {
	hook := func(i int, more string) string {
		return fmt.Sprintf("---\nkind: Pod\nmetadata: {name: web-%d, labels: {app: web-%d}}\nspec:\n  containers:\n  - name: app\n    env: [{name: PRE_STOP_GRACE_PERIOD_SECONDS, value: \"30\"}%s]\n    lifecycle: {preStop: {exec: {command: [/prestop, until quiet 8080]}}}\n", i, i, more)
	}
	many := func(one func(int) string) func(int) string {
		return func(n int) string {
			var b strings.Builder
			for i := range n {
				b.WriteString(one(i))
			}
			return b.String()
		}
	}
	keys := many(func(i int) string { return fmt.Sprintf("  k%d: v\n", i) })
	for name, test := range map[string]struct {
		n    int
		text func(n int) string
	}{
		"manifests": {150, many(func(i int) string { return hook(i, "") })},
		"manifests, Services and ConfigMaps": {200, many(func(i int) string {
			return hook(i, fmt.Sprintf(", {name: A, valueFrom: {configMapKeyRef: {name: c%d, key: a}}}", i)) +
				fmt.Sprintf("---\nkind: Service\nmetadata: {name: web-%d}\nspec: {selector: {app: web-%d}}\n---\nkind: ConfigMap\nmetadata: {name: c%d}\ndata: {a: b}\n", i, i, i)
		})},
		"Services that all select the same": {300, many(func(i int) string {
			return strings.Replace(hook(i, ""), "app: web-"+fmt.Sprint(i), "app: web", 1) + fmt.Sprintf("---\nkind: Service\nmetadata: {name: web-%d}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n", i)
		})},
		"keys of a ConfigMap": {8000, func(n int) string { return "kind: ConfigMap\nmetadata: {name: c}\ndata:\n" + keys(n) }},
		"keys of a ConfigMap of envs": {6000, func(n int) string {
			return "kind: ConfigMap\nmetadata: {name: c}\ndata:\n" + keys(n) + strings.Replace(hook(1, ""), "    env:", "    envFrom: [{configMapRef: {name: c}}]\n    env:", 1)
		}},
		"keys of somebody's object": {8000, func(n int) string { return "apiVersion: x/v1\nkind: X\ndata:\n" + keys(n) }},
		"labels": {8000, func(n int) string {
			return "kind: Pod\nmetadata:\n  labels:\n" + strings.ReplaceAll(keys(n), "  k", "    k") + "spec: {containers: [{name: app}]}\n"
		}},
		"variables": {3000, func(n int) string {
			return hook(1, many(func(i int) string { return fmt.Sprintf(", {name: A%d, value: $(A%d)}", i, i-1) })(n))
		}},
		"containers": {700, func(n int) string {
			return "kind: Pod\nspec:\n  volumes: [{name: p, emptyDir: {}}]\n  containers:\n" + many(func(i int) string {
				return fmt.Sprintf("  - {name: proxy-%d, volumeMounts: [{name: p, mountPath: /s}], lifecycle: {preStop: {exec: {command: [sleep, \"5\"]}}}}\n", i)
			})(n)
		}},
		"containers that run prestop": {200, func(n int) string {
			return "kind: Pod\nspec:\n  volumes: [{name: p, emptyDir: {}}]\n  containers:\n" + many(func(i int) string {
				return fmt.Sprintf("  - {name: a-%d, ports: [{name: https, containerPort: %d}], volumeMounts: [{name: p, mountPath: /s}], lifecycle: {preStop: {exec: {command: [/s/prestop, post http://localhost:%d/x, until quiet 8080]}}}}\n", i, i+1000, i+1000)
			})(n)
		}},
		"commands of a script": {1500, func(n int) string {
			return strings.Replace(hook(1, ""), "/prestop, until quiet 8080", "sh, -c, \""+strings.Repeat("sleep 1; ", n)+"\"", 1)
		}},
		"loops of a script": {400, func(n int) string {
			return strings.Replace(hook(1, ""), "/prestop, until quiet 8080", "sh, -c, \""+many(func(i int) string {
				return fmt.Sprintf("i%d=0; while [ $i%d -lt 9 ]; do sleep 1; i%d=$((i%d+1)); done; ", i, i, i, i)
			})(n)+"\"", 1)
		}},
		"unknown fields": {8000, func(n int) string { return "kind: Pod\nspec:\n  containers: []\n" + keys(n) }},
	} {
		t.Run(name, func(t *testing.T) {
			checks := func(n int) func() {
				files := []File{{Name: "x", Content: []byte(test.text(n))}}
				return func() { Check(files) }
			}
			timing.Growth(t, 24, checks(test.n/2), checks(test.n*4))
		})
	}
}
