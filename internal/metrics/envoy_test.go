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
			sum, series, err := parse(t, test.selector).Sum(iotest.OneByteReader(strings.NewReader(text)), kind, false)
			if err != nil || sum != test.sum || series != test.series {
				t.Errorf("%s: %v in %d series (%v), want %v in %d", test.selector, sum, series, err, test.sum, test.series)
			}
		}
	}
	for selector, want := range map[string]string{
		"listener.1":     "no series listener.1 among the 12 in the answer",
		"server.version": `byte 654: the value of "server.version" is no number`,
		"a.nested":       `byte 712: the value of "a.nested" is no number`,
		"without":        `byte 732: the value of "without" is no number`,
		`http.ingress.downstream_cx_active{a="b"}`: `no series http.ingress.downstream_cx_active{a="b"}: the family is there, but no series of it has these labels`,
		`{a="b"}`:                          `no series {a="b"} among the 12 in the answer`,
		`{__name__=~"(server|http)[.].*"}`: `byte 654: the value of "server.version" is no number`,
	} {
		if sum, _, err := parse(t, selector).Sum(strings.NewReader(envoyStats), stats, false); err == nil || !strings.HasSuffix(err.Error(), want) || !math.IsNaN(sum) {
			t.Errorf("%s: %v, error %v, want %s", selector, sum, err, want)
		}
	}
}

// None of these is zero.
func TestEnvoyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               "the answer is empty",
		" \n":            "byte 1: the JSON breaks off: unexpected EOF",
		"null":           `byte 5: expected an object, got "<nil>"`,
		"[]":             `byte 2: expected an object, got "["`,
		"0":              `byte 2: expected an object, got "0"`,
		"<html>":         "byte 1: invalid character '<' looking for beginning of value",
		"a 0\n":          "byte 1: invalid character 'a' looking for beginning of value",
		"\xef\xbb\xbf{}": "byte 1: invalid character 'ï' looking for beginning of value",
		"{}":             `byte 3: no "stats" in the JSON, as Envoy's has; json= reads any other JSON`,
		`{"Stats":[]}`:   `byte 13: no "stats" in the JSON, as Envoy's has; json= reads any other JSON`,
		`{"error":"no"}`: `byte 15: no "stats" in the JSON, as Envoy's has; json= reads any other JSON`,
		`{"a":{"stats":[{"name":"a","value":0}]}}`:                   `byte 41: no "stats" in the JSON, as Envoy's has; json= reads any other JSON`,
		`{"stats":[{"name":"a","value":1},{"name":"a","value":-1}]}`: `byte 57: some of the matching series are above zero and some below: their sum says nothing`,
		`{"stats":[]}`:                                                        "there are no series in the answer",
		`{"stats":[{"histograms":{}}]}`:                                       "there are no series in the answer",
		`{"stats":null}`:                                                      `byte 14: expected a list, got "<nil>"`,
		`{"stats":{}}`:                                                        `byte 11: expected a list, got "{"`,
		`{"stats":[1]}`:                                                       `byte 12: expected an object, got "1"`,
		`{"stats":[null]}`:                                                    `byte 15: expected an object, got "<nil>"`,
		`{"stats":[{"name":"a"}]}`:                                            `byte 23: the value of "a" is no number`,
		`{"stats":[{"name":"a","value":null}]}`:                               `byte 36: the value of "a" is no number`,
		`{"stats":[{"name":"a","value":true}]}`:                               `byte 36: the value of "a" is no number`,
		`{"stats":[{"name":"a","value":"0"}]}`:                                `byte 35: the value of "a" is no number`,
		`{"stats":[{"name":"a","value":[0]}]}`:                                `byte 35: the value of "a" is no number`,
		`{"stats":[{"name":"b","value":1e999}]}`:                              "byte 36: expected a number that 64 bits can hold",
		`{"stats":[{"name":"b","value":00}]}`:                                 "byte 32: invalid character '0' after object key:value pair",
		`{"stats":[{"name":"b","value":1.}]}`:                                 "byte 31: invalid character '}' after decimal point in numeric literal",
		`{"stats":[{"name":"b","value":-01}]}`:                                "byte 33: invalid character '1' after object key:value pair",
		`{"stats":[{"name":"b","value":-.5}]}`:                                "byte 31: invalid character '.' in numeric literal",
		`{"stats":[{"name":"b","value":1.e5}]}`:                               "byte 31: invalid character 'e' after decimal point in numeric literal",
		`{"stats":[{"name":"b","value":1e}]}`:                                 "byte 31: invalid character '}' in exponent of numeric literal",
		`{"stats":[{"name":"b","value":+1}]}`:                                 "byte 31: invalid character '+' looking for beginning of value",
		`{"stats":[{"name":"b","value":-}]}`:                                  "byte 31: invalid character '}' in numeric literal",
		`{"stats":[{"name":"b","value":NaN}]}`:                                "byte 31: invalid character 'N' looking for beginning of value",
		`{"stats":[{"name":"b","value":nul}]}`:                                "byte 31: invalid character '}' in literal null (expecting 'l')",
		`{"stats":[{"name":"b","value":nulll}]}`:                              "byte 35: invalid character 'l' after object key:value pair",
		`{"stats":[{"name":"b","value":}]}`:                                   "byte 31: invalid character '}' looking for beginning of value",
		`{"stats":[{"name":"b","value":` + strings.Repeat("1", 1001) + `}]}`:  "byte 1032: expected a number that 64 bits can hold",
		`{"stats":[{"name":1,"value":0}]}`:                                    "byte 31: expected a name in quotes",
		`{"stats":[{"name":null,"value":0}]}`:                                 "byte 34: expected a name in quotes",
		`{"stats":[{"value":0}]}`:                                             "byte 22: expected a name in quotes",
		`{"stats":[{"name":"b","name":"a","value":0}]}`:                       `byte 29: "name" is there twice`,
		`{"stats":[{"name":"a","value":9,"value":0}]}`:                        `byte 40: "value" is there twice`,
		`{"stats":[{"name":"a","value":0}],"stats":[{"name":"a","value":9}]}`: `byte 42: "stats" is there twice`,
		`{"stats":[{"name":"a","value":0}`:                                    "byte 33: the JSON breaks off: unexpected EOF",
		`{"stats":[{"name":"a","value":0}]`:                                   "byte 34: the JSON breaks off: unexpected EOF",
		`{"stats":[{"name":"a","value":0}]}x`:                                 "byte 35: invalid character 'x' looking for beginning of value",
		`{"stats":[{"name":"a","value":0}]}` + "\x00":                         `byte 35: invalid character '\x00' looking for beginning of value`,
		`{"stats":[{"name":"a","value":0}]}{}`:                                "byte 36: something follows the JSON",
		`{"stats":[{"name":"a","value":0},]}`:                                 "byte 34: invalid character ']' looking for beginning of value",
		`{"stats":[,{"name":"a","value":0}]}`:                                 "byte 11: invalid character ',' looking for beginning of value",
		`{"stats":[{"name":"a","value":0,}]}`:                                 "byte 33: invalid character '}' looking for beginning of object key string",
		`{"stats":[{"name":"a" "value":0}]}`:                                  `byte 23: invalid character '"' after object key:value pair`,
		`{"stats":[{"name":"a","value" 0}]}`:                                  "byte 31: invalid character '0' after object key",
		`{"stats":[{"name":"a","value":0]]}`:                                  "byte 32: invalid character ']' after object key:value pair",
		`{"stats":[{name:"a","value":0}]}`:                                    "byte 12: invalid character 'n'",
		`{"stats":[{'name':'a'}]}`:                                            `byte 12: invalid character '\''`,
		`{"stats":[{"name":"\q"}]}`:                                           "byte 19: invalid character 'q' in string escape code",
		`{"stats":[{"name":"\u12"}]}`:                                         `byte 19: invalid character '"' in \u hexadecimal character escape`,
		"{\"stats\":[{\"name\":\"a\n\"}]}":                                    `byte 19: invalid character '\n' in string literal`,
		"{\"stats\":[{\"name\":\"a\xff\"}]}":                                  "byte 24: expected UTF-8",
		`{"stats":[{"name":"a\"`:                                              "byte 19: the JSON breaks off: unexpected EOF",
		`{"stats":[{"name":"` + strings.Repeat("x", 100_000) + `"}]}`:         "byte 19: a part is longer than 64 KiB",
		`{"x":` + strings.Repeat("[", 500_000):                                "byte 107: the JSON is nested deeper than 100",
		`{"stats":[{"value":` + strings.Repeat(`{"a":`, 500_000):              "byte 521: the JSON is nested deeper than 100",
		strings.Repeat(`{"stats":`, 500_000):                                  `byte 11: expected a list, got "{"`,
	} {
		sum, series, err := parse(t, "a").Sum(strings.NewReader(text), stats, false)
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
		`"x":` + strings.Repeat(" \n", 30_000) + `0`,
		`"x":` + strings.Repeat("0", 1) + "." + strings.Repeat("1", 998),
	} {
		text := "{" + inner + `,"stats":[{"name":"a","value":0}]}`
		if sum, _, err := parse(t, "a").Sum(strings.NewReader(text), stats, false); sum != 0 || err != nil {
			t.Errorf("%.40q: %v, %v", text, sum, err)
		}
	}
}

func TestEnvoyCutAnywhere(t *testing.T) {
	t.Parallel()
	for n := range len(envoyStats) - 1 {
		if _, _, err := parse(t, "http.ingress.downstream_cx_active").Sum(strings.NewReader(envoyStats[:n]), stats, false); err == nil {
			t.Fatalf("cut after %d bytes it is read", n)
		}
	}
}
