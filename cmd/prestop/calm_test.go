package main

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

const (
	looksEvery  = 20 * time.Millisecond // how late this machine wakes us
	mostRuns    = 4                     // are judged
	mostRepeats = 20                    // in all tests: where so much goes wrong it is not the machine
)

var repeats atomic.Int32

// verdict is what is wrong with a run.
type verdict []string

func (v *verdict) Errorf(format string, args ...any) { *v = append(*v, fmt.Sprintf(format, args...)) }

// inCalm judges a run, the nth of its kind from 0 on. One that went wrong while this machine was late, by how much judge tells,
// says nothing of the hook: then another is judged, a few times at most.
func inCalm(t *testing.T, judge func(n int) (wrong verdict, late time.Duration)) {
	t.Helper()
	for n := 1; ; n++ {
		wrong, late := judge(n - 1)
		if len(wrong) > 0 && late > looksEvery && n < mostRuns && repeats.Add(1) <= mostRepeats {
			t.Logf("repeated, since this machine was late by %s: %s", late, wrong[0])
			continue
		}
		for _, text := range wrong {
			t.Error(text)
		}
		return
	}
}
