package request

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prestop/prestop/internal/grammar"
)

// pathOf reads json=PATH with the value in it.
func pathOf(text, value string) (*grammar.Option, error) {
	l, words, err := grammar.Split("ask "+text, grammar.Scope{Lookup: func(string) (string, bool) { return value, true }})
	if err != nil {
		return nil, err
	}
	l.Arrange("ask", words[1:], false)
	o, _ := l.Option("json")
	return o, nil
}

// What is no path is said without a variable's value.
func TestPathErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"json=.a[$V]":    "$(V) has no value that can be a part of a key, or the number of an element",
		"json=$V":        `json: expected a path, as .status, got "$V"`,
		"json=.a[x]":     `expected [0] or ["key"], got "[x]"`,
		"json=.a.x-${V}": "$(V) has no value that can be a part of a key",
	} {
		o, err := pathOf(text, "hunter.22")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Path(o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
}

// A variable's value is a key of its own, whatever is in it.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"plain", "app.kubernetes.io/name", `"].other["`, `\`, "[0]", ")", "", "\n\x00é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !utf8.ValidString(value) {
			return // is no key of JSON
		}
		document, err := json.Marshal(map[string]any{"a": map[string]any{value: map[string]int{"b": 7}, value + "x": 1}, "other": 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{`json=".a[\"$V\"].b"`, "json=.a.$V.b"} {
			o, err := pathOf(text, value)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Path(o)
			if err != nil {
				t.Fatalf("%s of %q: %v", text, value, err)
			}
			if got, err := p.Of(document); err != nil || got != json.Number("7") {
				t.Errorf("%s of %q is %s: %v, %v", text, value, p, got, err)
			}
		}
	})
}
