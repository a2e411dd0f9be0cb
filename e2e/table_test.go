package e2e

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// table is what the run says last: each case with what was observed.
var table report

type report struct {
	mu   sync.Mutex
	rows []*row
}

type row struct {
	group, name, result, observed string
}

func (r *report) add(group, name string) *row {
	r.mu.Lock()
	defer r.mu.Unlock()
	added := &row{group: group, name: name, result: "UNFINISHED"}
	r.rows = append(r.rows, added)
	return added
}

func (r *report) print(w io.Writer, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.name, b.name))
	})
	wide, bad := 0, 0
	for _, x := range r.rows {
		wide = max(wide, len(x.name))
		if x.result != "ok" && x.result != "skipped" {
			bad++
		}
	}
	fmt.Fprintf(w, "\n%d cases in %s, %d not ok\n", len(r.rows), took.Round(time.Second), bad)
	for _, x := range r.rows {
		fmt.Fprintf(w, "%-10s %-*s  %s\n", x.result, wide, x.name, x.observed)
	}
}
