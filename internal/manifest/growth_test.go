//go:build !race

package manifest_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/manifest"
	"github.com/prestop/prestop/internal/timing"
)

// The time for a document grows as the document does, be it one line, or full of anchors. What looked for each place from the beginning
// took more than thirty times as long for eight times as many pods.
func TestCostGrowsAsTheDocument(t *testing.T) {
	for name, document := range map[string]func(pods int) string{
		"anchors": func(pods int) string {
			text := "kind: List\nitems:\n"
			for n := range pods {
				text += fmt.Sprintf("- kind: Pod\n  metadata: {name: é%[1]d, labels: &l%[1]d {a: b}, annotations: *l%[1]d}\n  spec: &s%[1]d\n    containers:\n    - {name: app, ports: [{containerPort: 80}], env: &e%[1]d []}\n", n)
			}
			return text
		},
		"a line": func(pods int) string {
			var all []string
			for n := range pods {
				all = append(all, fmt.Sprintf(`{"kind":"Pod","metadata":{"name":"é%d"},"spec":{"containers":[{"name":"app","ports":[{"containerPort":80}]}]}}`, n))
			}
			return `{"kind":"List","items":[` + strings.Join(all, ",") + "]}"
		},
	} {
		injects := func(pods int) func() {
			text := []byte(document(pods))
			return func() {
				out, _, errs := manifest.Inject(lint.File{Name: name, Content: text}, inject.Parameters{Image: "p:1"})
				if n := bytes.Count(out, []byte("PRE_STOP_STEPS")); len(errs) > 0 || n != pods {
					t.Errorf("%s: %d hooks, %v", name, n, errs)
				}
			}
		}
		t.Run(name, func(t *testing.T) { timing.Growth(t, 28, injects(100), injects(800)) })
	}
}
