package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A unit writes numbers.
type unit struct {
	name string
	size float64
}

var (
	mebibytes    = unit{"MiB", 1 << 20}
	milliseconds = unit{"ms", float64(time.Millisecond)}
)

func (u unit) number(n float64) string { return fmt.Sprintf("%.1f", n/u.size) }
func (u unit) write(n float64) string  { return u.number(n) + " " + u.name }

// A distribution is what several runs say about a quantity. The zero value is the distribution of no runs.
type distribution struct{ low, median, high float64 }

func spread[S any](samples []S, quantity func(S) float64) distribution {
	var all []float64
	for _, s := range samples {
		all = append(all, quantity(s))
	}
	if len(all) == 0 {
		return distribution{}
	}
	slices.Sort(all)
	at := func(part float64) float64 { return all[int(math.Round(part*float64(len(all)-1)))] }
	return distribution{at(0.25), at(0.5), at(0.75)}
}

func (d distribution) in(u unit) string {
	if d == (distribution{}) {
		return ""
	}
	return fmt.Sprintf("%s (%s–%s)", u.write(d.median), u.number(d.low), u.number(d.high))
}
