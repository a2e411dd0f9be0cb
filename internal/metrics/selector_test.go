package metrics

import (
	"strings"
	"testing"
)

func parse(t testing.TB, text string) Selector {
	t.Helper()
	s, err := ParseSelector(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func TestParseSelector(t *testing.T) {
	t.Parallel()
	const (
		dotted = `{"the.name","my.label"="x"} 1` + "\n"
		app    = `a{app="web",q="a\"b\\c\nd"} 1` + "\n"
	)
	for _, test := range []struct {
		selector, text string
		matches        bool
	}{
		{`a`, app, true},
		{` a `, app, true},
		{"\ta\r\n{ }\n", app, true},
		{`a{}`, app, true},
		{`a{app="web"}`, app, true},
		{`a { app = "web" , } `, app, true},
		{`a{app='web'}`, app, true},
		{"a{app=`web`}", app, true},
		{`a{app="w\x65b"}`, app, true},
		{`a{app="w\u0065b"}`, app, true},
		{`a{"app"="web"}`, app, true},
		{`{"a"}`, app, true},
		{`{'a',app="web"}`, app, true},
		{`{app="web","a"}`, app, true},
		{`{__name__="a"}`, app, true},
		{`{__name__=~"a|b",__name__!="b"}`, app, true},
		{`{__name__=~"a|b",__name__!~"[a]"}`, app, false},
		{`{app="web"}`, app, true},
		{`{app!=""}`, app, true},
		{`a{app=~"w.b"}`, app, true},
		{`a{app=~"we"}`, app, false},
		{`a{app=~"eb"}`, app, false},
		{`a{app=~"we|eb"}`, app, false},
		{`a{app=~"we|web"}`, app, true},
		{`a{app!~"we"}`, app, true},
		{`a{app!~"w.+"}`, app, false},
		{`a{app="web",app!="web"}`, app, false},
		{`a{app=~".*",app!~"x|y"}`, app, true},
		{`a{app="Web"}`, app, false},
		{`a{app=~"(?i)WEB"}`, app, true},
		{`a{app=""}`, app, false},
		{`a{none=""}`, app, true},
		{`a{none!=""}`, app, false},
		{`a{none=~".*"}`, app, true},
		{`a{none=~".+"}`, app, false},
		{`a{none!~".+"}`, app, true},
		{`a{q="a\"b\\c\nd"}`, app, true},
		{`a{q='a"b\\c\nd'}`, app, true},
		{`a{q='a\'b'}`, app, false},
		{`a{q=~"a.b.c.d"}`, app, true},
		{"a{q=~`a.b\\\\c\\nd`}", app, true},
		{`the.name`, dotted, true},
		{`the.name{"my.label"="x"}`, dotted, true},
		{`{"the.name","my.label"=~"x|y"}`, dotted, true},
		{`{__name__="the.name"}`, dotted, true},
		{`{"the.nam"}`, dotted, false},
	} {
		_, series, err := parse(t, test.selector).Sum(strings.NewReader(test.text), prometheus, false)
		if series != 1 && test.matches || err == nil != test.matches {
			t.Errorf("%s: %d series (%v) in %s, want match %t", test.selector, series, err, test.text, test.matches)
		}
	}
}

func TestParseSelectorErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 `column 1: expected a metric's name, as in requests_active{app="web"}, got nothing more`,
		" \t":                              `column 3: expected a metric's name, as in requests_active{app="web"}, got nothing more`,
		"}":                                `column 1: expected a metric's name, as in requests_active{app="web"}, got "}"`,
		`"a"`:                              `column 1: expected a metric's name, as in requests_active{app="web"}, got "\"a\""`,
		"{}":                               `column 1: expected a name, or a matcher that the empty text does not match, got "{}"`,
		` {a=""}`:                          `column 2: expected a name, or a matcher that the empty text does not match, got "{a=\"\"}"`,
		`{a=~".*"}`:                        `column 1: expected a name, or a matcher that the empty text does not match, got "{a=~\".*\"}"`,
		`{a!="b",c!~"d"}`:                  `column 1: expected a name, or a matcher that the empty text does not match, got "{a!=\"b\",c!~\"d\"}"`,
		"a b":                              `column 3: expected the end, got "b"`,
		"a,b":                              `column 2: expected the end, got ",b"`,
		"a}":                               `column 2: expected the end, got "}"`,
		`a{b="c"} > 0`:                     `column 10: expected the end, got "> 0"`,
		`a{b="c"}[5m]`:                     `column 9: expected the end, got "[5m]"`,
		`sum(a{b="c"})`:                    `column 13: expected the end, got ")"`,
		`a{b="c"}{d="e"}`:                  `column 9: expected the end, got "{d=\"e\"}"`,
		"a{":                               "column 3: expected a label's name, got nothing more",
		"a{b":                              "column 4: expected =~ or !~ or != or =, got nothing more",
		"a{b=":                             "column 5: expected text in quotes, got nothing more",
		"a{b=c}":                           `column 5: expected text in quotes, got "c}"`,
		"a{b=1}":                           `column 5: expected text in quotes, got "1}"`,
		`a{b="c}`:                          `column 5: expected a closing quote after this, got "\"c}"`,
		`a{b="c\"}`:                        `column 5: expected a closing quote after this, got "\"c\\\"}"`,
		`a{b='c"}`:                         `column 5: expected a closing quote after this, got "'c\"}"`,
		"a{b=`c}":                          "column 5: expected a closing quote after this, got \"`c}\"",
		`a{b="c"`:                          "column 8: expected a comma or }, got nothing more",
		`a{b="c" d="e"}`:                   `column 9: expected a comma or }, got "d=\"e\"}"`,
		`a{,}`:                             `column 3: expected a label's name, got ",}"`,
		`a{b="c",,}`:                       `column 9: expected a label's name, got ",}"`,
		`a{1b="c"}`:                        `column 3: expected a label's name, got "1b=\"c\"}"`,
		`a{ü="c"}`:                         `column 3: expected a label's name, got "ü=\"c\"}"`,
		`a{b-c="d"}`:                       `column 4: expected =~ or !~ or != or =, got "-c=\"d\"}"`,
		`a{b=="c"}`:                        `column 5: expected text in quotes, got "=\"c\"}"`,
		`a{b~"c"}`:                         `column 4: expected =~ or !~ or != or =, got "~\"c\"}"`,
		`a{b<"c"}`:                         `column 4: expected =~ or !~ or != or =, got "<\"c\"}"`,
		`a{b="\q"}`:                        `column 6: expected an escape such as \\ or \n, got "\\q\"}"`,
		`a{b=~"c\.d"}`:                     `column 8: expected an escape such as \\ or \n, got "\\.d\"}"`,
		`a{b=~"("}`:                        `column 3: expected a regular expression (missing closing ): "("), got "b=~\"(\"}"`,
		`a{b=~"c)(d"}`:                     `column 3: expected a regular expression (unexpected ): "c)(d"), got "b=~\"c)(d\"}"`,
		`a{b!~"(?=c)"}`:                    `column 3: expected a regular expression (invalid or unsupported Perl syntax: "(?="), got "b!~\"(?=c)\"}"`,
		`a{b=~"c{2000}"}`:                  `column 3: expected a regular expression (invalid repeat count: "{2000}"), got "b=~\"c{2000}\"}"`,
		`a{b=~"((c{1000}){1000}d)"}`:       `column 3: expected a regular expression (invalid repeat count: "{1000}"), got "b=~\"((c{1000}){1000}d)\"}"`,
		`a{__name__="b"}`:                  `column 3: expected one name, got "__name__=\"b\"}"`,
		`a{"b"}`:                           `column 3: expected one name, got "\"b\"}"`,
		`a{"b`:                             `column 3: expected a closing quote after this, got "\"b"`,
		`{""}`:                             `column 2: expected a label's name, got "\"\"}"`,
		`a{""="b"}`:                        `column 3: expected a label's name, got "\"\"=\"b\"}"`,
		`{"a" "b"}`:                        `column 6: expected =~ or !~ or != or =, got "\"b\"}"`,
		"a\xff":                            `column 1: expected UTF-8, got "a\xff"`,
		`a{b="` + strings.Repeat("x", 200): `column 5: expected a closing quote after this, got "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"`,
	} {
		s, err := ParseSelector(text)
		if err == nil || err.Error() != want || s.String() != "" {
			t.Errorf("%q: %v, error %v, want %s", text, s, err, want)
		}
	}
}

// A selector that was not read selects nothing, rather than all.
func TestZeroSelector(t *testing.T) {
	t.Parallel()
	if sum, series, err := (Selector{}).Sum(strings.NewReader("a 0\n"), prometheus, false); err == nil || err.Error() != "no selector" {
		t.Errorf("%v in %d series, %v", sum, series, err)
	}
}
