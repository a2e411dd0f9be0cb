package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prestop/prestop/internal/testserver"
)

// TestMain is also the processes that the program starts itself as.
func TestMain(m *testing.M) {
	if done, err := role(os.Args[1:]); done {
		exit(err)
	}
	os.Exit(m.Run())
}

func TestHooksMakeTheSameCalls(t *testing.T) {
	t.Parallel()
	b, err := prepare(t.Context(), t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if b.noBash != nil {
		testserver.Lacks(t, "%v", b.noBash)
	}
	for _, h := range []hook{b.prestop, b.bash} {
		s, err := b.measure(t.Context(), h, brief, inTime)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.calls) != 6 || s.calls[0] != "POST app /shutdown" || !slices.ContainsFunc(s.calls, isPut) {
			t.Errorf("%s made the calls %q, expected the app's and five of Elasticsearch, a PUT among them", h.name, s.calls)
		}
		if s.cpu <= 0 || s.firstByte <= 0 || s.firstByte >= s.took || s.found <= 0 {
			t.Errorf("%s: not measured: %+v", h.name, s)
		}
	}
	if err := (&results{bench: b}).warmUp(t.Context()); err != nil {
		t.Error(err)
	}
}

func isPut(call string) bool { return strings.HasPrefix(call, "PUT ") }

func TestMemoryOfATree(t *testing.T) {
	t.Parallel()
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer child.Process.Kill()
	own, below := highWater(os.Getpid()), highWater(child.Process.Pid)
	if own <= 0 || below <= 0 {
		t.Fatalf("have %d and %d bytes, expected some", own, below)
	}
	if all := treeMemory(os.Getpid()); all < own+below {
		t.Errorf("have %d bytes in all, expected at least %d and %d", all, own, below)
	}
	if gone := highWater(1 << 30); gone != 0 {
		t.Errorf("have %d bytes for no process, expected 0", gone)
	}
}

func TestLooksOfAProcess(t *testing.T) {
	t.Parallel()
	b, err := prepare(t.Context(), t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	const size = 50
	c, err := newCrowd(t.Context(), size)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, way := range ways {
		found, err := b.watch(t.Context(), way, size, c.port())
		if err != nil {
			t.Fatal(err)
		}
		if slices.Max(found.cpu) <= 0 || found.memory < 1<<20 {
			t.Errorf("%s: not measured: %+v", way.name, found)
		}
		if _, err := b.watch(t.Context(), way, size+1, c.port()); err == nil || !strings.Contains(err.Error(), "it sees 50") {
			t.Errorf("%s: one connection less than expected is no error: %v", way.name, err)
		}
	}
}

func TestBytesOnTheWire(t *testing.T) {
	t.Parallel()
	b := &bench{dir: t.TempDir()}
	var err error
	if b.files, err = newSecrets(b.dir); err != nil {
		t.Fatal(err)
	}
	few, err := b.listNodes(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	many, err := b.listNodes(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if row := int64(len("abcdefghijklmnopqrstuv es-0\n")); few < 10*row || many < 1000*row || many > 100*few {
		t.Errorf("%d and %d bytes, expected some %d for each of 10 and 1,000 nodes", few, many, row)
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	took := func(s sample) float64 { return float64(s.took) }
	for _, test := range []struct {
		took []time.Duration
		want string
	}{
		{nil, ""},
		{[]time.Duration{time.Second}, "1000.0 ms (1000.0–1000.0)"},
		{[]time.Duration{5e6, 1e6, 3e6, 2e6, 100e6}, "3.0 ms (2.0–5.0)"},
	} {
		var samples []sample
		for _, d := range test.took {
			samples = append(samples, sample{took: d})
		}
		if have := spread(samples, took).in(milliseconds); have != test.want {
			t.Errorf("%v: have %q, want %q", test.took, have, test.want)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	ours := sample{took: 1010 * time.Millisecond, cpu: 10 * time.Millisecond, firstByte: 123456 * time.Microsecond, tree: 123 << 20, cgroup: 4 << 20, found: 119}
	theirs := sample{took: 1020 * time.Millisecond, cpu: 50 * time.Millisecond, firstByte: 654321 * time.Microsecond, tree: 123 << 20, cgroup: 100 << 20}
	r := &results{
		bench: &bench{runs: 15}, sizes: sizes{prestopSize: 9 << 20, added: make([]int64, len(libraries))},
		ours: []sample{ours}, theirs: []sample{theirs}, oursInMemory: []sample{ours}, theirsInMemory: []sample{theirs}, plainInMemory: []sample{ours},
		deadlines: []sample{{took: hanging.budget() + 1}}, found: [len(findings)][len(clusters)]int64{{123456, 123456}, {123456, 123457}, {1000, 100_000}},
		rolled: map[string]rollout{fixedStrategy: {0, 50, 6}, adaptiveStrategy: {1, 10, 6}},
	}
	for i := range r.looks { // the second way takes too much memory, and not in proportion too much time
		for j, size := range crowds {
			cpu := []time.Duration{1e6 + 800*time.Duration(size*i), 1e9, 1e6 + 800*time.Duration(size*i)}
			r.looks[i][j] = looks{cpu, int64(9<<20 + size*(200+i*100))}
		}
	}
	var out strings.Builder
	r.write(&out, false)
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	// tree RSS, the binary, the deadline, the bytes where another node answers, the memory of the second way,
	// the failed request, the time beyond an all-knowing hook's
	if missed, ok := strings.Count(out.String(), "MISSED"), strings.Count(out.String(), " ok"); missed != 7 || ok != 15 {
		t.Errorf("%d goals missed and %d reached, expected 7 and 15:\n%s", missed, ok, &out)
	}
	r.theirs, r.theirsInMemory, r.noBash = nil, nil, exec.ErrNotFound
	out.Reset()
	r.write(&out, true)
	if n := strings.Count(out.String(), notMeasured); n != 4 {
		t.Errorf("%d rows not measured, expected 4:\n%s", n, &out)
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "CPU time") && strings.Count(line, "|") != 7 {
			t.Errorf("not a row of six cells: %s", line)
		}
	}
}

func TestReadRollouts(t *testing.T) {
	t.Parallel()
	const header = "seed,strategy,requests,failed,hook,all-knowing,rollout\n"
	for _, test := range []struct{ text, err string }{
		{header + "1,fixed wait,9,0,50.01,6.5,50.1\n1,app call + until quiet,9,2,10.02,6.5,10.1\n", ""},
		{header + "1,fixed wait,9,0,50.01,6.5,50.1\n", `did not play "app call + until quiet"`},
		{"", `did not play "fixed wait"`},
		{header + "1,fixed wait,9,none,50.01,6.5,50.1\n", `invalid syntax`},
		{header + "1,fixed wait\n", "wrong number of fields"},
	} {
		got, err := readRollouts(test.text)
		if test.err == "" && (err != nil || got[adaptiveStrategy] != rollout{2, 10.02, 6.5}) || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%v %v, want %q", got, err, test.err)
		}
	}
}
