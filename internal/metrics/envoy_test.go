package metrics

import (
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

const envoyStats = `{"stats":[
{"name":"listener.0.0.0.0_8080.downstream_cx_active","value":3},
{"name":"listener.0.0.0.0_8080.worker_0.downstream_cx_active","value":1},
{"name":"listener.0.0.0.0_8080.worker_1.downstream_cx_active","value":2},
{"name":"listener.worker-pool.downstream_cx_active","value":4},
{"name":"listener.[__]_19001.downstream_cx_active","value":8},
{"value":1,"name":"listener.admin.downstream_cx_active"},
{"name":"http.ingress.downstream_cx_active","value":5.5e0,"type":"gauge"},
{"name":"cluster.a|b/c:80.upstream_cx_active","value":-2},
{"name":"listener\u002eescaped \"\u00fc\\","value":7},
{"name":"server.version","value":"text \"readout\" \\"},
{"name":"a.nested","value":{"b":[1,true,false,null,{}]}},
{"name":"without"},
{"histograms":{"supported_quantiles":[0,25.0,99.9],"computed_quantiles":[
{"name":"http.ingress.downstream_cx_active","values":[{"interval":null,"cumulative":1.05}]}]}},
{"histograms":[]},
{}
],"other":{"deep":[[{}],"]}"]}}
`

func TestEnvoy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		selector string
		sum      float64
		series   int
	}{
		{`{__name__=~"listener[.].*[.]downstream_cx_active",__name__!~".*[.]worker_[0-9]+[.].*"}`, 16, 4},
		{`{__name__=~"listener[.].*[.]downstream_cx_active",__name__!~".*[.]worker_[0-9]+[.].*|listener[.]admin[.].*"}`, 15, 3},
		{"listener.0.0.0.0_8080.downstream_cx_active", 3, 1},
		{"listener.worker-pool.downstream_cx_active{}", 4, 1},
		{"listener.[__]_19001.downstream_cx_active", 8, 1},
		{"http.ingress.downstream_cx_active", 5.5, 1},
		{`http.ingress.downstream_cx_active{nothing=""}`, 5.5, 1},
		{"cluster.a|b/c:80.upstream_cx_active", -2, 1},
		{`{"listener.escaped \"ü\\"}`, 7, 1},
	} {
		for kind, text := range map[string]string{
			stats:                              envoyStats,
			"Application/JSON ; charset=utf-8": strings.ReplaceAll(envoyStats, "\n", " \r\n\t"),
		} {
			sum, series, err := parse(t, test.selector).Sum(iotest.OneByteReader(strings.NewReader(text)), kind)
			if err != nil || sum != test.sum || series != test.series {
				t.Errorf("%s: %v in %d series (%v), want %v in %d", test.selector, sum, series, err, test.sum, test.series)
			}
		}
	}
	for selector, want := range map[string]string{
		"listener.1":     "no series listener.1 among the 12 in the answer",
		"server.version": `the value of "server.version" is no number`,
		"a.nested":       `the value of "a.nested" is no number`,
		"without":        `the value of "without" is no number`,
		`http.ingress.downstream_cx_active{a="b"}`: `no series http.ingress.downstream_cx_active{a="b"}: the family is there, but no series of it has these labels`,
		`{a="b"}`:                          `no series {a="b"} among the 12 in the answer`,
		`{__name__=~"(server|http)[.].*"}`: `the value of "server.version" is no number`,
	} {
		if sum, _, err := parse(t, selector).Sum(strings.NewReader(envoyStats), stats); err == nil || !strings.HasSuffix(err.Error(), want) || !math.IsNaN(sum) {
			t.Errorf("%s: %v, error %v, want %s", selector, sum, err, want)
		}
	}
}

// None of these is zero.
func TestEnvoyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               "the answer is empty",
		" \n":            "byte 3: the JSON breaks off",
		"null":           `byte 1: expected an object, got "null"`,
		"[]":             `byte 1: expected an object, got "[]"`,
		"0":              `byte 1: expected an object, got "0"`,
		"<html>":         `byte 1: expected an object, got "<html>"`,
		"a 0\n":          `byte 1: expected an object, got "a 0\n"`,
		"\xef\xbb\xbf{}": "byte 1: expected an object, got \"\\ufeff{}\"",
		"{}":             `no "stats" in the JSON`,
		`{"Stats":[]}`:   `no "stats" in the JSON`,
		`{"error":"no"}`: `no "stats" in the JSON`,
		`{"a":{"stats":[{"name":"a","value":0}]}}`: `no "stats" in the JSON`,
		`{"stats":[]}`:                                                        "there are no series in the answer",
		`{"stats":[{"histograms":{}}]}`:                                       "there are no series in the answer",
		`{"stats":null}`:                                                      `byte 10: expected a list, got "null}"`,
		`{"stats":{}}`:                                                        `byte 10: expected a list, got "{}}"`,
		`{"stats":[1]}`:                                                       `byte 11: expected an object, got "1]}"`,
		`{"stats":[null]}`:                                                    `byte 11: expected an object, got "null]}"`,
		`{"stats":[{"name":"a"}]}`:                                            `byte 23: the value of "a" is no number`,
		`{"stats":[{"name":"a","value":null}]}`:                               `byte 36: the value of "a" is no number`,
		`{"stats":[{"name":"a","value":true}]}`:                               `byte 36: the value of "a" is no number`,
		`{"stats":[{"name":"a","value":"0"}]}`:                                `byte 35: the value of "a" is no number`,
		`{"stats":[{"name":"a","value":[0]}]}`:                                `byte 35: the value of "a" is no number`,
		`{"stats":[{"name":"b","value":1e999}]}`:                              `byte 36: expected a number, got "1e999"`,
		`{"stats":[{"name":"b","value":00}]}`:                                 `byte 33: expected a number, got "00"`,
		`{"stats":[{"name":"b","value":1.}]}`:                                 `byte 33: expected a number, got "1."`,
		`{"stats":[{"name":"b","value":-01}]}`:                                `byte 34: expected a number, got "-01"`,
		`{"stats":[{"name":"b","value":-.5}]}`:                                `byte 34: expected a number, got "-.5"`,
		`{"stats":[{"name":"b","value":1.e5}]}`:                               `byte 35: expected a number, got "1.e5"`,
		`{"stats":[{"name":"b","value":1e}]}`:                                 `byte 33: expected a number, got "1e"`,
		`{"stats":[{"name":"b","value":+1}]}`:                                 `byte 33: expected a number, got "+1"`,
		`{"stats":[{"name":"b","value":-}]}`:                                  `byte 32: expected a number, got "-"`,
		`{"stats":[{"name":"b","value":NaN}]}`:                                `byte 31: expected a value, got "NaN}]}"`,
		`{"stats":[{"name":"b","value":nul}]}`:                                `byte 31: expected a value, got "nul}]}"`,
		`{"stats":[{"name":"b","value":nulll}]}`:                              `byte 35: expected a comma or }, got "l}]}"`,
		`{"stats":[{"name":"b","value":}]}`:                                   `byte 31: expected a value, got "}]}"`,
		`{"stats":[{"name":"b","value":` + strings.Repeat("1", 1001) + `}]}`:  "byte 1032: a number is longer than 1000 bytes",
		`{"stats":[{"name":1,"value":0}]}`:                                    `byte 19: expected a string, got "1,\"value\":0}]}"`,
		`{"stats":[{"name":null,"value":0}]}`:                                 `byte 19: expected a string, got "null,\"value\":0}]}"`,
		`{"stats":[{"value":0}]}`:                                             "byte 22: a value has no name",
		`{"stats":[{"name":"b","name":"a","value":0}]}`:                       `byte 30: "name" is there twice`,
		`{"stats":[{"name":"a","value":9,"value":0}]}`:                        `byte 41: "value" is there twice`,
		`{"stats":[{"name":"a","value":0}],"stats":[{"name":"a","value":9}]}`: `byte 43: "stats" is there twice`,
		`{"stats":[{"name":"a","value":0}`:                                    "byte 33: the JSON breaks off",
		`{"stats":[{"name":"a","value":0}]`:                                   "byte 34: the JSON breaks off",
		`{"stats":[{"name":"a","value":0}]}x`:                                 "byte 36: something follows the JSON",
		`{"stats":[{"name":"a","value":0}]}` + "\x00":                         "byte 36: something follows the JSON",
		`{"stats":[{"name":"a","value":0}]}{}`:                                "byte 36: something follows the JSON",
		`{"stats":[{"name":"a","value":0},]}`:                                 `byte 34: expected an object, got "]}"`,
		`{"stats":[,{"name":"a","value":0}]}`:                                 `byte 11: expected an object, got ",{\"name\":\"a\",\"value\":0}]}"`,
		`{"stats":[{"name":"a","value":0,}]}`:                                 `byte 33: expected a string, got "}]}"`,
		`{"stats":[{"name":"a" "value":0}]}`:                                  `byte 23: expected a comma or }, got "\"value\":0}]}"`,
		`{"stats":[{"name":"a","value" 0}]}`:                                  `byte 31: expected a colon, got "0}]}"`,
		`{"stats":[{"name":"a","value":0]]}`:                                  `byte 32: expected a comma or }, got "]]}"`,
		`{"stats":[{name:"a","value":0}]}`:                                    `byte 12: expected a string, got "name:\"a\",\"value\":0}]}"`,
		`{"stats":[{'name':'a'}]}`:                                            `byte 12: expected a string, got "'name':'a'}]}"`,
		`{"stats":[{"name":"\q"}]}`:                                           `byte 23: a string has an escape or a control character that JSON does not know: "\\q"`,
		`{"stats":[{"name":"\u12"}]}`:                                         `byte 25: a string has an escape or a control character that JSON does not know: "\\u12"`,
		"{\"stats\":[{\"name\":\"a\n\"}]}":                                    `byte 23: a string has an escape or a control character that JSON does not know: "a\n"`,
		"{\"stats\":[{\"name\":\"a\xff\"}]}":                                  "byte 23: expected UTF-8 in a string",
		`{"stats":[{"name":"a\"`:                                              "byte 23: the JSON breaks off",
		`{"stats":[{"name":"` + strings.Repeat("x", 100_000) + `"}]}`:         "byte 65556: a string is longer than 64 KiB",
		`{"x":` + strings.Repeat("[", 500_000):                                "byte 106: the JSON is nested deeper than 100",
		`{"stats":[{"value":` + strings.Repeat(`{"a":`, 500_000):              "byte 506: the JSON is nested deeper than 100",
		strings.Repeat(`{"stats":`, 500_000):                                  `byte 10: expected a list, got "{\"stats\":{\"stats\":{\"stats\":{\"stats\":{\"stats\":{\"stats\":{\"stat…"`,
	} {
		sum, series, err := parse(t, "a").Sum(strings.NewReader(text), stats)
		if err == nil || err.Error() != want || !math.IsNaN(sum) || series != 0 {
			t.Errorf("%.60q: %v in %d series, error %v, want %s", text, sum, series, err, want)
		}
	}
}

func TestEnvoyAtItsBounds(t *testing.T) {
	t.Parallel()
	for _, inner := range []string{
		`"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99),
		`"x":"` + strings.Repeat(`\"`, 30_000) + `"`,
		`"x":` + strings.Repeat("0", 1) + "." + strings.Repeat("1", 998),
	} {
		text := "{" + inner + `,"stats":[{"name":"a","value":0}]}`
		if sum, _, err := parse(t, "a").Sum(strings.NewReader(text), stats); sum != 0 || err != nil {
			t.Errorf("%.40q: %v, %v", text, sum, err)
		}
	}
}

func TestEnvoyCutAnywhere(t *testing.T) {
	t.Parallel()
	for n := range len(envoyStats) - 1 {
		if _, _, err := parse(t, "http.ingress.downstream_cx_active").Sum(strings.NewReader(envoyStats[:n]), stats); err == nil {
			t.Fatalf("cut after %d bytes it is read", n)
		}
	}
}
