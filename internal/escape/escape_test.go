package escape

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestViews(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`a\/b\"c\\d\u00e9\u00E9\ud83d\ude00\x41\n`: "a/b\"c\\déé😀A\n",
		`\ud83d x \uZZZZ \u12`:                     `\ud83d x \uZZZZ \u12`,
		"%2f%2F%41%4":                              "//A%4",
		"&lt;&#65;&#x41;&#X41;&#0065;&quot;&nope;": `<AAAA"&nope;`,
		`\\\"%5c%22`:                               `""`,
		"%2541":                                    "A",
		"&amp;amp;":                                "&",
		`%26quot%3B`:                               `"`,
		"no escapes":                               "no escapes",
		"cut %4…":                                  "cut …",
		`cut \u00…`:                                "cut …",
		"cut &#6…":                                 "cut …",
	} {
		if all := Views(text); !slices.ContainsFunc(all, func(v View) bool { return v.Text == want }) {
			t.Errorf("%s: no view is %q: %v", text, want, all)
		}
	}
}

// A place in a view leads to the escape that it comes from.
func TestOrigin(t *testing.T) {
	t.Parallel()
	const text = `ab\u00e9%25c3%25a9&#233;yz`
	for _, v := range Views(text) {
		if at := strings.Index(v.Text, "yz"); at >= 0 {
			if from, to := v.Origin(at, at+2); text[from:to] != "yz" {
				t.Errorf("%q: yz comes from %q", v.Text, text[from:to])
			}
		}
		if at := strings.Index(v.Text, "é"); at == 2 {
			if from, to := v.Origin(at, at+1); text[from:to] != `\u00e9` {
				t.Errorf("%q: the first byte of é comes from %q", v.Text, text[from:to])
			}
		}
	}
}

func FuzzViews(f *testing.F) {
	for _, seed := range []string{`a\/b\u00e9\ud83d\ude00`, "%2541%4…", "&amp;#65;", `\`, "%", "&", `\u`, "\xff%ff&#xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, v := range Views(text) {
			before := 0
			for n := range len(v.Text) + 1 {
				from, to := v.Origin(min(n, len(v.Text)), len(v.Text))
				if from < before || to != len(text) && n <= len(v.Text) || from > to {
					t.Fatalf("%q as %q: byte %d comes from %d to %d", text, v.Text, n, from, to)
				}
				before = from
			}
		}
		if utf8.ValidString(text) && !strings.ContainsAny(text, `\%&`+Blanks) && len(Views(text)) != 1 {
			t.Fatalf("%q has escapes", text)
		}
	})
}
