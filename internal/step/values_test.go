package step

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/prestop/prestop/prestop"
)

func TestValues(t *testing.T) {
	t.Parallel()
	v := NewValues(map[string]string{"ID": "get http://app/ json=.id into=ID"}, nil)
	if _, err := v.Get("ID"); !errors.Is(err, prestop.ErrKeepsWait) || !strings.Contains(err.Error(), "get http://app/ json=.id into=ID") {
		t.Error(err)
	}
	for _, test := range []struct {
		value any
		want  string // empty: refused
	}{
		{"abc", "abc"}, {json.Number("12"), "12"}, {true, "true"}, {"ü x", "ü x"}, {strings.Repeat("x", 256), strings.Repeat("x", 256)},
		{nil, ""}, {"", ""}, {strings.Repeat("x", 257), ""}, {"a\nb", ""}, {"a\x00", ""}, {"a\u0085", ""}, {"\xff", ""}, {"\x7f", ""},
	} {
		told := ""
		v := NewValues(nil, func(name, text string) { told = text })
		err := v.Give("ID", test.value)
		got, _ := v.Get("ID")
		if got != test.want || told != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q: %q, %v", test.value, got, err)
		}
		if err != nil && test.value != nil && len(test.value.(string)) > 2 && strings.Contains(err.Error(), test.value.(string)) {
			t.Errorf("%v has the value", err)
		}
	}
	var none *Values
	if _, err := none.Get("ID"); !errors.Is(err, prestop.ErrKeepsWait) || none.Give("ID", "a") != nil {
		t.Error(err)
	}
}

func TestLate(t *testing.T) {
	t.Parallel()
	words, err := split(`x http://a/$(ID)/b$HOST?c=${ID}x $ID '$(ID)'`, Scope{env, []string{"ID"}})
	if err != nil {
		t.Fatal(err)
	}
	if w := words[1]; w.Text != "http://a/ID/bapp?c=IDx" || !slices.Equal(w.Late(), []string{"ID", "ID"}) {
		t.Errorf("%+v", w)
	}
	n := 0
	got, err := words[1].Fill(func(name string) (string, error) { n++; return strings.Repeat("v", n) + "$(ID)", nil })
	if err != nil || got != "http://a/v$(ID)/bapp?c=vv$(ID)x" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := words[1].Fill(func(string) (string, error) { return "", errors.ErrUnsupported }); err != errors.ErrUnsupported {
		t.Error(err)
	}
	if len(words[3].Late()) != 0 || words[2].Bare() {
		t.Errorf("%+v", words)
	}
	if got, err := words[1].Part(9, 12).Fill(func(string) (string, error) { return "9", nil }); got != "9/" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

// A name that has no value yet is refused wherever the verb needs to know the word.
func TestEarly(t *testing.T) {
	t.Parallel()
	parse := func(l *Line) (Spec, error) {
		name, err := l.Gives()
		if err == nil && name == "bad" {
			err = errors.ErrUnsupported
		}
		return nil, err
	}
	verbs := []*Verb{
		{Name: "call", Late: []string{"", "body"}, Options: []string{"body", "max", "into"}, Parse: parse},
		{Name: "run", Raw: true, Options: []string{"max"}, Parse: parse}, {Name: "until quiet", Parse: parse},
	}
	const refused = "has its value only when the steps run"
	for line, want := range map[string]string{
		"call $(ID)": "", "call a body=$(ID)": "", "call a into=NEW": "", "call a into=_n9": "",
		"call a max=$(ID)": refused, "run $(ID)": refused, "run a $(ID)": refused, "run max=$(ID) a": refused, "$(call) a": refused, "until $(quiet)": refused, "$(until) quiet": refused,
		"call a into=ID": "ID is given by an earlier step", "call a into=HOST": "HOST is an environment variable", "call a into=$HOST": "expected a name", "call a into=a-b": "expected a name",
		"call a into=": "expected a name", "call a into=9": "expected a name", "call a into='A'": "expected a name", "call a into=NEW once": "does not go with once",
	} {
		_, _, _, err := ParseIn(Scope{env, []string{"ID", "call", "quiet", "until"}}, verbs, line)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}
