package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

func TestHide(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		plant      func(*redactor)
		text, want string
	}{
		{"nothing", func(*redactor) {}, "as it is", "as it is"},
		{"a secret", func(r *redactor) { r.secret("hunter22") }, "a hunter22, hunter22hunter22", "a ***, ******"},
		{"a short one spoils nothing", func(r *redactor) { r.secret("abc"); r.secret("") }, "abcabc", "abcabc"},
		{"a variable", func(r *redactor) { r.variable("TOKEN", "hunter22") }, "a hunter22", "a $(TOKEN)"},
		{"a variable that ends its line", func(r *redactor) { r.variable("TOKEN", "hunter22\n") }, "a hunter22.", "a $(TOKEN)."},
		{"lines that are made one", func(r *redactor) { r.variable("KEY", "hunter22\nhunter23\n") }, "a hunter22 hunter23.", "a $(KEY)."},
		{"a variable that is a secret", func(r *redactor) { r.variable("TOKEN", "hunter22"); r.secret("hunter22") }, "hunter22", "***"},
		{"a secret that is a variable", func(r *redactor) { r.secret("hunter22"); r.variable("TOKEN", "hunter22") }, "hunter22", "***"},
		{"one in another", func(r *redactor) { r.secret("hunter"); r.secret("hunter22") }, "hunter22 hunter", "*** ***"},
		{"a URL's", func(r *redactor) { r.credentials(parsed1(t, "http://joe:hunter22@h/?api_key=abcd&x=efgh")) }, "joe:hunter22 hunter22 abcd efgh", "*** *** *** efgh"},
		{"a URL's user", func(r *redactor) { r.credentials(parsed1(t, "http://hunter22@h/")) }, "hunter22", "***"},
		{"a URL without", func(r *redactor) { r.credentials(parsed1(t, "http://host/path?x=yyyy")) }, "host path yyyy", "host path yyyy"},
		{"a header", func(r *redactor) { r.named("X-Auth-Token", "hunter22") }, "hunter22", "***"},
		{"another header", func(r *redactor) { r.named("Accept", "text/html") }, "text/html", "text/html"},
		{"behind a scheme", func(r *redactor) { r.named("Authorization", "Bearer hunter22") }, "no hunter22; Bearer hunter22", "no ***; ***"},
		{"basic", func(r *redactor) { r.named("Authorization", "Basic "+basic("joe", "hunter22")) }, "hunter22 joe:hunter22 " + basic("joe", "hunter22"), "*** *** ***"},
		{"a cookie", func(r *redactor) { r.named("Cookie", "a=b; session=hunter22") }, "hunter22", "***"},
		{"as a line has it", func(r *redactor) { r.written("get http://joe:h%75nter22@h/ x") }, "get http://joe:h%75nter22@h/ x; h%75nter22; hunter22", "get http://***@h/ x; ***; ***"},
		{"an e-mail address is none", func(r *redactor) { r.written("get http://h/ body=joe@h") }, "get http://h/ body=joe@h", "get http://h/ body=joe@h"},
		{"cut", func(r *redactor) { r.secret("hunter22") }, "a hunte… and hunter…", "a ***… and ***…"},
		{"cut and quoted", func(r *redactor) { r.secret(`hun"ter"22`) }, `a hun\"te…`, "a ***…"},
		{"cut too short to tell", func(r *redactor) { r.secret("hunter22") }, "a hun…", "a hun…"},
		{"cut elsewhere", func(r *redactor) { r.secret("hunter22") }, "a hunter2 b…", "a hunter2 b…"},
		{"cut in a variable", func(r *redactor) { r.variable("TOKEN", "hunter22") }, "hunter2…", "$(TOKEN)…"},
	} {
		r := &redactor{}
		test.plant(r)
		if got := r.hide(test.text); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func parsed1(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A secret is known in every way of writing it.
func TestHideForms(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{passwordSecret, tokenSecret, headerSecret, pathSecret, "four", "a b c d", "ünïcödé", "\x01\x02\x03\x04", `""""`, "<&>'", "%41%42%43"} {
		r := &redactor{}
		r.secret(secret)
		inJSON, _ := json.Marshal(secret)
		forms := map[string]string{
			"plain": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret),
			"quoted": strings.Trim(strconv.Quote(secret), `"`), "JSON": string(inJSON[1 : len(inJSON)-1]),
		}
		if plain, err := url.PathUnescape(secret); err == nil && len(plain) >= leastSecret {
			forms["unescaped"], forms["escaped anew"] = plain, url.QueryEscape(plain)
		}
		for name, encoding := range map[string]*base64.Encoding{"std": base64.StdEncoding, "raw": base64.RawStdEncoding, "URL": base64.URLEncoding, "raw URL": base64.RawURLEncoding} {
			forms["base64 "+name] = encoding.EncodeToString([]byte(secret))
		}
		if secret == `""""` {
			delete(forms, "quoted") // Trim takes too much
		}
		for name, form := range forms {
			if got := r.hide("<" + form + ">"); got != "<***>" {
				t.Errorf("%q, %s: %q is shown as %q", secret, name, form, got)
			}
		}
	}
}

// Of a line that cannot be parsed nothing is shown that may be a secret, and enough to see which one it is.
func TestHideUnreadable(t *testing.T) {
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
		r := &redactor{}
		r.unreadable(text)
		if got := r.hide(text); got != want && !(strings.HasPrefix(got, want) && !strings.Contains(got, "hunter")) {
			t.Errorf("%s\nis shown as %s\n      want %s", text, got, want)
		}
	}
}

// Long answers and long summaries are not shown whole: what is shown must not end inside a secret.
func TestNoHalfOfASecretIsSeen(t *testing.T) {
	t.Parallel()
	r := &redactor{}
	r.secret(headerSecret)
	u := parsed1(t, "http://app/drain")
	for before := range 560 {
		for _, after := range []string{"", strings.Repeat("y", 600)} {
			body := strings.Repeat("x", before) + headerSecret + after
			a := web.Answer{Status: 400, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte(body), URL: u}
			noHalf(t, fmt.Sprintf("an answer with a secret at %d", before), r.hide(a.String()))

			report := prestop.Report{Steps: []prestop.StepReport{{Line: "post http://app/drain", Outcome: prestop.Failed, Error: body}}}
			noHalf(t, fmt.Sprintf("a report with a secret at %d", before), summary(report, nil, r))
			noHalf(t, fmt.Sprintf("a mistake with a secret at %d", before), summary(prestop.Report{}, []problem{{"step 1", body}}, r))
		}
	}
}

func noHalf(t *testing.T, what, shown string) {
	t.Helper()
	if i := strings.Index(shown, headerSecret[:leastSecret]); i >= 0 {
		t.Errorf("%s: …%s", what, shown[max(0, i-20):])
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	r := &redactor{}
	step := func(o prestop.Outcome, err string) prestop.StepReport {
		return prestop.StepReport{Line: "post http://app/", Outcome: o, Error: err}
	}
	for _, test := range []struct {
		report   prestop.Report
		problems []problem
		want     string
	}{
		{prestop.Report{Steps: []prestop.StepReport{step(prestop.Done, ""), step(prestop.Failed, "refused"), step(prestop.Cut, "too late")}}, nil,
			"2 of 3 steps not done: post http://app/: refused"},
		{prestop.Report{Ended: "ended by signal terminated", Steps: []prestop.StepReport{step(prestop.Failed, "refused")}}, nil, "ended by signal terminated"},
		{prestop.Report{Steps: []prestop.StepReport{step(prestop.Failed, "refused")}}, []problem{{"a", "b"}}, "a: b"},
		{prestop.Report{}, []problem{{"a", "b"}, {"c", "d"}}, "a: b (and 1 more)"},
		{prestop.Report{Ended: strings.Repeat("é", 260)}, nil, strings.Repeat("é", 260)},
		{prestop.Report{Ended: strings.Repeat("é", 300)}, nil, strings.Repeat("é", 160) + "…" + strings.Repeat("é", 100)},
		{prestop.Report{Ended: "x" + strings.Repeat("é", 300) + "y"}, nil, "x" + strings.Repeat("é", 159) + "…" + strings.Repeat("é", 99) + "y"},
	} {
		if got := summary(test.report, test.problems, r); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// What is recorded for a second delivery has no secrets in it, and the report that it is made of is left alone.
func TestReportsAreRedacted(t *testing.T) {
	t.Parallel()
	r := &redactor{}
	r.secret("hunter22")
	from := prestop.Report{Elapsed: 5, Ended: "x", Steps: []prestop.StepReport{{Line: "a", Error: "no hunter22"}, {Line: "b", Outcome: prestop.Done}}}
	got := r.report(from)
	if got.Steps[0].Error != "no ***" || got.Elapsed != 5 || got.Ended != "x" || got.Steps[1] != from.Steps[1] {
		t.Errorf("%+v", got)
	}
	if from.Steps[0].Error != "no hunter22" {
		t.Error("the original was changed")
	}
}

// A file is a secret once it is read, whole, and as it is on the wire.
func TestSecretsOfFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("hunter22\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &redactor{}
	text, err := r.password("joe", path)()
	if err != nil || text != "hunter22" {
		t.Fatalf("%q, %v", text, err)
	}
	if got := r.hide("hunter22 " + basic("joe", "hunter22")); got != "*** ***" {
		t.Errorf("shown as %q", got)
	}
	if _, err := r.file(path + "x")(); err == nil || !strings.Contains(err.Error(), path+"x") {
		t.Errorf("error %v, want one that names the file", err)
	}
}
