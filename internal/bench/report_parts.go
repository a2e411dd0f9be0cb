package main

import (
	"fmt"
	"slices"
	"time"
)

// Goals for until quiet at the largest of crowds.
const (
	mostWatch  = 20 * time.Millisecond // of CPU time in a second
	mostMemory = 2 << 20
	// mostLinear is for ten times as many connections. A linear algorithm costs 10 times as much, or more if the kernel's
	// sockets no longer fit into the processor's caches. A quadratic algorithm costs 100 times as much.
	mostLinear = 20
)

func (r *results) quiet() table {
	t := table{header: []string{"until quiet, a second of", "10", "1,000", "10,000 connections", "against", "ratio", "goal", ""}}
	for i, way := range ways {
		cpu, memory := r.cpu(i), r.more(i)
		t.add(row(way.name+", CPU", milliseconds, cpu[:], float64(way.most))...)
		t.add(append([]string{way.name + ", linear", "", milliseconds.write(cpu[1]), milliseconds.write(cpu[2]), "at 1,000"},
			judge(cpu[2], cpu[1], mostLinear)...)...)
		t.add(row(way.name+", more memory", mebibytes, memory[:], mostMemory)...)
	}
	return t
}

// perCrowd has a number for each of crowds except the first.
type perCrowd [len(crowds) - 1]float64

// cpu is the CPU time of a second, the median of all seconds.
func (r *results) cpu(way int) (all perCrowd) {
	for i, l := range r.looks[way][1:] {
		all[i] = spread(l.cpu, func(d time.Duration) float64 { return float64(d) }).median
	}
	return all
}

// more is how much more memory is resident than without connections.
func (r *results) more(way int) (all perCrowd) {
	for i, l := range r.looks[way][1:] {
		all[i] = float64(max(0, l.memory-r.looks[way][0].memory))
	}
	return all
}

// row judges the last of several numbers by what is allowed; 0: it does not judge.
func row(name string, u unit, all []float64, allowed float64) []string {
	cells := []string{name}
	for _, n := range all {
		cells = append(cells, u.write(n))
	}
	if allowed == 0 {
		return cells
	}
	return slices.Concat(cells, []string{u.write(allowed)}, judge(all[len(all)-1], allowed, 1))
}

func (r *results) nodes() table {
	t := table{header: []string{"Elasticsearch, bytes to find the pod's own node", "10 nodes", "1,000 nodes", "ratio", "goal", ""}}
	for i, f := range findings {
		few, many := r.found[i][0], r.found[i][1]
		judged := judge(float64(many), float64(few), f.goal)
		if f.goal == 0 {
			judged = []string{judged[0], "", ""}
		}
		t.add(append([]string{f.name, fmt.Sprint(few), fmt.Sprint(many)}, judged...)...)
	}
	return t
}
