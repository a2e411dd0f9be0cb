package main

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                       {""},
		"short":                  {"short"},
		"ten in all":             {"ten in all"},
		"eleven here":            {"eleven", "here"},
		`{"a":1,"b":2}`:          {`{"a":1,`, `"b":2}`},
		"einsehrlangeswort":      {"einsehrlan", "geswort"},
		"äöü äöü äöü":            {"äöü äöü", "äöü"},
		"two\nlines\x1b[31m":     {"two lines", "[31m"},
		strings.Repeat("x", 100): {"xxxxxxxxxx", "xxxxxxxxxx", "xxxxxxxxxx", "xxxxxxxxx…"},
	} {
		got := wrap(text, 10)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("wrap(%q) = %q, expected %q", text, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	var got []string
	l := &lines{each: func(s string) { got = append(got, s) }}
	for _, part := range []string{"a", "b\nc\n\nd", "", "\n", "never ended"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("Write(%q) = %d, %v", part, n, err)
		}
	}
	if want := "ab|c||d"; strings.Join(got, "|") != want {
		t.Errorf("got %q, expected %q", got, want)
	}
}
