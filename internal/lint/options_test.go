package lint

import (
	"slices"
	"strings"
	"testing"
)

// What depends on the nodes' version is found for that version alone.
func TestExecReadinessByVersion(t *testing.T) {
	t.Parallel()
	text := shape([]string{"terminationGracePeriodSeconds: 60"}, []string{"readinessProbe: {exec: {command: [/app, ready]}}"}, "{sleep: {seconds: 10}}")
	for version, affected := range map[string]bool{"": false, "1.34.9": false, "1.35.0": true, "v1.35.10-eks-1": true, "1.36.2": false, "1.36.3": true, "v1.37.0": false, "new": false} {
		result := Options{Kubernetes: version}.Check([]File{{Name: "web.yaml", Content: []byte(text)}})
		if got := slices.Contains(shownFindings(t, result), "9 warning exec-readiness-stops"); got != affected {
			t.Errorf("%q: found is %t", version, got)
		}
	}
	if got := linted(t, strings.Replace(text, "exec:", "tcpSocket:", 1)); slices.Contains(got, "9 warning exec-readiness-stops") {
		t.Error("a probe that goes on is found")
	}
}
