package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

const (
	prometheus  = "text/plain; version=0.0.4; charset=utf-8"
	openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
	stats       = "application/json"
)

const promText = `# HELP active Requests \ "and more".
# TYPE active gauge
active{app="web",zone="a"} 1
active{app="web",zone="b"} 2.5
active{app="admin"} 40

	# a comment
#
#HELP 1
# TYPE
# HELP active
# TYPE "a.dotted.name" counter
# HELP "a.dotted.name" Dots.
active_total 100
quoted{text="a\\b\"c\nd,}"} 7 1700000000000
	spaced	{ app = "web" , } 	3 	-1 	
empty{} 9
close{a="b"}4
big +Inf
other:big{a="\\"} 1e3
small -1e-3
negative -3
nothing NaN
{"a.dotted.name",app="web"} 11
{app="web","another name"} 12
{"escaped \"name\"" } 13
sampled_bucket{le="+Inf"} 8 # {trace_id="a b"} 0.5
sampled_bucket{le="1"} 6 # {} 0.5 1.5e9
envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="ingress"} 5
envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="admin"} 1
envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="stats",envoy_x="y"} 1
envoy_http_downstream_cx_active{} 1
unicode{a="ü日"} 2
`

func TestText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		selector string
		sum      float64
		series   int
	}{
		{`active`, 43.5, 3},
		{`active{app!="web"}`, 40, 1},
		{`active{zone=""}`, 40, 1},
		{`active{zone!=""}`, 3.5, 2},
		{`{__name__=~"active.*"}`, 143.5, 4},
		{`{__name__=~"active.*",__name__!~".*_total"}`, 43.5, 3},
		{`active_total`, 100, 1},
		{`quoted{text="a\\b\"c\nd,}"}`, 7, 1},
		{`spaced{app="web"}`, 3, 1},
		{`empty`, 9, 1},
		{`close{a="b"}`, 4, 1},
		{`big`, math.Inf(1), 1},
		{`other:big{a="\\"}`, 1000, 1},
		{`small`, -0.001, 1},
		{`negative`, -3, 1},
		{`a.dotted.name{app="web"}`, 11, 1},
		{`{__name__="another name"}`, 12, 1},
		{`{"escaped \"name\""}`, 13, 1},
		{`sampled_bucket`, 14, 2},
		{`sampled_bucket{trace_id=""}`, 14, 2},
		{`envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix!~"admin|stats"}`, 6, 2},
		{`unicode{a="ü日"}`, 2, 1},
		{`{app="web"}`, 29.5, 5},
	} {
		for kind, text := range map[string]string{
			prometheus:  promText,
			"":          promText,
			"text/html": promText,
			"Application/OpenMetrics-Text;version=1.0.0": promText + "# EOF\n",
			openMetrics:  promText + "# EOF",
			"text/plain": strings.ReplaceAll(promText, "\n", "\r\n") + "# EOF\r\n# whatever\r\n",
		} {
			sum, series, err := parse(t, test.selector).Sum(iotest.OneByteReader(strings.NewReader(text)), kind, false)
			if err != nil || sum != test.sum || series != test.series {
				t.Errorf("%s, %q: %v in %d series (%v), want %v in %d", test.selector, kind, sum, series, err, test.sum, test.series)
			}
		}
	}
}

// None of these is zero.
func TestTextThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const noLabels = `no series a{l="x"}: the family is there, but no series of it has these labels`
	for text, want := range map[string]string{
		"":                                   "there are no series in the answer",
		"\n\n":                               "there are no series in the answer",
		"# TYPE a gauge\n":                   "there are no series in the answer",
		"b 0\nb{l=\"x\"} 0\n":                `no series a{l="x"} among the 2 in the answer`,
		"a 0\n":                              noLabels,
		"b 0\na{l=\"y\"} 0\nc{l=\"x\"} 0\n":  `no series a{l="x"}: the family is there, but no series of it has these labels`,
		"a{l=\"X\"} 0\n":                     `no series a{l="x"}: the family is there, but no series of it has these labels`,
		"a{l=\"x\"} 0":                       "line 1: it breaks off without a newline",
		"a{l=\"x\"} 0\na{l=\"x\"} 1":         "line 2: it breaks off without a newline",
		"a{l=\"x\"} 0\n# EO":                 "line 2: it breaks off without a newline",
		"a{l=\"x\"} 0\n# EOF":                "line 2: it breaks off without a newline",
		"a{l=\"x\"} 0\n ":                    "line 2: it breaks off without a newline",
		"a{l=\"x\"} NaN\n":                   "line 1: a matching series is NaN",
		"a{l=\"x\"} nan\n":                   "line 1: a matching series is NaN",
		"a{l=\"x\"} +Inf\na{l=\"x\"} -Inf\n": "line 2: the matching series add up to -Inf",
		"a{l=\"x\"} -Inf\n":                  "line 1: the matching series add up to -Inf",
		"a{l=\"x\"} -1.5e308\na{l=\"x\",m=\"\"} -1.5e308\n":          "line 2: the matching series add up to -Inf",
		"a{l=\"x\"} 1\na{l=\"x\",m=\"\"} 0\na{l=\"x\",m=\"1\"} -1\n": "line 3: some of the matching series are above zero and some below: their sum says nothing",
		"a{l=\"x\"} -Inf\na{l=\"x\"} +Inf\n":                         "line 1: the matching series add up to -Inf",
		// none of these is selected
		"a{l=\"x\"} 0\nb\n":                                   "line 2: column 2: expected a blank or { after the name, got nothing more",
		"a{l=\"x\"} 0\nb \n":                                  "line 2: column 3: expected a value, got nothing more",
		"a{l=\"x\"} 0\nb {\n":                                 "line 2: column 4: expected a label's name, got nothing more",
		"a{l=\"x\"} 0\nb{} \n":                                "line 2: column 5: expected a value, got nothing more",
		"a{l=\"x\"} 0\nb zero\n":                              `line 2: column 3: expected a value, got "zero"`,
		"a{l=\"x\"} 0\nb ++1\n":                               `line 2: column 3: expected a value, got "++1"`,
		"a{l=\"x\"} 0\nb 0,5\n":                               `line 2: column 3: expected a value, got "0,5"`,
		"a{l=\"x\"} 0\nb 1e999\n":                             `line 2: column 3: expected a value, got "1e999"`,
		"a{l=\"x\"} 0\nb \"1\"\n":                             `line 2: column 3: expected a value, got "\"1\""`,
		"a{l=\"x\"} 0\nb 1\x00\n":                             `line 2: column 3: expected a value, got "1\x00"`,
		"a{l=\"x\"} 0\nb 0 0 0\n":                             `line 2: column 7: expected the line's end, got "0"`,
		"a{l=\"x\"} 0\nb 0 now\n":                             `line 2: column 5: expected a timestamp, got "now"`,
		"a{l=\"x\"} 0\nb 0 1.5\n":                             `line 2: column 5: expected a timestamp, got "1.5"`,
		"a{l=\"x\"} 0\nb 0 99999999999999999999\n":            `line 2: column 5: expected a timestamp, got "99999999999999999999"`,
		"a{l=\"x\"} 0\nb 0 # {t=\"1\"}\n":                     "line 2: column 14: expected a value, got nothing more",
		"a{l=\"x\"} 0\nb 0 # 1\n":                             `line 2: column 7: expected an exemplar's labels, got "1"`,
		"a{l=\"x\"} 0\nb 0 # {\"t\"} 1\n":                     `line 2: column 7: expected an exemplar's labels, got "{\"t\"} 1"`,
		"a{l=\"x\"} 0\nb 0 # {t=\"1\",t=\"1\"} 1\n":           `line 2: column 14: expected each label once, and one name, in "{t=\"1\",t=\"1\"} 1"`,
		"a{l=\"x\"} 0\nb 0 # {t=\"1\"} 1 NaN\n":               `line 2: column 17: expected a timestamp, got "NaN"`,
		"a{l=\"x\"} 0\nb 0 # {t=\"1\"} 1 2 3\n":               `line 2: column 19: expected the line's end, got "3"`,
		"a{l=\"x\"} 0\nb{l=\"x\",l=\"y\"} 0\n":                `line 2: column 9: expected each label once, and one name, in "b{l=\"x\",l=\"y\"} 0"`,
		"a{l=\"x\"} 0\nb{l=\"\",l=\"\"} 0\n":                  `line 2: column 8: expected each label once, and one name, in "b{l=\"\",l=\"\"} 0"`,
		"a{l=\"x\"} 0\nb{l=\"\",\"l\"=\"\"} 0\n":              `line 2: column 8: expected each label once, and one name, in "b{l=\"\",\"l\"=\"\"} 0"`,
		"a{l=\"x\"} 0\nb{__name__=\"a\"} 0\n":                 `line 2: column 3: expected each label once, and one name, in "b{__name__=\"a\"} 0"`,
		"a{l=\"x\"} 0\n{\"b\",\"c\"} 0\n":                     `line 2: column 6: expected each label once, and one name, in "{\"b\",\"c\"} 0"`,
		"a{l=\"x\"} 0\nb{\"c\"} 0\n":                          `line 2: column 3: expected each label once, and one name, in "b{\"c\"} 0"`,
		"a{l=\"x\"} 0\n{\"\"} 0\n":                            `line 2: column 2: expected a label's name, in "{\"\"} 0"`,
		"a{l=\"x\"} 0\nb{\"\"=\"c\"} 0\n":                     `line 2: column 3: expected a label's name, in "b{\"\"=\"c\"} 0"`,
		"a{l=\"x\"} 0\n{l=\"x\"} 0\n":                         `line 2: column 1: expected a metric's name, got "{l=\"x\"} 0"`,
		"a{l=\"x\"} 0\n{} 0\n":                                `line 2: column 1: expected a metric's name, got "{} 0"`,
		"a{l=\"x\"} 0\n{\n":                                   "line 2: column 2: expected a label's name, got nothing more",
		"a{l=\"x\"} 0\nb{l=\"x\" m=\"y\"} 0\n":                `line 2: column 9: expected a comma or }, got "m=\"y\"} 0"`,
		"a{l=\"x\"} 0\nb{,} 0\n":                              `line 2: column 3: expected a label's name, in "b{,} 0"`,
		"a{l=\"x\"} 0\nb{l=\"x\",,} 0\n":                      `line 2: column 9: expected a label's name, in "b{l=\"x\",,} 0"`,
		"a{l=\"x\"} 0\nb{l:m=\"x\"} 0\n":                      `line 2: column 4: expected =, in "b{l:m=\"x\"} 0"`,
		"a{l=\"x\"} 0\nb{l=~\"x\"} 0\n":                       `line 2: column 5: expected text in quotes, in "b{l=~\"x\"} 0"`,
		"a{l=\"x\"} 0\nb{l='x'} 0\n":                          `line 2: column 5: expected text in quotes, in "b{l='x'} 0"`,
		"a{l=\"x\"} 0\nb{l=x} 0\n":                            `line 2: column 5: expected text in quotes, in "b{l=x} 0"`,
		"a{l=\"x\"} 0\nb{l=\"x} 0\n":                          `line 2: column 5: expected a closing quote after this, in "b{l=\"x} 0"`,
		"a{l=\"x\"} 0\nb{l=\"x\\\"} 0\n":                      `line 2: column 5: expected a closing quote after this, in "b{l=\"x\\\"} 0"`,
		"a{l=\"x\"} 0\nb{l=\"x\\\"\\\n":                       `line 2: column 9: expected an escape such as \\ or \n, in "b{l=\"x\\\"\\"`,
		"a{l=\"x\"} 0\nb{l=\"\\x\"} 0\n":                      `line 2: column 6: expected an escape such as \\ or \n, in "b{l=\"\\x\"} 0"`,
		"a{l=\"x\"} 0\nb{l=\"\"\\\n":                          `line 2: column 7: expected a comma or }, in "b{l=\"\"\\"`,
		"a{l=\"x\"} 0\nb{l=\"x\ny\"} 0\n":                     `line 2: column 5: expected a closing quote after this, in "b{l=\"x"`,
		"a{l=\"x\"} 0\nb{=\"x\"} 0\n":                         `line 2: column 3: expected a label's name, in "b{=\"x\"} 0"`,
		"a{l=\"x\"} 0\nb{1l=\"x\"} 0\n":                       `line 2: column 3: expected a label's name, in "b{1l=\"x\"} 0"`,
		"a{l=\"x\"} 0\nb{l=\"\xff\"} 0\n":                     "line 2: expected UTF-8",
		"a{l=\"x\"} 0\nb{l=\"x\"}} 0\n":                       `line 2: column 9: expected a value, in "b{l=\"x\"}} 0"`,
		"a{l=\"x\"} 0\nb-1\n":                                 `line 2: column 2: expected a blank or { after the name, in "b-1"`,
		"a{l=\"x\"} 0\nb+1\n":                                 `line 2: column 2: expected a blank or { after the name, in "b+1"`,
		"a{l=\"x\"} 0\nb.c: 1\n":                              `line 2: column 2: expected a blank or { after the name, in "b.c: 1"`,
		"a{l=\"x\"} 0\nb\"c\" 1\n":                            `line 2: column 2: expected a blank or { after the name, in "b\"c\" 1"`,
		"a{l=\"x\"} 0\n1b 0\n":                                `line 2: column 1: expected a metric's name, got "1b 0"`,
		"a{l=\"x\"} 0\n\"b\" 0\n":                             `line 2: column 1: expected a metric's name, got "\"b\" 0"`,
		"a{l=\"x\"} 0\n\xef\xbb\xbfb 0\n":                     `line 2: column 1: expected a metric's name, got "\ufeffb 0"`,
		"a{l=\"x\"} 0\n\vb 0\n":                               `line 2: column 1: expected a metric's name, got "\vb 0"`,
		"a{l=\"x\"} 0\nb 0\r0\n":                              `line 2: column 3: expected a value, got "0\r0"`,
		"a{l=\"x\"} 0\n# TYPE b guage\n":                      `line 2: column 10: expected a metric's type, got "guage"`,
		"a{l=\"x\"} 0\n# TYPE b gauge gauge\n":                `line 2: column 10: expected a metric's type, got "gauge gauge"`,
		"a{l=\"x\"} 0\n# TYPE 1b gauge\n":                     `line 2: column 8: expected a metric's name, got "1b gauge"`,
		"a{l=\"x\"} 0\n# HELP b-c\n":                          `line 2: column 9: expected a blank after the name, in "b-c"`,
		"a{l=\"x\"} 0\n# HELP \"b\n":                          `line 2: column 8: expected a closing quote after this, got "\"b"`,
		"a{l=\"x\"} 0x10\n":                                   `line 1: column 10: expected a value, got "0x10"`,
		"a{l=\"x\"} 0x1p4\n":                                  `line 1: column 10: expected a value, got "0x1p4"`,
		"a{l=\"x\"} 1_0\n":                                    `line 1: column 10: expected a value, got "1_0"`,
		"a{l=\"x\"} 0\nb{" + labels(5000) + "l4999=\"\"} 0\n": `line 2: column 43893: expected each label once, and one name, in "b{l0=\"\",l1=\"\",l2=\"\",l3=\"\",l4=\"\",l5=\"\",l6=\"\",l7=\"\",l8=\"\",l9=\"…"`,
		"0 0\n":                         `line 1: column 1: expected a metric's name, got "0 0"`,
		"<html><body>0</body></html>\n": `line 1: column 1: expected a metric's name, got "<html><body>0</body></html>"`,
		`{"stats":[]}` + "\n":           `line 1: column 9: expected =, in "{\"stats\":[]}"`,
		"\x1f\x8b\x08\x00\n":            "line 1: expected UTF-8",
		strings.Repeat("x", 100_000):    "line 1: it is longer than 64 KiB",
		"a{l=\"x\"} 0\n" + strings.Repeat(" ", 64<<10) + "\n": "line 2: it is longer than 64 KiB",
		"b " + strings.Repeat("x", 1000) + "\n":               `line 1: column 3: expected a value, got "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"`,
	} {
		sum, series, err := parse(t, `a{l="x"}`).Sum(strings.NewReader(text), prometheus, false)
		if err == nil || err.Error() != want || !math.IsNaN(sum) || series != 0 {
			t.Errorf("%.60q: %v in %d series, error %v, want %s", text, sum, series, err, want)
		}
	}
}

func labels(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "l%d=%q,", i, "")
	}
	return text.String()
}

func TestTextAtItsBounds(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"a{" + labels(5000) + "} 0\n",
		"a 0\n#" + strings.Repeat("x", 64<<10-2) + "\n",
		"a{l=\"" + strings.Repeat(`\n`, 30_000) + "\"} 0\n",
	} {
		if sum, _, err := parse(t, "a").Sum(strings.NewReader(text), prometheus, false); sum != 0 || err != nil {
			t.Errorf("%.40q: %v, %v", text, sum, err)
		}
	}
}

func TestOpenMetricsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                  "there are no series in the answer",
		"# EOF\n":           "there are no series in the answer",
		"a 0\n":             "the text breaks off: OpenMetrics ends in # EOF",
		"a 0\n# EO\n":       "the text breaks off: OpenMetrics ends in # EOF",
		"a 0\n# EOF \n":     "the text breaks off: OpenMetrics ends in # EOF",
		"a 0\n# EO":         "line 2: it breaks off without a newline",
		"a 0":               "line 1: it breaks off without a newline",
		"a 0\n# EOF\nb 0\n": "line 3: expected nothing after # EOF",
		"a 0\n# EOF\n\n":    "line 3: expected nothing after # EOF",
		"a 0\n# EOF\n# EOF": "line 3: expected nothing after # EOF",
		"a 0\n# EOF\n ":     "line 3: expected nothing after # EOF",
		"a 0\n# EOF\n" + strings.Repeat("x", 70_000): "line 3: expected nothing after # EOF",
		"a 0 Inf\n# EOF\n":                           `line 1: column 5: expected a timestamp, got "Inf"`,
	} {
		sum, _, err := parse(t, "a").Sum(strings.NewReader(text), openMetrics, false)
		if err == nil || err.Error() != want || !math.IsNaN(sum) {
			t.Errorf("%.40q: %v, error %v, want %s", text, sum, err, want)
		}
	}
	if sum, _, err := parse(t, "a").Sum(strings.NewReader("a 1 1.5e9\n# EOF\n"), openMetrics, false); sum != 1 || err != nil {
		t.Errorf("seconds: %v, %v", sum, err)
	}
}

func TestReaderThatFails(t *testing.T) {
	t.Parallel()
	for kind, text := range map[string]string{
		prometheus:  "a 0\n",
		openMetrics: "a 0\n# EOF\n",
		stats:       `{"stats":[{"name":"a","value":0}]}`,
	} {
		for n := range len(text) + 1 {
			for _, broken := range []error{io.ErrUnexpectedEOF, context.DeadlineExceeded, bufferFull{}} {
				r := io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(broken))
				sum, _, err := parse(t, "a").Sum(r, kind, false)
				if !errors.Is(err, broken) || !math.IsNaN(sum) {
					t.Errorf("%s, after %d bytes: %v, %v", kind, n, sum, err)
				}
			}
		}
	}
}

type bufferFull struct{}

func (bufferFull) Error() string { return "no buffer space available" }

// Any cut in a line is an error.
func TestTextCutAnywhere(t *testing.T) {
	t.Parallel()
	s := parse(t, `{__name__=~".+",__name__!~"big|small|negative|nothing"}`)
	for n := range len(promText) {
		_, _, err := s.Sum(strings.NewReader(promText[:n]), prometheus, false)
		if whole := n > 0 && promText[n-1] == '\n'; err == nil && !whole {
			t.Fatalf("cut after %d bytes, in a line, it is read", n)
		}
		if _, _, err := s.Sum(strings.NewReader(promText[:n]), openMetrics, false); err == nil {
			t.Fatalf("OpenMetrics cut after %d bytes is read", n)
		}
	}
}

// Several exporters write no newline at the end. Where the framing of the answer proves that it is whole, the last line is.
func TestTextWithoutNewlineAtItsEnd(t *testing.T) {
	t.Parallel()
	const cut = "it breaks off without a newline"
	for _, test := range []struct {
		text, kind string
		framed     bool
		sum        float64
		err        string // empty: none
	}{
		{"a 1\nb 2\na{l=\"x\"} 3", prometheus, true, 4, ""},
		{"a 1\n# EOF", prometheus, true, 1, ""},
		{"a 1\n# a comment", prometheus, true, 1, ""},
		{"a 1\r", prometheus, true, 1, ""},
		{"a 1\na", prometheus, true, 0, "line 2: column 2: expected a blank or { after the name, got nothing more"},
		{"a 1", openMetrics, true, 0, "the text breaks off: OpenMetrics ends in # EOF"},
		{"a 1\n# EOF", openMetrics, true, 1, ""},
		{"a 1\nb 2\na{l=\"x\"} 3", prometheus, false, 0, "line 3: " + cut},
		{"a 1\n ", prometheus, false, 0, "line 2: " + cut},
		{"a 1", openMetrics, false, 0, "line 1: " + cut},
		{"a 1\n# EOF", openMetrics, false, 1, ""},
	} {
		sum, _, err := parse(t, "a").Sum(strings.NewReader(test.text), test.kind, test.framed)
		if err == nil && (test.err != "" || sum != test.sum) || err != nil && err.Error() != test.err {
			t.Errorf("%q, %s, framed %t: %v, %v, want %v, %q", test.text, test.kind, test.framed, sum, err, test.sum, test.err)
		}
	}
}

// A page of a proxy or a login says what it is, whatever is wrong with its first line.
func TestTextThatIsHTML(t *testing.T) {
	t.Parallel()
	_, _, err := parse(t, "a").Sum(strings.NewReader("<html>"), "text/html; charset=utf-8", false)
	if want := "expected Prometheus' text or Envoy's JSON, got HTML: line 1: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}
