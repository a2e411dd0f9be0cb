package grammar

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// wordOf is the second word of a line in which V is the value.
func wordOf(t *testing.T, text, value string) *Word {
	t.Helper()
	all, err := split("x "+text, Scope{Lookup: func(name string) (string, bool) {
		return map[string]string{"V": value, "P": "8080", "H": "app"}[name], true
	}})
	if err != nil || len(all) != 2 {
		t.Fatal(text, all, err)
	}
	return &all[1]
}

func TestValuesStayInTheirPartOfAURL(t *testing.T) {
	t.Parallel()
	const sharp = "x&admin=1#f"
	for _, test := range []struct{ text, value, want string }{
		{"http://h/x?a=$(V)", sharp, "http://h/x?a=x%26admin%3D1%23f"},
		{"http://h/x?a=b&c=$(V)&d=e", "a b+%", "http://h/x?a=b&c=a%20b%2B%25&d=e"},
		{"http://h/x?$(V)", "graceful&skip_exit=1#f", "http://h/x?graceful&skip_exit=1%23f"},
		{"http://h/x#$(V)", "a?b", "http://h/x#a%3Fb"},
		{"http://h/a/$(V)/b", "c/d?e", "http://h/a/c%2Fd%3Fe/b"},
		{"http://h:$(P)/a/$(V)", "ü", "http://h:8080/a/%C3%BC"},
		{"http://h:$(P)$(V)", "/actuator/shutdown?x", "http://h:8080/actuator/shutdown%3Fx"},
		{"http://u:$(V)@h/", "p@evil/?#:", "http://u:p%40evil%2F%3F%23%3A@h/"},
		{"http://$(V):pw@h/", "u:x@", "http://u%3Ax%40:pw@h/"},
		{"http://$(V)@h/", "u:p@w", "http://u:p%40w@h/"},
		{"http://$(H):$(V)@h/", "p@w", "http://app:p%40w@h/"},
		{"http://$(V)/x@y", "[fe80::1%25eth0]:80", "http://[fe80::1%25eth0]:80/x@y"},
		{"http://$(V)/x", "a@b/c?d", "http://a%40b%2Fc%3Fd/x"},
		{"$(V)", "http://h/?a=b&c=%20#d", "http://h/?a=b&c=%20#d"},
		{"$(V)/x", "http://h/base", "http://h/base/x"},
		{"$(V)&a=$(V)", "http://h/?b=c", "http://h/?b=c&a=http%3A%2F%2Fh%2F%3Fb%3Dc"},
		{"$(V)://$(H)/x", "https", "https://app/x"},
		{"http+unix:$(V):/x", "/run/a.sock", "http+unix:/run/a.sock:/x"},
		{"http+unix:/run/$(V):/x", "a/b.sock", "http+unix:/run/a/b.sock:/x"},
		{"http+unix:/run/a:/x?y=$(V)", sharp, "http+unix:/run/a:/x?y=x%26admin%3D1%23f"},
		{"http+unix://$(V)/x", "/run/a.sock", "http+unix://%2Frun%2Fa.sock/x"},
		{"http://h/x", "", "http://h/x"},
	} {
		w, err := wordOf(t, test.text, test.value).With(InURL)
		if err != nil || w.Text != test.want {
			t.Errorf("%s of %q: %v, %v; want %s", test.text, test.value, w, err, test.want)
		}
	}
	for _, dots := range []string{".", ".."} {
		if w, err := wordOf(t, "http://h/a/$(V)/b", dots).With(InURL); err == nil {
			t.Errorf("%s becomes %s", dots, w.Text)
		}
	}
	list := wordOf(t, "http://u:$(V)@a/,$(V)", "http://b,http://c")
	if w, err := list.With(InURLs); err != nil || w.Text != "http://u:http%3A%2F%2Fb%2Chttp%3A%2F%2Fc@a/,http://b,http://c" {
		t.Errorf("%v, %v", w, err)
	}
}

func TestValuesStayInTheirPartOfABody(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, value, want string
		encode            Encoding
	}{
		{"a=$(V)&b=$(P)", "1&c=2%", "a=1%26c%3D2%25&b=8080", InForm},
		{"$(V)&b=c", "a=1&c=2 3", "a=1&c=2%203&b=c", InForm},
		{`"{\"a\": \"$(V)\"}"`, `"}, \`, `{"a": "\"}, \\"}`, InJSON},
		{`"{\"a\\\"\": $(V)}"`, `{"b": 1}`, `{"a\"": {"b": 1}}`, InJSON},
	} {
		w, err := wordOf(t, test.text, test.value).With(test.encode)
		if err != nil || w.Text != test.want {
			t.Errorf("%s of %q: %v, %v; want %s", test.text, test.value, w, err, test.want)
		}
	}
	for text, want := range map[string]bool{"$(V)": false, `"{\"a\": $(V)}"`: true, `"[\"$(V)\"]"`: true, `"{\"a\": x$(V)}"`: false, "{}": true, "a=$(V)": false,
		`"{\"index\": {}}` + "\n" + `{\"a\": \"$(V)\"}"`: true, `"{} \"$(V)\""`: false, `"1 {\"a\": \"$(V)\"}"`: false, "''": false} {
		if w := wordOf(t, text, `"`); w.IsJSON() != want {
			t.Errorf("%s: JSON is %t", text, !want)
		}
	}
}

func TestValuesStayInTheirPartOfAPathAndASelector(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, value, want string // empty: it is refused
		encode            Encoding
	}{
		{`json=".a[\"$(V)\"].b"`, `x"].c\`, `.a["x\"].c\\"].b`, InPath},
		{`json='.a["\""].'$(V)`, "b.c", `.a["\""].["b.c"]`, InPath},
		{"json=.labels.$(V)", "app.kubernetes.io/name", `.labels.["app.kubernetes.io/name"]`, InPath},
		{"json=.a.$(V).b[0]", `c"[1]`, `.a.["c\"[1]"].b[0]`, InPath},
		{"json=count(.a.$(V))", "b)", `count(.a.["b)"])`, InPath},
		{"json=.a.x-$(V)[0]", "b-1", ".a.x-b-1[0]", InPath},
		{"json=.a[$(V)]", "12", ".a[12]", InPath},
		{"json=.a.$(V)", "", `.a.[""]`, InPath},
		{"json=$(V).state", ".a.b[0]", ".a.b[0].state", InPath},
		{"json=count($(V))", `.a["b.c"]`, `count(.a["b.c"])`, InPath},
		{"json=.a.x-$(V)", "b.c", "", InPath},
		{"json=.a[$(V)]", "0].b[1", "", InPath},
		{`metric="a{b=\"$(V)\",c=\"d\"}"`, `x",c!="\`, `a{b="x\",c!=\"\\",c="d"}`, InSelector},
		{`metric="a{b='$(V)'}"`, `x'"\`, `a{b='x\'"\\'}`, InSelector},
		{"metric=\"a{b=`$(V)`}\"", `x"\`, "a{b=`x\"\\`}", InSelector},
		{"metric=\"a{b=`$(V)`}\"", "x`", "", InSelector},
		{`metric="a{b=\"\\\\$(V)\"}"`, `"`, `a{b="\\\""}`, InSelector},
		{`metric="a{b=~\"$(V)\"}"`, `x-\d+|y`, `a{b=~"x-\\d+|y"}`, InSelector},
		{`metric="a{b!~ \"$(V)-.*\"}"`, "x.1|", `a{b!~ "x\\.1\\|-.*"}`, InSelector},
		{"metric=\"a{b=~`$(V)-.*`}\"", "x.1", "a{b=~`x\\.1-.*`}", InSelector},
		{"metric=$(V)_active", "http.requests", "http.requests_active", InSelector},
		{`metric="a{$(V)}"`, `b="c"`, `a{b="c"}`, InSelector},
	} {
		o, ok := option(*wordOf(t, test.text, test.value))
		if !ok {
			t.Fatal(test.text)
		}
		switch filled, err := o.With(test.encode); {
		case test.want == "" && err == nil:
			t.Errorf("%s of %q: %s, want an error", test.text, test.value, filled.Value)
		case test.want == "":
			if e, ok := err.(*Error); !ok || strings.Contains(e.Text, test.value) {
				t.Errorf("%s of %q: error %v", test.text, test.value, err)
			}
		case err != nil || filled.Value != test.want || filled.Text != o.Key+"="+test.want:
			t.Errorf("%s of %q: %+v, %v; want %s", test.text, test.value, filled, err, test.want)
		}
	}
}

func FuzzEncoding(f *testing.F) {
	f.Add("x&admin=1#f")
	f.Add("@/\\\"\x00\xff")
	f.Fuzz(func(t *testing.T, value string) {
		if value != "" && strings.Trim(value, ".") == "" {
			return // refused in a path
		}
		in := func(text string, e Encoding) string {
			w, err := wordOf(t, text, value).With(e)
			if err != nil {
				t.Fatal(err)
			}
			return w.Text
		}
		u, err := url.Parse(in("http://u:$(V)@h/a/b$(V)?c=$(V)&d=e#$(V)", InURL))
		if err != nil {
			t.Fatal(err)
		}
		password, _ := u.User.Password()
		if query := u.Query(); u.Host != "h" || password != value || u.Path != "/a/b"+value || query.Get("c") != value || query.Get("d") != "e" || len(query) != 2 || u.Fragment != value {
			t.Errorf("%q: %q", value, u)
		}
		var object map[string]string
		if err := json.Unmarshal([]byte(in(`"{\"a\":\"$(V)\"}"`, InJSON)), &object); err != nil || len(object) != 1 || utf8.ValidString(value) && object["a"] != value {
			t.Errorf("%q: %q, %v", value, object, err)
		}
	})
}
