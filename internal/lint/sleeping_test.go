package lint_test

import (
	"fmt"
	"testing"

	"github.com/prestop/prestop/internal/lint"
)

// A sleep counts whatever starts it, and not together with one that comes instead of it.
func TestSleepsThatFillTheGracePeriod(t *testing.T) {
	t.Parallel()
	for script, fills := range map[string]bool{
		"exec sleep 90":                             true,
		"sleep 30 && exec sleep 40":                 true,
		"command sleep 90":                          true,
		"nohup sleep 90":                            true,
		"nohup sleep 90 &":                          false,
		"sleep 90 || true":                          true,
		"sleep 30 || sleep 40":                      false,
		"drain || sleep 40; sleep 30":               false,
		"drain || { sleep 40; sleep 9; }; sleep 20": false,
		"sleep 30; drain || sleep 70":               true,
		"exec drain":                                false,
	} {
		text := fmt.Sprintf("kind: Pod\nmetadata: {name: web}\nspec: {terminationGracePeriodSeconds: 60, containers: [{name: app, lifecycle: {preStop: {exec: {command: [/bin/sh, -c, %q]}}}}]}\n", script)
		found := false
		for _, f := range lint.Check([]lint.File{{Name: "f", Content: []byte(text)}}).Findings {
			found = found || f.ID == "sleep-fills-grace"
		}
		if found != fills {
			t.Errorf("%s: found %t, want %t", script, found, fills)
		}
	}
}
