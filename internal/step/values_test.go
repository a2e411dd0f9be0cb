package step

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/grammar"
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

// A name that has no value yet is refused wherever the verb needs to know the word.
func TestEarly(t *testing.T) {
	t.Parallel()
	parse := func(l *grammar.Line) (Spec, error) {
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
		_, _, _, err := ParseIn(grammar.Scope{Lookup: env, Given: []string{"ID", "call", "quiet", "until"}}, verbs, line)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

func env(name string) (string, bool) { return "app", name == "HOST" }
