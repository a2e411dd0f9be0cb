//go:build !race

package hook

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/timeline"
	"github.com/prestop/prestop/internal/timing"
)

// Ten times as much takes about ten times as long, from the settings to the drawing.
func TestCostGrowsAsThePlan(t *testing.T) {
	const most = 40 // of 100, if it grew with the square
	planned := func(steps string, more env) func() {
		return func() {
			p := read(t, with(env{graceEnv: "60", stepsSetting: steps}, more)).Plan(world())
			timeline.New(&p.Plan).Write(io.Discard, timeline.Page{})
		}
	}
	lines := func(n int, line string) string {
		var all strings.Builder
		for i := range n {
			fmt.Fprintf(&all, line+"\n", i)
		}
		return all.String()
	}
	for name, do := range map[string]func(n int) func(){
		"steps": func(n int) func() { return planned(lines(300*n, "post http://app/%d"), nil) },
		"waits": func(n int) func() { return planned(lines(300*n, "wait 1%d"), nil) },
		"steps with a header": func(n int) func() {
			return planned(lines(100*n, "post http://app/ header='Authorization: Bearer abcdefgh%d'"), nil)
		},
		"steps that cannot be read":     func(n int) func() { return planned(lines(100*n, "wiat %d token=abcdefgh"), nil) },
		"a step that cannot be read":    func(n int) func() { return planned("wiat "+lines(1, strings.Repeat("ab%%", 2250*n)), nil) },
		"a long word that is a mistake": func(n int) func() { return planned("post "+strings.Repeat("x:@", 3000*n), nil) },
		"variables": func(n int) func() {
			return planned(lines(1, "post http://app/ body="+strings.Repeat("$A", 1000*n)), env{"A": "abcdefgh"})
		},
	} {
		t.Run(name, func(t *testing.T) { timing.Growth(t, most, do(1), do(10)) })
	}
}
