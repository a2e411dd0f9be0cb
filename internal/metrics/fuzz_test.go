package metrics

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

// checkOutcome sums twice, with another size of reads.
func checkOutcome(t *testing.T, s Selector, text, kind string) (sum float64, series int, err error) {
	t.Helper()
	sum, series, err = s.Sum(iotest.OneByteReader(strings.NewReader(text)), kind, false)
	if math.IsNaN(sum) != (err != nil) || (series == 0) != (err != nil) {
		t.Errorf("%q: %v in %d series, %v", text, sum, series, err)
	}
	if err != nil && len(err.Error()) > 600 {
		t.Errorf("%q: the error has %d bytes", text, len(err.Error()))
	}
	again, n, errAgain := s.Sum(strings.NewReader(text), kind, false)
	if (errAgain == nil) != (err == nil) || n != series || again != sum && err == nil {
		t.Errorf("%q: %v in %d series (%v), then %v in %d (%v)", text, sum, series, err, again, n, errAgain)
	}
	return sum, series, err
}

func FuzzSelector(f *testing.F) {
	for _, seed := range []string{
		`a{b="c",d!="e",f=~"g",h!~"i"}`, "{", `a{b='\''}`, "a{b=`c`}", "listener.0.0.0.0_80", `{__name__=~"a.*",__name__!~"b"}`, `{"a","b"="c"}`, `a{b=~"x)(y"}`, " ", `a{b="\xff\377\u00fc"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelector(text)
		if err != nil {
			var column int
			if _, scan := fmt.Sscanf(err.Error(), "column %d: expected ", &column); scan != nil || column < 1 || column > len(text)+1 || s.String() != "" || len(err.Error()) > 600 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if s.String() != text {
			t.Errorf("%q: %s", text, s)
		}
		checkOutcome(t, s, promText, prometheus)
		checkOutcome(t, s, envoyStats, stats)
		// It wants something of a series, so that one without anything is never selected.
		if s.matchesNothing() {
			t.Errorf("%q selects a series with no name and no labels", text)
		}
	})
}

func (s Selector) matchesNothing() bool {
	t := total{Selector: s}
	return t.selects(map[string]string{"": ""})
}

func FuzzText(f *testing.F) {
	for line := range strings.Lines(promText) {
		f.Add(line, false)
		f.Add(line+"# EOF\n", true)
	}
	f.Add(promText, false)
	for _, seed := range []string{"a 1", "a 0\n# EOF", "a{l=\"\\", "{\"a\"", "a 0x1\n", "a 1 2 # {a=\"b\"} 1 2\n", "a{} 1\r\n", "a{a=\"1\",a=\"2\"} 3\n", "a-1\n", "{\"a\",\"a\"=\"b\"} 1\n", "a .5e1\n"} {
		f.Add(seed, false)
	}
	selectors := []Selector{parse(f, "a"), parse(f, `{__name__=~".+"}`), parse(f, `{a=~".+",__name__!="a"}`)}
	picks := []func(map[string]string) bool{
		func(l map[string]string) bool { return l[nameLabel] == "a" },
		func(map[string]string) bool { return true },
		func(l map[string]string) bool { return l["a"] != "" && l[nameLabel] != "a" },
	}
	f.Fuzz(func(t *testing.T, text string, open bool) {
		if len(text) >= maxPart {
			return
		}
		for n, s := range selectors {
			if open {
				sum, series, err := checkOutcome(t, s, text, openMetrics)
				checkCuts(t, s, text, openMetrics, sum, series, err)
				continue
			}
			sum, series, err := checkOutcome(t, s, text, prometheus)
			checkCuts(t, s, text, prometheus, sum, series, err)
			wantSum, wantSeries, ok := referenceSum(text, picks[n])
			if ok != (err == nil) || ok && (sum != wantSum || series != wantSeries) {
				t.Errorf("%s, %q: %v in %d series (%v), the reference has %v in %d, %t", s, text, sum, series, err, wantSum, wantSeries, ok)
			}
		}
	})
}

// checkCuts cuts the last line: that is never another sum.
func checkCuts(t *testing.T, s Selector, text, kind string, sum float64, series int, err error) {
	t.Helper()
	if err != nil {
		return
	}
	last := strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n') + 1
	for end := last + 1; end < len(text); end += 1 + (len(text)-last)/50 {
		got, n, err := s.Sum(strings.NewReader(text[:end]), kind, false)
		if err == nil && (kind == prometheus || got != sum || n != series) {
			t.Errorf("%s, %q cut after %d bytes: %v in %d series, whole %v in %d", s, text, end, got, n, sum, series)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		envoyStats, `{"stats":[{"name":"a","value":1}]}`, `{"stats":[{"name":"a","value":1}],"stats":[]}`, `{"stats":[{"name":"\u0061","value":-1.5e+3}]} `,
		`{"stats":[{"value":0,"name":"a"},{"name":"a\\","value":"\""},{"histograms":{}}],"x":[[],{},null,true,false]}`, `{"stats":[{"name":"a","value":1e999}]}`, "{", `{"stats":[{"name":"a\`, "[[[[",
	} {
		f.Add(seed)
	}
	selectors := []Selector{parse(f, "a"), parse(f, `{__name__=~".+"}`)}
	picks := []func(string) bool{func(n string) bool { return n == "a" }, func(n string) bool { return n != "" }}
	f.Fuzz(func(t *testing.T, text string) {
		for n, s := range selectors {
			sum, series, err := checkOutcome(t, s, text, stats)
			if err != nil {
				continue
			}
			if wantSum, wantSeries, ok := referenceStats(text, picks[n]); !ok || sum != wantSum && sum == sum || series != wantSeries {
				t.Errorf("%s, %q: %v in %d series, the reference has %v in %d, %t", s, text, sum, series, wantSum, wantSeries, ok)
			}
			for end := range len(strings.TrimRight(text, " \t\r\n")) {
				if _, _, err := s.Sum(strings.NewReader(text[:end]), stats, false); err == nil {
					t.Errorf("%s, %q: read when cut after %d bytes", s, text, end)
				}
			}
		}
	})
}
