package setting

import "testing"

// What does not count is known: a flag that is given again, and the variable beside a flag, where they are written otherwise.
func TestBeaten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		flags         []string
		variable      string
		value, beaten string
	}{
		{"the variable alone", nil, "a", "a", ""},
		{"a flag", []string{"a"}, "", "a", ""},
		{"a flag twice", []string{"a", "b"}, "", "b", "--x"},
		{"a flag twice alike", []string{"a", "a"}, "", "a", ""},
		{"a flag and its variable", []string{"a"}, "b", "a", "X"},
		{"a flag and its variable alike", []string{"a"}, "a", "a", ""},
		{"a flag and what its variable cannot be", []string{"a"}, "nope", "a", "X"},
		{"a flag that cannot be read", []string{"nope"}, "b", "b", ""},
		{"a flag that cannot be read the second time", []string{"a", "nope"}, "", "a", ""},
	} {
		var v Value[string]
		s := &Setting{Holder: Of(&v, Choice("a", "b")), Env: "X", Flag: "x"}
		for _, text := range test.flags {
			_ = s.Set(text, "--x")
		}
		if test.variable != "" && !s.Beats(test.variable, "X") {
			_ = s.Set(test.variable, "X")
		}
		if v.V != test.value || s.Beaten != test.beaten {
			t.Errorf("%s: %q, beaten %q; want %q, %q", test.name, v.V, s.Beaten, test.value, test.beaten)
		}
	}
}
