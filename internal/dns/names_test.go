package dns

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a.", 125) + "abc" // 253
	for _, c := range []struct {
		host   string
		ndots  int
		search string
		want   []string
	}{
		{"es", 5, "x y", []string{"es.x.", "es.y.", "es."}},
		{"es.a", 1, "x", []string{"es.a.", "es.a.x."}},
		{"es", 0, "x", []string{"es.", "es.x."}},
		{"a.b.c.d.e", 5, "x", []string{"a.b.c.d.e.x.", "a.b.c.d.e."}},
		{"a.b.c.d.e.f", 5, "x", []string{"a.b.c.d.e.f.", "a.b.c.d.e.f.x."}},
		{"es.a.", 5, "x", []string{"es.a."}},
		{"es", 1, "", []string{"es."}},
		{"es", 5, ". x", []string{"es.", "es.x."}},
		{"es.a", 1, "x . x", []string{"es.a.", "es.a.x."}},
		{long, 500, "x", []string{long + "."}},
		{long[2:], 500, "x yy", []string{long[2:] + ".x.", long[2:] + "."}},
		{"_srv.es-0.a", 1, "", []string{"_srv.es-0.a."}},
		{"10.0.0.1.x", 5, "", []string{"10.0.0.1.x."}},
	} {
		conf := parseResolvConf("search " + c.search)
		conf.ndots = c.ndots
		if have, err := conf.names(c.host); err != nil || !slices.Equal(have, c.want) {
			t.Errorf("%s: have %v, %v; want %v", c.host, have, err, c.want)
		}
	}
}

func TestInvalidNamesAreNotAskedFor(t *testing.T) {
	t.Parallel()
	r := &Resolver{MaxErrors: 1, exchange: unasked(t)}
	for host, want := range map[string]string{
		"":                              "it is empty",
		".":                             "it is empty",
		"a..b":                          "a label is empty",
		".a":                            "a label is empty",
		"a..":                           "a label is empty",
		strings.Repeat("a", 64) + ".b":  "a label is longer than 63 characters",
		strings.Repeat("a.", 127):       "",
		strings.Repeat("a.", 127) + "b": "it is longer than 253 characters",
		"a b":                           `' ' is neither letter, digit, hyphen nor underscore`,
		"a/b":                           `'/' is neither letter, digit, hyphen nor underscore`,
		`a\.b`:                          `'\\' is neither letter, digit, hyphen nor underscore`,
		"a\x00":                         `'\x00' is neither letter, digit, hyphen nor underscore`,
		"é":                             `'é' is neither letter, digit, hyphen nor underscore`,
		"10.0.0":                        "it is neither a name nor a complete IP address",
		"10.0.0.256":                    "it is neither a name nor a complete IP address",
	} {
		if want == "" {
			if err := checkName(host); err != nil {
				t.Errorf("%q: %v", host, err)
			}
			continue
		}
		for range 3 { // and they are not counted
			_, err := r.Lookup(t.Context(), host)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Outcome != Invalid || !e.Final() || err.Error() != "lookup "+host+": invalid name: "+want {
				t.Errorf("%q: have %v, want %s", host, err, want)
			}
		}
	}
}
