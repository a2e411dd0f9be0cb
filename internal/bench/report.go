package main

import (
	"cmp"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/phrase"
)

// What is allowed if there is nothing to compare with.
const (
	mostSize = 9_000_000
	mostLate = 100 * time.Millisecond
)

func (r *results) write(w io.Writer, markdown bool) {
	against := version("bash") + ", " + version("curl")
	if r.noBash != nil {
		against = r.noBash.Error()
	}
	fmt.Fprintf(w, "%s/%s, %s, %s; %s, their median and quartiles\n\n",
		runtime.GOOS, runtime.GOARCH, phrase.Count(runtime.NumCPU(), "processor"), against, phrase.Count(r.runs, "run"))
	for _, t := range []table{r.compared(), r.besideGo(), r.alone(), r.quiet(), r.nodes(), r.rollouts(), r.fleet(), r.libraries()} {
		t.write(w, markdown)
	}
	if last := longest(r.ours); last.took > usual.wait+mostLate {
		fmt.Fprintf(w, "the longest run:\n%s\n", last.said)
	}
	if r.noCgroup != nil {
		fmt.Fprintf(w, "not measured, the memory of a container: %v\n", r.noCgroup)
	}
}

func version(program string) string {
	text, _ := exec.Command(program, "--version").Output()
	for _, word := range strings.Fields(string(text)) {
		if number, _, _ := strings.Cut(word, "("); strings.Trim(number, "0123456789.") == "" {
			return program + " " + number
		}
	}
	return program
}

// A quantity is something that is measured for both hooks, and the goal for the ratio of their medians.
type quantity struct {
	name string
	goal float64
	unit unit
	of   func(sample) float64
}

var (
	inRuns = []quantity{
		{"CPU time", 0.2, milliseconds, func(s sample) float64 { return float64(s.cpu) }},
		{"exec to first byte", 0.5, milliseconds, func(s sample) float64 { return float64(s.firstByte) }},
	}
	inMemoryRuns = []quantity{
		{"peak memory, tree RSS", 0.62, mebibytes, func(s sample) float64 { return float64(s.tree) }},
		{"peak memory, cgroup", 0.62, mebibytes, func(s sample) float64 { return float64(s.cgroup) }},
	}
)

func (r *results) compared() table {
	t := table{header: []string{"a hook's run", "prestop", "bash + curl", "ratio", "goal", ""}}
	for _, q := range inMemoryRuns {
		t.add(q.row(r.oursInMemory, r.theirsInMemory)...)
	}
	for _, q := range inRuns {
		t.add(q.row(r.ours, r.theirs)...)
	}
	return t
}

// besideGo compares the memory of the hook with a Go program that makes one request over TLS. The difference is what the hook adds.
func (r *results) besideGo() table {
	t := table{header: []string{"a hook's run", "prestop", "one TLS request in Go", "ratio", "goal", ""}}
	for _, q := range inMemoryRuns {
		q.goal = 1.35
		t.add(q.row(r.oursInMemory, r.plainInMemory)...)
	}
	return t
}

func (q quantity) row(ours, theirs []sample) []string {
	a, b := spread(ours, q.of), spread(theirs, q.of)
	judged := []string{"", fmt.Sprintf("≤ %g", q.goal), notMeasured}
	if a.median > 0 && b.median > 0 {
		judged = judge(a.median, b.median, q.goal)
	}
	return append([]string{q.name, a.in(q.unit), b.in(q.unit)}, judged...)
}

const notMeasured = "not measured"

func verdict(ok bool) string {
	if ok {
		return "ok"
	}
	return "MISSED"
}

// alone are the rows with nothing to compare with.
func (r *results) alone() table {
	t := table{header: []string{"prestop", "measured", "allowed", "ratio", "goal", ""}}
	t.add(append([]string{"binary, stripped, linux/amd64", fmt.Sprint(r.prestopSize), fmt.Sprint(mostSize)},
		judge(float64(r.prestopSize), mostSize, 1)...)...)
	last := longest(r.ours)
	late := last.took - usual.wait
	t.add(append([]string{"past the wait, longest run (a bare timer)",
		fmt.Sprintf("%s (%s)", inMilliseconds(late), inMilliseconds(last.timer)), inMilliseconds(mostLate)},
		judge(float64(late), float64(mostLate), 1)...)...)
	t.add(append([]string{"past for= of until quiet, longest run", inMilliseconds(r.pastQuiet), inMilliseconds(mostPastQuiet)},
		judge(float64(r.pastQuiet), float64(mostPastQuiet), 1)...)...)
	past := longest(r.deadlines).took - hanging.budget()
	t.add("past the deadline, longest run", inMilliseconds(past), inMilliseconds(0), "", "never", verdict(past <= 0))
	return t
}

// judge returns the last cells of a row: the ratio, the goal and the verdict.
func judge(measured, against, goal float64) []string {
	ratio := measured / against
	return []string{fmt.Sprintf("%.3f", ratio), fmt.Sprintf("≤ %g", goal), verdict(ratio <= goal)}
}

func inMilliseconds(d time.Duration) string { return milliseconds.write(float64(d)) }

func longest(samples []sample) sample {
	return slices.MaxFunc(samples, func(a, b sample) int { return cmp.Compare(a.took, b.took) })
}

func (r *results) libraries() table {
	t := table{header: []string{"library", "bytes that it adds to a program with net/http, TLS, JSON and slog"}}
	for i, name := range libraries {
		t.add(name, fmt.Sprint(r.added[i]))
	}
	return t
}
