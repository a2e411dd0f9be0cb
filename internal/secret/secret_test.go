package secret

import (
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/step"
)

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func parsed(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestHide(t *testing.T) {
	t.Parallel()
	field := func(name, value string) func(*Set) {
		return func(s *Set) { s.AddLine([]step.Secret{{Field: name, Text: value}}) }
	}
	add := func(all ...string) func(*Set) {
		return func(s *Set) {
			for _, text := range all {
				s.Add(text)
			}
		}
	}
	token := func(value string) func(*Set) { return func(s *Set) { s.AddVariable("TOKEN", value) } }
	link := func(text string) func(*Set) { return func(s *Set) { s.AddURL(parsed(t, text)) } }
	for _, test := range []struct {
		name       string
		declare    func(*Set)
		text, want string
	}{
		{"nothing", func(*Set) {}, "as it is…", "as it is…"},
		{"a secret", add("hunter22"), "a hunter22, hunter22hunter22", "a ***, ******"},
		{"nothing but a secret", add("hunter22"), "hunter22", "***"},
		{"a short one spoils nothing", add("abc", ""), "abcabc", "abcabc"},
		{"the shortest", add("four"), "for four", "for ***"},
		{"a variable", token("hunter22"), "a hunter22", "a $(TOKEN)"},
		{"a variable that ends its line", token("hunter22\n"), "a hunter22.", "a $(TOKEN)."},
		{"lines that are made one", token("hunter22\nhunter23\n"), "a hunter22 hunter23.", "a $(TOKEN)."},
		{"a variable that is a secret", func(s *Set) { s.AddVariable("TOKEN", "hunter22"); s.Add("hunter22") }, "hunter22", "***"},
		{"a secret that is a variable", func(s *Set) { s.Add("hunter22"); s.AddVariable("TOKEN", "hunter22") }, "hunter22", "***"},

		{"one that another begins with", add("hunter", "hunter22"), "hunter22 hunter hunter2", "*** *** ***2"},
		{"one that another begins with, in any order", add("hunter22", "hunter"), "hunter22 hunter hunter2", "*** *** ***2"},
		{"one of many that another begins with", add("hunt", "hunter", "hunter22", "hunter21", "hunting"), "hunter2x hunting hunted", "***2x *** ***ed"},
		{"one in another", add("my-hunter22-x", "hunter22"), "my-hunter22-x my-hunter22-y", "*** my-***-y"},
		{"two that overlap", add("my-hunter22", "hunter2233"), "a my-hunter2233 b", "a *** b"},
		{"three that overlap", add("abcdef", "efghij", "ijklmn"), "abcdefghijklmn!", "***!"},
		{"two side by side", add("abcdef", "ghijkl"), "abcdefghijkl", "******"},

		{"a URL's", link("http://joe:hunter22@h/?api_key=abcd&x=efghij&y=klm"), "joe:hunter22 hunter22 abcd efghij klm", "*** *** *** *** klm"},
		{"a URL's user", link("http://hunter22@h/"), "hunter22", "***"},
		{"a URL without", link("http://host/path?x=yyyy&n=12345678"), "host path yyyy 12345678", "host path yyyy 12345678"},
		{"a URL's escaped value", link("http://h/?x=a%2Fb%2Fc%2Fd"), "a/b/c/d a%2Fb%2Fc%2Fd a%2fb%2fc%2fd", "*** *** ***"},
		{"a header", field("X-Auth-Token", "hunter22"), "hunter22", "***"},
		{"another header", field("Accept", "text/html"), "text/html", "text/html"},
		{"behind a scheme", field("Authorization", "Bearer hunter22"), "no hunter22; Bearer hunter22", "no ***; ***"},
		{"basic", field("Authorization", "Basic "+basic("joe", "hunter22")), "hunter22 joe:hunter22 " + basic("joe", "hunter22"), "*** *** ***"},
		{"a cookie", field("Cookie", "a=b; session=hunter22"), "hunter22", "***"},
		{"whatever its name", func(s *Set) { s.AddLine([]step.Secret{{Text: "hunter22"}}) }, "hunter22", "***"},
		{"a variable in a header", func(s *Set) { s.AddLine([]step.Secret{{Variable: "TOKEN", Text: "Bearer hunter22"}}) }, "Bearer hunter22, hunter22", "$(TOKEN), $(TOKEN)"},
		{"as a line has it", func(s *Set) { s.AddWritten("get http://joe:h%75nter22@h/ x") }, "get http://joe:h%75nter22@h/ x; h%75nter22; hunter22", "get http://***@h/ x; ***; ***"},
		{"an e-mail address is none", func(s *Set) { s.AddWritten("get http://h/ body=joe@h") }, "get http://h/ body=joe@h", "get http://h/ body=joe@h"},

		{"cut", add("hunter22"), "a hunte… and hunter…", "a ***… and ***…"},
		{"cut and quoted", add(`hun"ter"22`), `a hun\"te…`, "a ***…"},
		{"cut too short to tell", add("hunter22"), "a hun…", "a hun…"},
		{"cut elsewhere", add("hunter22"), "a hunter2 b…", "a hunter2 b…"},
		{"cut in a variable", token("hunter22"), "hunter2…", "$(TOKEN)…"},
		{"cut in the longer of two", add("hunter", "hunter22 and more"), "hunter22 an…", "***…"},
		{"cut behind a whole one", add("hunter22"), "hunter22…", "***…"},
		{"cut where it overlaps", add("my-hunter22", "hunter2233 and more"), "my-hunter2233 an…", "***…"},
		{"with a cut of its own", add("hun…ter22"), "hun…ter22 hun…te…", "*** hun…te…"},
		{"not cut", add("hunter22"), "hunter2", "hunter2"},
	} {
		s := &Set{}
		test.declare(s)
		for range 2 { // declared anew, it is hidden the same
			if got := s.Hide(test.text); got != test.want {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
			test.declare(s)
		}
	}
}

// A secret is known in every way of writing it.
func TestForms(t *testing.T) {
	t.Parallel()
	for secret, forms := range map[string][]string{
		`p"s\ /+&%<é>'`: {
			`p"s\ /+&%<é>'`, `p\"s\\ /+&%<é>'`, `p\"s\\ \/+&%<é>'`, `p\"s\\ /+&%<\u00e9>'`, `p\"s\\ \/+&%<\u00E9>'`, `p\"s\\ /+\u0026%\u003cé\u003e'`,
			`p\"s\\ \/+\u0026%\u003c\u00e9\u003e'`, "p%22s%5C+%2F%2B%26%25%3C%C3%A9%3E%27", "p%22s%5c+%2f%2b%26%25%3c%c3%a9%3e%27", "p%22s%5C%20%2F%2B%26%25%3C%C3%A9%3E%27",
			"p%22s%5c%20%2f+&%25%3c%c3%a9%3e%27", "p&#34;s\\ /+&amp;%&lt;é&gt;&#39;", "p&quot;s\\ /+&amp;%&lt;é&gt;&#39;",
			"cCJzXCAvKyYlPMOpPic=", "cCJzXCAvKyYlPMOpPic", "7022735c202f2b26253cc3a93e27", "7022735C202F2B26253CC3A93E27",
		},
		"+/+/ab":        {"+/+/ab", "Ky8rL2Fi", "%2B%2F%2B%2Fab", "+%2F+%2Fab", `+\/+\/ab`},
		">>>???":        {"Pj4+Pz8/", "Pj4-Pz8_", `\u003e\u003e\u003e???`, "&gt;&gt;&gt;???"},
		"a b c d":       {"a b c d", "a+b+c+d", "a%20b%20c%20d"},
		"two\nlines":    {"two\nlines", "two lines", `two\nlines`, "two%0Alines", "two%0alines"},
		"\x01\x02\x03x": {"\x01\x02\x03x", `\x01\x02\x03x`, `\u0001\u0002\u0003x`, "%01%02%03x"},
		`""""`:          {`""""`, `\"\"\"\"`, "%22%22%22%22"},
		"%41%42%43%44":  {"%41%42%43%44", "ABCD", "%2541%2542%2543%2544", "QUJDRA=="},
		"pass😀word":     {`pass\ud83d\ude00word`, `pass\uD83D\uDE00word`, "pass%F0%9F%98%80word"},
		"p@ss:w&rd=$":   {"p%40ss%3Aw&rd=$", "p@ss:w&rd=$", "p%40ss%3Aw%26rd%3D%24"},
		"\xff\xfe\xfdx": {"\xff\xfe\xfdx", `\xff\xfe\xfdx`, "%FF%FE%FDx", "fffefd78"},
	} {
		s := &Set{}
		s.Add(secret)
		for _, form := range forms {
			if got := s.Hide("<" + form + ">"); got != "<***>" {
				t.Errorf("%q: %q is shown as %q", secret, form, got)
			}
		}
	}
}

// Of a line that cannot be parsed nothing is shown that may be a secret, and enough to see which one it is.
func TestAddUnreadable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"wiat 5s":                          "wiat 5s",
		"psot http://joe:hunter22@h/drain": "psot http://***@h/drain",
		`psot http://h/ header="Authorization: Bearer hunter22"`:   `psot http://h/ header="Authorization: *** ***"`,
		`post http://h/ haeder='X-Api-Key:hunter22' timeout=5s`:    `post http://h/ haeder='X-Api-Key:***' ***`,
		`post http://h/ timeout=5x header="X-Secret: hunter22`:     `post http://h/ timeout=5x header="X-Secret: ***`,
		"post http://h/?access_token=hunter22 x":                   "post http://h/?access_token=*** x",
		"post http://joe:hunt/er22@h/ x":                           "post http://***@h/ x",
		`post http://joe:hu"nt er22@h/`:                            `post http://***"nt ***@h/`,
		`post http://h/ header="Password hunter22"`:                `post http://h/ header="Password ***"`,
		"post http://h/ body=nothing to=hide":                      "post http://h/ body=nothing to=hide",
		`post http://h/ HEADER="AUTHORIZATION:hunter22`:            `post http://h/ HEADER="AUTHORIZATION:***`,
		"post http://h/ header=Set-Cookie:hunter22 x='hunter2200'": "post http://h/ header=Set-Cookie:*** x='***'",
	} {
		s := &Set{}
		s.AddUnreadable(text)
		if got := s.Hide(text); got != want && !(strings.HasPrefix(got, want) && !strings.Contains(got, "hunter")) {
			t.Errorf("%s\nis shown as %s\n      want %s", text, got, want)
		}
	}
}

// What is declared to a step alone changes no other text, and takes no secret apart.
func TestInside(t *testing.T) {
	t.Parallel()
	all := &Set{}
	one, other := all.Inside(), all.Inside()
	one.AddVariable("HOST", "web.shop.svc")
	other.AddVariable("ENDPOINT", "web.shop.svc:8080")
	all.Add("key-web.shop.svc-hunter22")
	const text = "web.shop.svc:8080 has key-web.shop.svc-hunter22"
	for _, test := range []struct {
		name string
		in   *Set
		want string
	}{
		{"outside", all, "web.shop.svc:8080 has ***"},
		{"in one step", one, "$(HOST):8080 has ***"},
		{"in another", other, "$(ENDPOINT) has ***"},
	} {
		if got := test.in.Hide(text); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	all.Add("hunter23") // as a file that is read while the steps run
	if got := one.Hide("web.shop.svc hunter23"); got != "$(HOST) ***" {
		t.Errorf("declared later: %q", got)
	}
	if got := (*Set)(nil).Hide(text); got != text {
		t.Errorf("nothing declared: %q", got)
	}
}

// A file is a secret once it is read, whole, in parts, and as it is on the wire.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := &Set{}
	password, token := s.Password("joe", write("password", "hunter22\r\n")), s.File(write("token", "ApiKey hunter23\n"))
	if got := s.Hide("hunter22 hunter23"); got != "hunter22 hunter23" {
		t.Errorf("not read yet: %q", got)
	}
	for want, read := range map[string]func() (string, error){"hunter22": password, "ApiKey hunter23": token} {
		if text, err := read(); err != nil || text != want {
			t.Errorf("%q, %v; want %q", text, err, want)
		}
	}
	if got := s.Hide("hunter22 hunter23 " + basic("joe", "hunter22")); got != "*** *** ***" {
		t.Errorf("shown as %q", got)
	}
	write("token", "ApiKey hunter24")
	if _, err := token(); err != nil || s.Hide("hunter23 hunter24") != "*** ***" {
		t.Errorf("after it has changed: %v", err)
	}
	if _, err := s.File(filepath.Join(dir, "none"))(); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "none")) {
		t.Errorf("error %v, want one that names the file", err)
	}
}

// A file of any size is hidden, also where only its beginning is shown.
func TestLargeSecret(t *testing.T) {
	t.Parallel()
	s := &Set{}
	large := strings.Repeat("all \"work\"\n", 90000)
	s.Add(large)
	for _, text := range []string{large, strings.ReplaceAll(strings.ReplaceAll(large, `"`, `\"`), "\n", `\n`), large[:5000] + Cut, large[:50] + Cut} {
		if got := strings.TrimSuffix(s.Hide("<"+text), Cut); got != "<***" {
			t.Errorf("%d bytes are shown as %d", len(text), len(got))
		}
	}
}
