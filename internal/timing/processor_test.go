package timing

import "testing"

// verdict is a test that notes whether it has failed.
type verdict struct {
	testing.TB
	failed bool
}

func (v *verdict) Errorf(string, ...any) { v.failed = true }

func TestGrowth(t *testing.T) {
	const n = 1_000_000
	done := 0
	work := func(rounds int) func() {
		return func() {
			for range rounds {
				done++
			}
		}
	}
	first := true
	slowAtFirst := func() {
		if work(n)(); first {
			work(15 * n)()
		}
		first = false
	}
	for name, test := range map[string]struct {
		large func()
		fails bool
	}{
		"twice as much":           {work(2 * n), false},
		"the square of it":        {work(16 * n), true},
		"the square at first":     {slowAtFirst, false},
		"as much as the smallest": {work(n), false},
	} {
		v := &verdict{TB: t}
		if Growth(v, 4, work(n), test.large); v.failed != test.fails {
			t.Errorf("%s: fails is %v, want %v", name, v.failed, test.fails)
		}
	}
}
