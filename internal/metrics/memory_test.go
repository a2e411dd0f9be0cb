package metrics

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// repeated is a text of a part that comes again and again, up to so many bytes.
type repeated struct {
	part string
	left int
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left <= 0 && r.at == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.part[r.at:])
	r.at = (r.at + n) % len(r.part)
	r.left -= n
	return n, nil
}

// large is the size of an answer, and most is how much more memory may be held at any time while it is read.
const (
	large = 4 << 20
	most  = 8 << 20
)

// watched looks at the memory that is held, with what the collector has not found yet, at some of its reads.
type watched struct {
	io.Reader
	reads int
	peak  uint64
}

func (w *watched) Read(p []byte) (int, error) {
	if w.reads++; w.reads%16 == 0 {
		w.look()
	}
	return w.Reader.Read(p)
}

func (w *watched) look() {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	w.peak = max(w.peak, now.HeapAlloc)
}

// It is not parallel: no other test may allocate meanwhile.
func TestMemoryIsFlat(t *testing.T) {
	const begin, end = `{"stats":[{"name":"a","value":1}`, `]}`
	long := strings.Repeat("x", 60_000)
	for name, test := range map[string]struct {
		kind  string
		parts []io.Reader
		fails bool
	}{
		"text, not selected":   {kind: prometheus, parts: []io.Reader{strings.NewReader("a 1\n"), &repeated{part: `b{app="web",zone="eu\\\"\n"} 1.25 1700000000000 # {t="\""} 1` + "\n", left: large}}},
		"text, selected":       {kind: prometheus, parts: []io.Reader{&repeated{part: `a{app="web",zone="eu\\\"\n"} 1` + "\n", left: large}}},
		"text, many names":     {kind: prometheus, parts: []io.Reader{strings.NewReader("a 1\n"), &repeated{part: "b 1\n# TYPE c gauge\nc 2\n", left: large}}},
		"text, many labels":    {kind: prometheus, parts: []io.Reader{strings.NewReader("a 1\n"), &repeated{part: "b{" + labels(256) + "} 1\n", left: large}}},
		"text, long lines":     {kind: prometheus, parts: []io.Reader{strings.NewReader("a 1\n"), &repeated{part: `b{c="` + long + "\"} 1\n", left: large}}},
		"text, one line":       {kind: prometheus, parts: []io.Reader{strings.NewReader("a 1\n"), &repeated{part: "x", left: large}}, fails: true},
		"stats":                {kind: stats, parts: []io.Reader{strings.NewReader(begin), &repeated{part: `,{"name":"listener.0.0.0.0_80.cx","value":17}`, left: large}, strings.NewReader(end)}},
		"stats, blanks":        {kind: stats, parts: []io.Reader{strings.NewReader(begin), &repeated{part: "," + strings.Repeat(" \n", 30_000) + "{}", left: large}, strings.NewReader(end)}},
		"stats, histograms":    {kind: stats, parts: []io.Reader{strings.NewReader(begin), &repeated{part: `,{"histograms":[[null,1.5,{"name":"x"}]]}`, left: large}, strings.NewReader(end)}},
		"stats, long strings":  {kind: stats, parts: []io.Reader{strings.NewReader(begin), &repeated{part: `,{"name":"` + long + `","value":"` + long + `"}`, left: large}, strings.NewReader(end)}},
		"stats, one string":    {kind: stats, parts: []io.Reader{strings.NewReader(`{"x":"`), &repeated{part: "x", left: large}}, fails: true},
		"stats, one number":    {kind: stats, parts: []io.Reader{strings.NewReader(`{"x":`), &repeated{part: "1", left: large}}, fails: true},
		"stats, nested":        {kind: stats, parts: []io.Reader{strings.NewReader(`{"x":`), &repeated{part: `{"a":[`, left: large}}, fails: true},
		"stats, quotes":        {kind: stats, parts: []io.Reader{strings.NewReader(`{"x":"`), &repeated{part: `\"`, left: large}}, fails: true},
		"stats, one backslash": {kind: stats, parts: []io.Reader{strings.NewReader(`{"x":"`), &repeated{part: `\`, left: large}}, fails: true},
	} {
		s := parse(t, "a")
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		in := &watched{Reader: io.MultiReader(test.parts...)}
		_, _, err := s.Sum(in, test.kind, false)
		in.look()
		if (err != nil) != test.fails {
			t.Errorf("%s: %v", name, err)
		}
		if held := int64(in.peak) - int64(before.HeapAlloc); held > most {
			t.Errorf("%s: %d KiB were held for %d", name, held>>10, large>>10)
		} else {
			t.Logf("%-20s %4d KiB", name, held>>10)
		}
	}
}

func BenchmarkText(b *testing.B) {
	var text strings.Builder
	for n := range 10_000 {
		fmt.Fprintf(&text, "envoy_cluster_upstream_cx_active{envoy_cluster_name=\"outbound|80||service-%d\",zone=\"a\"} %d\n", n, n)
	}
	for name, selector := range map[string]string{
		"other":    `b`,
		"selected": `envoy_cluster_upstream_cx_active{zone="a"}`,
		"regexp":   `{__name__=~".*_cx_active",envoy_cluster_name!~"outbound.*-1.*"}`,
	} {
		b.Run(name, func(b *testing.B) { benchmark(b, selector, prometheus, text.String(), 10_000) })
	}
}

func BenchmarkJSON(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"stats":[{"name":"a","value":1}`)
	for n := range 10_000 {
		fmt.Fprintf(&text, `,{"name":"listener.0.0.0.0_8080.worker_%d.downstream_cx_active","value":%d}`, n, n)
	}
	text.WriteString("]}")
	for name, selector := range map[string]string{
		"other":  `a`,
		"regexp": `{__name__=~"listener[.].*[.]downstream_cx_active",__name__!~".*[.]worker_1[0-9]+[.].*"}`,
	} {
		b.Run(name, func(b *testing.B) { benchmark(b, selector, stats, text.String(), 10_000) })
	}
}

func benchmark(b *testing.B, selector, kind, text string, lines int) {
	s := parse(b, selector)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s.Sum(strings.NewReader(text), kind, false)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*lines), "ns/line")
}
