package secret

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/grammar"
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

// What is left of a verb would tell the secret.
func TestVerbsAreKept(t *testing.T) {
	t.Parallel()
	verbs := []string{"closed", "delete", "elasticsearch", "until"}
	for _, test := range []struct{ secret, line, want string }{
		{"elastic", "elasticsearch http://elastic:1", "elasticsearch http://***:1"},
		{"elasticsearch", "elasticsearch", "elasticsearch"},
		{"closed", "until closed 1 closed", "until closed 1 ***"},
		{"delete", "deleted delete", "***d ***"},
		{"delete it", "delete items", "***ems"},
	} {
		s := &Set{}
		inside := s.Inside()
		if got := s.Line(test.line, verbs); got != test.line {
			t.Errorf("nothing is declared: %q, want %q", got, test.line)
		}
		s.Add(test.secret)
		for _, got := range []string{s.Hide(test.line), inside.Hide(test.line)} {
			if got != test.want {
				t.Errorf("%q: %q, want %q", test.secret, got, test.want)
			}
		}
		if got := s.Hide("of " + test.line); strings.Contains(got, test.secret) {
			t.Errorf("another text: %q has %q in it", got, test.secret)
		}
	}
}

func TestHide(t *testing.T) {
	t.Parallel()
	credential := func(value string) func(*Set) {
		return func(s *Set) { s.Inside().AddLine([]grammar.Secret{{Text: value}}) }
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
		{"other letters, each byte for one", add("hünter22"), "h\u00c3\u00bcnter22", "***"},
		{"other letters that were left out", add("hünter22"), "hnter22 h?nter22 h\ufffdnter22", "*** *** ***"},
		{"other letters alone", add("парольпароль"), "????????????", "????????????"},
		{"nothing but a secret", add("hunter22"), "hunter22", "***"},
		{"a short one spoils nothing", add("abcde", ""), "abcdeabcde", "abcdeabcde"},
		{"the shortest", add("fiftys"), "for fiftys", "for ***"},
		{"a variable", token("hunter22"), "a hunter22", "a $(TOKEN)"},
		{"a variable that ends its line", token("hunter22\n"), "a hunter22.", "a $(TOKEN)."},
		{"lines that are made one", token("hunter22\nhunter23\n"), "a hunter22 hunter23.", "a $(TOKEN)."},
		{"a variable that is a secret", func(s *Set) { s.AddVariable("TOKEN", "hunter22"); s.Add("hunter22") }, "hunter22", "***"},
		{"a secret that is a variable", func(s *Set) { s.Add("hunter22"); s.AddVariable("TOKEN", "hunter22") }, "hunter22", "***"},

		{"one that another begins with", add("hunter", "hunter22"), "hunter22 hunter hunter2", "*** *** ***2"},
		{"one that another begins with, in any order", add("hunter22", "hunter"), "hunter22 hunter hunter2", "*** *** ***2"},
		{"one of many that another begins with", add("hunthunt", "hunthunter", "hunthunter22", "hunthunter21", "hunthunting"), "hunthunter2x hunthunting hunthunted", "***2x *** ***ed"},
		{"one in another", add("my-hunter22-x", "hunter22"), "my-hunter22-x my-hunter22-y", "*** my-***-y"},
		{"two that overlap", add("my-hunter22", "hunter2233"), "a my-hunter2233 b", "a *** b"},
		{"three that overlap", add("abcdef", "efghij", "ijklmn"), "abcdefghijklmn!", "***!"},
		{"one with itself", add("abcabcabc"), "xabcabcabcabcx", "x***x"},
		{"two side by side", add("abcdef", "ghijkl"), "abcdefghijkl", "******"},

		{"a URL's", link("http://joe:hunter22@h/?api_key=abcdef&x=1efghij&y=klm&z=words"), "joe:hunter22 hunter22 abcdef 1efghij klm words", "*** *** *** *** klm words"},
		{"a URL's user", link("http://hunter22@h/"), "hunter22", "***"},
		{"a URL without", link("http://host/path?x=yyyy&n=12345678"), "host path yyyy 12345678", "host path yyyy 12345678"},
		{"a parameter's blank", link("http://h/?x=My+1st%2Fhome"), "My 1st/home My+1st%2Fhome", "*** ***"},
		{"a URL's escaped value", link("http://h/?x=a%2Fb%2Fc%2Fd"), "a/b/c/d a%2Fb%2Fc%2Fd a%2fb%2fc%2fd", "*** *** ***"},
		{"a header", credential("hunter22"), "hunter22", "***"},
		{"behind a scheme", credential("Bearer hunter22"), "no hunter22; Bearer hunter22", "no ***; ***"},
		{"basic", credential("Basic " + basic("joe", "hunter22")), "hunter22 joe:hunter22 " + basic("joe", "hunter22"), "*** *** ***"},
		{"a cookie", credential("a=b; session=hunter22"), "hunter22", "***"},
		{"a step's own is no other's", func(s *Set) { s.Inside().AddLine([]grammar.Secret{{Text: "hunter22", Own: true}}) }, "hunter22", "hunter22"},
		{"a variable in a header", func(s *Set) { s.Inside().AddLine([]grammar.Secret{{Variable: "TOKEN", Text: "Bearer hunter22"}}) }, "Bearer hunter22, hunter22", "$(TOKEN), $(TOKEN)"},

		{"in capitals", token("Hunter22"), "HUNTER22 hunter22", "$(TOKEN) $(TOKEN)"},
		{"a word in other capitals", token("Production"), "production Production", "production $(TOKEN)"},
		{"cut", add("hunter22"), "a hunt… and hunter…", "a ***… and ***…"},
		{"cut and quoted", add(`hun"ter"22`), `a hun\"te…`, "a ***…"},
		{"cut in an escape", add(`hunt"er"22`), `a hunt\… hunt\u00… hunt%2… hunt&#3…`, "a ***… ***… ***… ***…"},
		{"cut in base64", add("hunter22"), "aHVudG…", "***…"},
		{"cut too short to tell", add("hunter22"), "a hun…", "a hun…"},
		{"cut elsewhere", add("hunter22"), "a hunter2 b…", "a hunter2 b…"},
		{"cut in a variable", token("hunter22"), "hunter2…", "$(TOKEN)…"},
		{"cut in the longer of two", add("hunter", "hunter22 and more"), "hunter22 an…", "***…"},
		{"cut behind a whole one", add("hunter22"), "hunter22…", "***…"},
		{"cut where it overlaps", add("my-hunter22", "hunter2233 and more"), "my-hunter2233 an…", "***…"},
		{"with a cut of its own", add("hun…ter22"), "hun…ter22 hun…te…", "*** hun…te…"},
		{"not cut", add("hunter22"), "hunter2", "hunter2"},
		{"broken", add("hunter22"), "a hun ter22 b, hun\n  ter2\r\n2", "a *** b, ***"},
		{"broken in an escape", add(`hun"ter22`), `a hun\"t\ner22 b %68un%22%0ater22`, "a *** b ***"},
		{"broken and cut", add("hunter22"), "a hu nte…", "a ***…"},
		{"broken where another begins", add("hunter", "hunter22"), "hunt er22 b", "*** b"},
		{"words side by side", add("notmet", "timeout", "inorder"), "was not met, a time out\nin order", "was not met, a time out\nin order"},
		{"numbers side by side", add("100200", "20261130"), "100 200\n2026 11 30", "100 200\n2026 11 30"},
		{"broken words that no text has", add("correcthorsebattery"), "a correcthor sebattery b", "a *** b"},
		{"a secret with blanks, broken elsewhere", add("my 1st home", "two\nlines of many words"), "my 1s\nt home, two lin\nes of many words", "***, ***"},
		{"at the end of a word", add("hunter22"), "a hunter22 \n b", "a *** \n b"},
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
		"+/+/ab":             {"+/+/ab", "Ky8rL2Fi", "%2B%2F%2B%2Fab", "+%2F+%2Fab", `+\/+\/ab`},
		">>>???":             {"Pj4+Pz8/", "Pj4-Pz8_", `\u003e\u003e\u003e???`, "&gt;&gt;&gt;???"},
		"a b c d":            {"a b c d", "a+b+c+d", "a%20b%20c%20d"},
		"two\nlines":         {"two\nlines", "two lines", `two\nlines`, "two%0Alines", "two%0alines"},
		"\x01\x02\x03xyz":    {"\x01\x02\x03xyz", `\x01\x02\x03xyz`, `\u0001\u0002\u0003xyz`, "%01%02%03xyz"},
		`""""""`:             {`""""""`, `\"\"\"\"\"\"`, `\\\"\\\"\\\"\\\"\\\"\\\"`, "%22%22%22%22%22%22"},
		"%41%42%43%44EF":     {"%41%42%43%44EF", "ABCDEF", "%2541%2542%2543%2544EF", "QUJDREVG"},
		"pass😀word":          {`pass\ud83d\ude00word`, `pass\uD83D\uDE00word`, "pass%F0%9F%98%80word"},
		"/p@ss:w&rd=$":       {`%2fp%40ss:w\u0026rd=$`, `\/p%40ss:w&amp;rd%3d$`, "&#47;p&#x40;ss&#058;w&rd=$", `\\\/p@ss:w\\u0026rd=$`, "%252Fp%2540ss%253aw%2526rd=$"},
		"3f2504E0-4F89-11d3": {"3f2504e0-4f89-11d3", "3F2504E0-4F89-11D3", "\\u0033f2504e0-4f89-11d3"},
		"p@ss:w&rd=$":        {"p%40ss%3Aw&rd=$", "p@ss:w&rd=$", "p%40ss%3Aw%26rd%3D%24"},
		"\xff\xfe\xfdxyzabc": {"\xff\xfe\xfdxyzabc", `\xff\xfe\xfdxyzabc`, "%FF%FE%FDxyzabc", "fffefd78797a616263", "xyzabc", "\uFFFD\uFFFD\uFFFDxyzabc", "\uFFFDxyzabc"},
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
	if text, err := s.File(write("token", "\ufeffabc\n"))(); err != nil || text != "abc" {
		t.Errorf("after a byte order mark: %q, %v", text, err)
	}
	if _, err := s.File(filepath.Join(dir, "none"))(); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "none")) {
		t.Errorf("error %v, want one that names the file", err)
	}
}

// What is longer than any token is another file that somebody has mistaken for one. To hide all that is in it would cost the app its memory.
func TestFileIsNoLongerThanASecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	for length, fits := range map[int]bool{mostSecret: true, mostSecret + 1: false} {
		text := strings.Repeat("Hunter22", length)[:length]
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := &Set{}
		got, err := s.File(path)()
		if fits && (got != text || err != nil) || !fits && (got != "" || err == nil || err.Error() != path+": expected a secret of 128 KiB at most") || len(s.declared) > 0 != fits {
			t.Errorf("%d bytes: %d, %v, %d declared", length, len(got), err, len(s.declared))
		}
	}
}

// What files hold is known before a step reads them: an earlier step may say it. A file that cannot be read keeps none from being known.
func TestReadFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &Set{}
	s.File(filepath.Join(dir, "none"))
	s.Password("joe", filepath.Join(dir, "password"))
	s.Password("", filepath.Join(dir, "alone"))
	for name, text := range map[string]string{"password": "hunter22", "alone": "hunter23"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ReadFiles(); err != nil {
		t.Error(err)
	}
	if got := s.Hide("hunter22 " + basic("joe", "hunter22") + " no:hunter23"); got != "*** *** no:***" {
		t.Errorf("shown as %q", got)
	}
}

// A step whose file holds more than can be hidden one by one says nothing that could be one of them, and costs the app no memory.
func TestContentOfManyValues(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "body")
	for _, n := range []int{mostValues, mostValues + 1, 70_000} {
		var body strings.Builder
		for i := range n {
			fmt.Fprintf(&body, "x=Hunter%d&", i)
		}
		if err := os.WriteFile(path, []byte(body.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		s := &Set{}
		if got, err := s.Content(path); err != nil || string(got) != body.String() {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		want := "no ***, said ***"
		if n > mostValues {
			want = notShown
		}
		last := fmt.Sprintf("Hunter%d", n-1)
		if got := s.Hide("no " + last + ", said " + base64.StdEncoding.EncodeToString([]byte(last))); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
		if most := 40 * mostValues; len(s.hidden) > most {
			t.Errorf("%d: %d forms, want %d at most", n, len(s.hidden), most)
		}
	}
}

// What is sent from a file is hidden whole, and so is each text in it that may be a secret.
func TestContent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "body")
	const body = `{"code":"Hunter22","mode":"graceful"}` + "\n"
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Set{}
	if got, err := s.Content(path); err != nil || string(got) != body {
		t.Errorf("%q, %v", got, err)
	}
	if got := s.Hide(body + "Hunter22 graceful"); got != "***\n*** graceful" {
		t.Errorf("shown as %q", got)
	}
	if _, err := s.Content(path + "/none"); err == nil {
		t.Error("no error")
	}
}

// A key in several lines is hidden line by line, as it is and in base64.
func TestLines(t *testing.T) {
	t.Parallel()
	s := &Set{}
	var lines []string
	for n := range 6 {
		lines = append(lines, strings.Repeat(string(rune('a'+n)), 50)+"Zm9vYmFyYg")
	}
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Join(lines, "\n") + "\n-----END PRIVATE KEY-----"
	s.Add(key)
	encoded := base64.StdEncoding.EncodeToString([]byte(key))
	for _, line := range append(lines, encoded[:76], encoded[76:152], encoded[64:128]) {
		if got := s.Hide("key: " + line); got != "key: ***" {
			t.Errorf("%s is shown as %s", line, got)
		}
	}
	if got := s.Hide("-----BEGIN PRIVATE KEY-----"); strings.Contains(got, "*") {
		t.Errorf("what frames a key is shown as %s", got)
	}
}

// A line that is not valid UTF-8 is hidden too where it was made valid, and where only its beginning is shown.
func TestLinesOfBytes(t *testing.T) {
	t.Parallel()
	s := &Set{}
	line := "ab\xff\xfecdefgh"
	s.Add("the line before\n" + line)
	for _, form := range []string{line, "abcdefgh", "ab\uFFFDcdefgh", "ab\uFFFD\uFFFDcdefgh", escape.Begun(line, 9)} {
		if got := strings.TrimSuffix(s.Hide("<"+form), escape.Cut); got != "<***" {
			t.Errorf("%q is shown as %q", form, got)
		}
	}
}

// A file of any size is hidden, also where only its beginning is shown.
func TestLargeSecret(t *testing.T) {
	t.Parallel()
	s := &Set{}
	large := strings.Repeat("all \"work\"\n", 90000)
	s.Add(large)
	for _, text := range []string{large, strings.ReplaceAll(strings.ReplaceAll(large, `"`, `\"`), "\n", `\n`), large[:5000] + escape.Cut, large[:50] + escape.Cut} {
		if got := strings.TrimSuffix(s.Hide("<"+text), escape.Cut); got != "<***" {
			t.Errorf("%d bytes are shown as %d", len(text), len(got))
		}
	}
}

// filled is a set of so many secrets that begin alike.
func filled(n int) *Set {
	s := &Set{}
	for i := range n {
		s.Add(fmt.Sprintf("AKIA-%016x/hunter22", i*0x9e3779b9))
	}
	return s
}

// A file that is read for each try costs nothing where it has not changed.
func TestDeclaredAgain(t *testing.T) {
	s := filled(2000)
	again := func() { s.addCredential("AKIA-"+strings.Repeat("0", 16)+"/hunter22", stars); s.Hide("nothing of it") }
	again()
	if n := testing.AllocsPerRun(10, again); n > 50 {
		t.Errorf("%v allocations", n)
	}
}
