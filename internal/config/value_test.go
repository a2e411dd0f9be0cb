package config

import (
	"net/url"
	"testing"
)

// What a flag's help says that it takes.
func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := make(map[string]string)
	for _, s := range Table() {
		kinds[s.Flag] = s.Kind()
	}
	for flag, want := range map[string]string{
		"grace-period": "duration", "max-dns-errors": "number", "if-not-deleted": "wait|skip", "ask-api": "true|false", "skip-file": "file",
		"app-url": "URL", "elasticsearch-url": "URL", "shutdown-type": "restart|remove|replace|sigterm|auto", "state-dir": "directory",
	} {
		if kinds[flag] != want {
			t.Errorf("--%s takes %q, want %q", flag, kinds[flag], want)
		}
	}
}

// Set again, a value is what it was set to last, and none is no URL.
func TestURLsAreReplaced(t *testing.T) {
	t.Parallel()
	var v Value[[]*url.URL]
	s := is(&v, manyURLs())
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
		_ = s.set(test.set, "x") // what is refused leaves the value
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
		if got := [2]string{ShowURL(u), ShowPlace(u)}; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if u.String() != text {
			t.Errorf("%q was changed to %q", text, u)
		}
	}
	if ShowURL(nil) != "" || ShowPlace(nil) != "" {
		t.Error("no URL is shown as one")
	}
}
