package metrics

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

const (
	prometheus  = "text/plain; version=0.0.4; charset=utf-8"
	openMetrics = "application/openmetrics-text; version=1.0.0"
	stats       = "application/json"
)

func parse(t testing.TB, text string) Selector {
	t.Helper()
	s, err := ParseSelector(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseSelectorErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":               `column 1: expected a metric's name, as in requests_active{app="web"}, got nothing more`,
		" \t":            `column 3: expected a metric's name, as in requests_active{app="web"}, got nothing more`,
		"{}":             `column 3: expected a metric's name, as in requests_active{app="web"}, got nothing more`,
		"a b":            `column 3: expected the end, got "b"`,
		"a{":             `column 3: expected a label's name, got nothing more`,
		"a{b":            `column 4: expected =, !=, =~ or !~, got nothing more`,
		"a{b=":           `column 5: expected a value in quotes, got nothing more`,
		"a{b=c}":         `column 5: expected a value in quotes, got "c}"`,
		`a{b="c}`:        `column 5: expected a closing quote after this, got "\"c}"`,
		`a{b="c"`:        `column 8: expected a comma or }, got nothing more`,
		`a{b="c" d="e"}`: `column 9: expected a comma or }, got "d=\"e\"}"`,
		`a{,}`:           `column 3: expected a label's name, got ",}"`,
		`a{1b="c"}`:      `column 3: expected a label's name, got "1b=\"c\"}"`,
		`a{b-c="d"}`:     `column 4: expected =, !=, =~ or !~, got "-c=\"d\"}"`,
		`a{b=="c"}`:      `column 5: expected a value in quotes, got "=\"c\"}"`,
		`a{b="\q"}`:      `column 5: expected a value whose backslashes are written as \\, got "\"\\q\"}"`,
		`a{b=~"("}`:      "column 6: expected a regular expression: error parsing regexp: missing closing ): `^(?s:()$`",
		`a{b="c"} > 0`:   `column 10: expected the end, got "> 0"`,
		`a}`:             `column 2: expected the end, got "}"`,
		"sum(a)[":        "", // a strange name, and no series has it
	} {
		if s, err := ParseSelector(text); want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %v, error %v, want %s", text, s, err, want)
		}
	}
}

const exposition = `# HELP active Requests.
# TYPE active gauge
active{app="web",zone="a"} 1
active{app="web",zone="b"} 2.5
active{app="admin"} 40

	# a comment
active_total 100
quoted{text="a\\b\"c\nd,}"} 7 1700000000000
spaced { app = "web" , } 3
empty{} 9
big +Inf
small -1e-3
{"a.dotted.name",app="web"} 11
{app="web","another name"} 12
envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="ingress"} 5
envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="admin"} 1
envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="stats"} 1
envoy_http_downstream_cx_active{} 1
`

func TestText(t *testing.T) {
	tests := []struct {
		selector string
		sum      float64
		series   int
	}{
		{`active`, 43.5, 3},
		{`active{}`, 43.5, 3},
		{` active { app = "web" , } `, 3.5, 2},
		{`active{app='web',zone="b"}`, 2.5, 1},
		{`active{app!="web"}`, 40, 1},
		{`active{zone=""}`, 40, 1},
		{`active{zone!=""}`, 3.5, 2},
		{`active{nothing=""}`, 43.5, 3},
		{`active{app=~"we."}`, 3.5, 2},
		{`active{app=~"w|e|b|admin"}`, 40, 1},
		{`active{app!~"adm.*"}`, 3.5, 2},
		{`active{app=~".*",app!~"web|x"}`, 40, 1},
		{`{__name__="active",app="admin"}`, 40, 1},
		{`{__name__=~"active.*"}`, 143.5, 4},
		{`{__name__=~"active.*",__name__!~".*_total"}`, 43.5, 3},
		{`active_total`, 100, 1},
		{`quoted{text="a\\b\"c\nd,}"}`, 7, 1},
		{`quoted{text='a\\b"c\nd,}'}`, 7, 1},
		{`quoted{text=~"a.b.c.d.*"}`, 7, 1},
		{`spaced{app="web"}`, 3, 1},
		{`empty`, 9, 1},
		{`small`, -0.001, 1},
		{`a.dotted.name{app="web"}`, 11, 1},
		{`{__name__="another name"}`, 12, 1},
		{`envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix!~"admin|stats"}`, 6, 2},
		{`{app="web"}`, 29.5, 5},
	}
	for _, test := range tests {
		for _, kind := range []string{prometheus, "", openMetrics} {
			text := exposition
			if kind == openMetrics {
				text += "# EOF\n"
			}
			sum, series, err := parse(t, test.selector).Sum(iotest.OneByteReader(strings.NewReader(text)), kind)
			if err != nil || sum != test.sum || series != test.series {
				t.Errorf("%s: %v in %d series (%v), want %v in %d", test.selector, sum, series, err, test.sum, test.series)
			}
		}
	}
}

// None of these is zero.
func TestTextThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "there are no metrics in the answer",
		"\n\n":                               "there are no metrics in the answer",
		"# TYPE a gauge\n":                   "there are no metrics in the answer",
		"b 0\n":                              "no series a{l=\"x\"}",
		"a 0\n":                              `no series with the labels of a{l="x"}, though there are some of its name`,
		"a{l=\"y\"} 0\n":                     `no series with the labels of a{l="x"}, though there are some of its name`,
		"a{l=\"x\"} 0":                       "line 1 breaks off: it has no end",
		"a{l=\"x\"} 0\na{l=\"x\"} 1":         "line 2 breaks off: it has no end",
		"a{l=\"x\"} NaN\n":                   "line 1: a value that is wanted is NaN",
		"a{l=\"x\"} +Inf\na{l=\"x\"} -Inf\n": "line 2: the values that are wanted have no sum",
		"a{l=\"x\"} 0\nb\n":                  "line 2: expected a value, got the line's end",
		"a{l=\"x\"} 0\nb {\n":                "line 2: expected a label's name, got the line's end",
		"a{l=\"x\"} \n":                      "line 1: expected a value, got the line's end",
		"a{l=\"x\"} zero\n":                  `line 1: expected a value, got "zero"`,
		"a{l=\"x\"} 0x10\n":                  `line 1: expected a value, got "0x10"`,
		"a{l=\"x\"} 1_0\n":                   `line 1: expected a value, got "1_0"`,
		"a{l=\"x\"} 0 0 0\n":                 `line 1: expected the line's end, got "0"`,
		"a{l=\"x\"} 0 now\n":                 `line 1: expected a timestamp, got "now"`,
		"a{l=\"x\"} 0 # {t=\"1\"}\n":         "line 1: expected an exemplar's value, got the line's end",
		"a{l=\"x\"} 0 # 1\n":                 `line 1: expected an exemplar, got "1"`,
		"a{l=\"x\"} 0 # {t=\"1\"} 1 2 3\n":   `line 1: expected the line's end, got "3"`,
		"a{l=\"x\",l=\"x\"} 0\n":             `line 1: the label "l" is there twice`,
		"a{l=\"x\" m=\"y\"} 0\n":             `line 1: expected a comma or }, got "m=\"y\"} 0"`,
		"a{l=\"x} 0\n":                       `line 1: expected a closing quote after this, got "\"x} 0"`,
		"a{l=\"\\x\"} 0\n":                   `line 1: expected \\, \" or \n, got "\\x\"} 0"`,
		"a{=\"x\"} 0\n":                      `line 1: expected a label's name, got "=\"x\"} 0"`,
		"a{l=x} 0\n":                         `line 1: expected a value in quotes, got "x} 0"`,
		"{l=\"x\"} 0\n":                      `line 1: expected a metric's name in braces, got " 0"`,
		"0 0\n":                              `line 1: expected a metric's name, got "0 0"`,
		"<html><body>0</body></html>\n":      `line 1: expected a metric's name, got "<html><body>0</body></html>"`,
		"a-b 0\n":                            `line 1: expected a value, got "-b 0"`,
		"\xff 0\n":                           `line 1: expected a metric's name, got "\xff 0"`,
		strings.Repeat("x", 100_000):         "line 1 is longer than 64 KiB",
		"a{l=\"" + strings.Repeat("x", 100_000) + "\"} 0\n": "line 1 is longer than 64 KiB",
	} {
		if sum, series, err := parse(t, `a{l="x"}`).Sum(strings.NewReader(text), prometheus); err == nil || err.Error() != want || sum != 0 || series != 0 {
			t.Errorf("%.60q: %v in %d series, error %v, want %s", text, sum, series, err, want)
		}
	}
	for text, want := range map[string]string{
		"a 0\n":             "the text breaks off: OpenMetrics ends in # EOF",
		"a 0\n# EOF":        "line 2 breaks off: it has no end",
		"a 0\n# EOF\nb 0\n": "line 3: expected nothing after # EOF",
		"a 0\n# EOF \n":     "the text breaks off: OpenMetrics ends in # EOF",
		"# EOF\n":           "there are no metrics in the answer",
	} {
		if _, _, err := parse(t, "a").Sum(strings.NewReader(text), openMetrics); err == nil || err.Error() != want {
			t.Errorf("OpenMetrics, %q: error %v, want %s", text, err, want)
		}
	}
	broken := errors.New("connection reset")
	if _, _, err := parse(t, "a").Sum(io.MultiReader(strings.NewReader("a 0\n"), iotest.ErrReader(broken)), prometheus); !errors.Is(err, broken) {
		t.Errorf("an answer that breaks off: %v", err)
	}
}

const envoyStats = `{"stats":[
{"name":"listener.0.0.0.0_8080.downstream_cx_active","value":3},
{"name":"listener.0.0.0.0_8080.worker_0.downstream_cx_active","value":1},
{"name":"listener.0.0.0.0_8080.worker_1.downstream_cx_active","value":2},
{"name":"listener.worker-pool.downstream_cx_active","value":4},
{"name":"listener.admin.downstream_cx_active","value":1},
{"name":"http.ingress.downstream_cx_active","value":5},
{"name":"server.version","value":"text"},
{"name":"a.nested","value":{"b":[1]}},
{"histograms":{"supported_quantiles":[0.5],"computed_quantiles":[{"name":"http.ingress.downstream_cx_active","values":[null]}]}}
],"other":{"deep":[[{}]]}}
`

func TestEnvoy(t *testing.T) {
	const listeners = `{__name__=~"listener[.].*[.]downstream_cx_active",__name__!~".*[.]worker_[0-9]+[.].*|listener[.]admin[.].*"}`
	tests := []struct {
		selector string
		sum      float64
		series   int
	}{
		{listeners, 7, 2},
		{"listener.0.0.0.0_8080.downstream_cx_active", 3, 1},
		{"http.ingress.downstream_cx_active", 5, 1},
		{`http.ingress.downstream_cx_active{nothing=""}`, 5, 1},
	}
	for _, test := range tests {
		sum, series, err := parse(t, test.selector).Sum(iotest.OneByteReader(strings.NewReader(envoyStats)), stats)
		if err != nil || sum != test.sum || series != test.series {
			t.Errorf("%s: %v in %d series (%v), want %v in %d", test.selector, sum, series, err, test.sum, test.series)
		}
	}
	for selector, want := range map[string]string{
		"listener.1":     "no series listener.1",
		"server.version": "Envoy's stats: server.version is no number",
		"a.nested":       "Envoy's stats: a.nested is no number",
		`http.ingress.downstream_cx_active{a="b"}`: `no series with the labels of http.ingress.downstream_cx_active{a="b"}, though there are some of its name`,
	} {
		if _, _, err := parse(t, selector).Sum(strings.NewReader(envoyStats), stats); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", selector, err, want)
		}
	}
}

func TestEnvoyThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "Envoy's stats: the JSON breaks off",
		"null":                                   "Envoy's stats: expected { in the JSON, got <nil>",
		"[]":                                     "Envoy's stats: expected { in the JSON, got [",
		"{}":                                     `Envoy's stats: no "stats" in the JSON`,
		`{"stats":[]}`:                           "there are no metrics in the answer",
		`{"stats":{}}`:                           "Envoy's stats: expected [ in the JSON, got {",
		`{"stats":[1]}`:                          "Envoy's stats: expected { in the JSON, got 1",
		`{"stats":[{"name":"a"}]}`:               "Envoy's stats: a is no number",
		`{"stats":[{"name":"a","value":null}]}`:  "Envoy's stats: a is no number",
		`{"stats":[{"name":"a","value":"0"}]}`:   "Envoy's stats: a is no number",
		`{"stats":[{"name":"a","value":1e999}]}`: "Envoy's stats: a is no number of a size that can be added",
		`{"stats":[{"name":1,"value":0}]}`:       "there are no metrics in the answer",
		`{"stats":[{"name":"a","value":0}`:       "Envoy's stats: the JSON breaks off",
		`{"stats":[{"name":"a","value":0}]`:      "Envoy's stats: the JSON breaks off",
		`{"stats":[{"name":"a","value":0}]}x`:    "Envoy's stats: something follows the JSON",
		`{"stats":[{"name":"a","value":0},]}`:    "",
		`{"stats":[{"name":"a" "value":0}]}`:     "",
		"<html>":                                 "",
		"a 0\n":                                  "",
		`{"x":` + strings.Repeat("[", 500_000):   "Envoy's stats: the JSON is nested deeper than 100",
		`{"stats":[{"name":` + strings.Repeat(`{"a":`, 500_000): "Envoy's stats: the JSON is nested deeper than 100",
	} {
		sum, _, err := parse(t, "a").Sum(strings.NewReader(text), stats)
		if err == nil || want != "" && err.Error() != want || sum != 0 {
			t.Errorf("%.60q: %v, error %v, want %s", text, sum, err, want)
		}
	}
}

// Any cut of a text is an error, or has all of the lines that its sum is made of.
func TestTextCutAnywhere(t *testing.T) {
	for n := range len(exposition) {
		_, _, err := parse(t, `{__name__=~".+",__name__!="big"}`).Sum(strings.NewReader(exposition[:n]), prometheus)
		if whole := n == 0 || exposition[n-1] == '\n'; err == nil && !whole {
			t.Fatalf("cut after %d bytes, in mid-line, it is read", n)
		}
	}
	for n := range len(envoyStats) - 1 {
		if _, _, err := parse(t, "http.ingress.downstream_cx_active").Sum(strings.NewReader(envoyStats[:n]), stats); err == nil && n < len(envoyStats)-1 {
			t.Fatalf("cut after %d bytes it is read", n)
		}
	}
}

func TestAnyText(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var text strings.Builder
		sum, series := 0.0, 0
		for n := range 1 + rnd.IntN(50) {
			value, app, name := float64(rnd.IntN(1000)), rnd.IntN(3), rnd.IntN(3)
			fmt.Fprintf(&text, "metric_%d{n=\"%d\",app=\"%d\"} %v\n", name, n, app, value)
			if name == 1 && app != 2 {
				sum, series = sum+value, series+1
			}
		}
		got, n, err := parse(t, `metric_1{app!="2"}`).Sum(strings.NewReader(text.String()), prometheus)
		if got != sum || n != series || (err != nil) != (series == 0) {
			t.Fatalf("%v in %d series (%v), want %v in %d:\n%s", got, n, err, sum, series, text.String())
		}
	}
}

// endless gives a line again and again, up to n bytes.
type endless struct {
	line string
	n    int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := 0
	for len(p)-n >= len(e.line) && e.n > 0 {
		n += copy(p[n:], e.line)
		e.n -= len(e.line)
	}
	return n, nil
}

func TestMemoryIsFlat(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, series, err := parse(t, `active{app="web"}`).Sum(&endless{`active{app="web",zone="eu-central-1a"} 1` + "\n", 16 << 20}, prometheus)
	runtime.ReadMemStats(&after)
	if err != nil || series < 400_000 {
		t.Fatalf("%d series (%v)", series, err)
	}
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 8<<20 {
		t.Errorf("the heap grew by %d KiB for 16 MiB of text", grown>>10)
	}
}

func FuzzSelector(f *testing.F) {
	for _, seed := range []string{`a{b="c",d!="e",f=~"g",h!~"i"}`, "{", `a{b='\''}`, "listener.0.0.0.0_80", `{__name__=~"a.*"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseSelector(text); err == nil {
			s.Sum(strings.NewReader(exposition), prometheus)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add(exposition, `active{app="web"}`)
	f.Add("a 1 # {b=\"c\"} 1 2\n", "a")
	f.Add("{\"a\"} 1\n", "a")
	f.Fuzz(func(t *testing.T, text, selector string) {
		s, err := ParseSelector(selector)
		if err != nil {
			return
		}
		sum, series, err := s.Sum(strings.NewReader(text), prometheus)
		if err != nil && (sum != 0 || series != 0) || err == nil && series == 0 {
			t.Errorf("%q: %v in %d series, %v", text, sum, series, err)
		}
		if err == nil && !strings.HasSuffix(text, "\n") {
			t.Errorf("%q is read, though its last line may be cut", text)
		}
		if err == nil {
			double, n, err := s.Sum(strings.NewReader(text+text), prometheus)
			if err != nil && !strings.Contains(err.Error(), "no sum") || err == nil && n != 2*series {
				t.Errorf("%q: twice the text has %v in %d series (%v), once %v in %d", text, double, n, err, sum, series)
			}
		}
	})
}

func FuzzEnvoy(f *testing.F) {
	f.Add(envoyStats, "http.ingress.downstream_cx_active")
	f.Add(`{"stats":[{"name":"a","value":1}]}`, "a")
	f.Fuzz(func(t *testing.T, text, selector string) {
		s, err := ParseSelector(selector)
		if err != nil {
			return
		}
		sum, series, err := s.Sum(strings.NewReader(text), stats)
		if err != nil && (sum != 0 || series != 0) || err == nil && series == 0 {
			t.Errorf("%q: %v in %d series, %v", text, sum, series, err)
		}
	})
}

func BenchmarkText(b *testing.B) {
	var text strings.Builder
	for n := range 10_000 {
		fmt.Fprintf(&text, "envoy_cluster_upstream_cx_active{envoy_cluster_name=\"outbound|80||service-%d\",zone=\"a\"} %d\n", n, n)
	}
	s := parse(b, `envoy_http_downstream_cx_active{app="web"}`)
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		s.Sum(strings.NewReader(text.String()), prometheus)
	}
}
