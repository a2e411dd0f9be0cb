package main

import (
	"net/url"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestParseSeconds(t *testing.T) {
	t.Parallel()
	for text, want := range durationRow.good {
		d, err := parseSeconds(text)
		if err != nil || d.String() != want {
			t.Errorf("%q: %v, %v; want %s", text, d, err, want)
		}
		if d < 0 || d > longest {
			t.Errorf("%q: %v is out of bounds", text, d)
		}
	}
	for text, want := range durationRow.bad {
		if d, err := parseSeconds(text); err == nil || err.Error() != want || d != 0 {
			t.Errorf("%q: %v, %v; want 0, %s", text, d, err, want)
		}
	}
}

// What a flag's help says that it takes.
func TestTypesOfValues(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]pflag.Value{
		"duration":   new(seconds),
		"number":     new(count),
		"a|b":        &choice{among: []string{"a", "b"}},
		"true|false": new(toggle),
		"file":       &word{kind: "file"},
		"URL":        new(urls),
	} {
		if got := value.Type(); got != want {
			t.Errorf("%T is called %q, want %q", value, got, want)
		}
	}
	for _, row := range newSettings().rows {
		if row.value.Type() == "" || row.usage == "" || row.group == "" {
			t.Errorf("%s: help has nothing for it", row.env)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s := newSettings()
	if s.additionalWait != seconds(50*time.Second) || s.maxDNSErrors != 2 || s.shutdownType.word != "restart" || s.format.word != "auto" || s.logTo.text != "auto" || bool(s.es.insecure) || bool(s.dryRun) {
		t.Errorf("%+v", s)
	}
}

// Set again, a value is what it was set to last, and none is no URL.
func TestURLsAreReplaced(t *testing.T) {
	t.Parallel()
	u := &urls{many: true}
	for _, step := range []struct{ set, want string }{
		{"http://a,http://b", "http://a,http://b"},
		{"none", "none"},
		{"http://c", "http://c"},
		{"ftp://d", "http://c"},
		{"", "http://c"},
	} {
		u.Set(step.set)
		if got := u.String(); got != step.want || u.none != (step.want == "none") || u.none && len(u.list) > 0 {
			t.Errorf("after %q: %q, want %q", step.set, got, step.want)
		}
	}
}

// The user, the password, the query and the fragment may each be a secret.
func TestShownURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://h/p":                    "http://h/p",
		"http://u@h/p":                  "http://h/p",
		"http://u:p@h:80/p?q=1&r=2#f":   "http://h:80/p",
		"http://u:p%40x@[::1]:80/a%2Fb": "http://[::1]:80/a%2Fb",
		"https://h":                     "https://h",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := shownURL(u); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if u.String() != text {
			t.Errorf("%q was changed to %q", text, u)
		}
	}
}
