package setting

import (
	"cmp"
	"net/url"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/web"
)

// Set again, a value is what it was set to last, and none is no URL.
func TestURLsAreReplaced(t *testing.T) {
	t.Parallel()
	var v Value[[]*url.URL]
	s := Of(&v, ManyURLs())
	for _, test := range []struct {
		set, want string
		urls      int
	}{
		{"http://a,http://b", "http://a,http://b", 2},
		{"none", "none", 0},
		{"http://c", "http://c", 1},
		{"ftp://d", "http://c", 1},
		{"", "http://c", 1},
	} {
		_ = s.Set(test.set, "x") // what is refused leaves the value
		if got := s.Shown(); got != test.want || len(v.V) != test.urls {
			t.Errorf("after %q: %q, %v; want %q", test.set, got, v.V, test.want)
		}
	}
}

// The user, the password, the query and the fragment may each be a secret, and in a webhook the path.
func TestShownURLs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"http://h/p":                    {"http://h/p", "http://h"},
		"http://u@h/p":                  {"http://h/p", "http://h"},
		"http://u:p@h:80/p?q=1&r=2#f":   {"http://h:80/p", "http://h:80"},
		"http://u:p%40x@[::1]:80/a%2Fb": {"http://[::1]:80/a%2Fb", "http://[::1]:80"},
		"https://h":                     {"https://h", "https://h"},
		"http://h/p?":                   {"http://h/p", "http://h"},
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{ShowURL(u), web.Place(u)}; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if u.String() != text {
			t.Errorf("%q was changed to %q", text, u)
		}
	}
	if u := (Value[*url.URL]{}); Of(&u, OneURL(ShowURL)).Shown() != "" || Of(&u, OneURL(web.Place)).Shown() != "" {
		t.Error("no URL is shown as one")
	}
}

// What a kind reads is shown as a person would write it, and stays as it was where the text is none of the kind.
func TestKindsRead(t *testing.T) {
	t.Parallel()
	var (
		d    Value[time.Duration]
		n    Value[int]
		b    Value[bool]
		text Value[string]
		u    Value[*url.URL]
	)
	for _, test := range []struct {
		holder Holder
		kind   string
		values map[string]string // what is shown; empty: it is refused
	}{
		{Of(&d, Duration()), "duration", map[string]string{"50": "50s", "1m30s": "1m30s", "-1": "", "x": ""}},
		{Of(&n, Count()), "number", map[string]string{"0": "0", "65535": "65535", "65536": "", "-1": ""}},
		{Of(&b, Toggle()), TrueFalse, map[string]string{"true": "true", "0": "false", "yes": ""}},
		{Of(&text, Word("file")), "file", map[string]string{"any": "any"}},
		{Of(&text, Choice("a", "b")), "a|b", map[string]string{"a": "a", "A": "", "c": ""}},
		{Of(&text, AnyCase("a", "b")), "a|b", map[string]string{"a": "a", "A": "a", "c": ""}},
		{Of(&text, Checked("even", func(s string) error { return map[bool]error{true: errURL}[len(s)%2 == 1] })), "even", map[string]string{"ab": "ab", "a": ""}},
		{Of(&u, OneURL(web.Place)), "URL", map[string]string{"http://u:p@h/secret": "http://h", "h": "", "": ""}},
	} {
		if got := test.holder.Kind(); got != test.kind {
			t.Errorf("%s is called %s", test.kind, got)
		}
		for value, want := range test.values {
			test.holder.SetBy("")
			before := test.holder.Shown()
			err := test.holder.Set(value, "x")
			if (err == nil) != (want != "") || (test.holder.Check(value) == nil) != (err == nil) || (test.holder.By() == "x") != (err == nil) {
				t.Errorf("%s %q: %v, set by %q", test.kind, value, err, test.holder.By())
			}
			if got := test.holder.Shown(); got != cmp.Or(want, before) {
				t.Errorf("%s %q is shown as %q, want %q", test.kind, value, got, cmp.Or(want, before))
			}
		}
	}
	if d.IsSet() != (d.By != "") {
		t.Error("set by nobody")
	}
}

// An API's path is added to a base URL, so that it would be lost behind a ? or a #.
func TestBaseURLsHaveNoQuery(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"http://es:9200": true, "http://es:9200/p": true, "http://es:9200?": false, "http://es:9200/?a=b": false, "http://es:9200/#/": false} {
		if _, err := ParseURLs(text); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A delay of 0 is sent, and not left out.
func TestDelay(t *testing.T) {
	t.Parallel()
	var v Value[time.Duration]
	if d := Delay(v); d != 0 {
		t.Errorf("not set: %s", d)
	}
	for text, want := range map[string]time.Duration{"0": time.Millisecond, "500ms": 500 * time.Millisecond, "90": 90 * time.Second} {
		if err := Of(&v, Duration()).Set(text, "X"); err != nil || Delay(v) != want {
			t.Errorf("%s: %s, want %s (%v)", text, Delay(v), want, err)
		}
	}
}
