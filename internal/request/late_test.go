package request

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// parseLate reads a line to which an earlier one gives ID, with a body as well.
func parseLate(line string) (s Spec, err error) {
	return parseWith(line, func(string) (string, bool) { return "", false })
}

func parseWith(line string, lookup grammar.Lookup) (s Spec, err error) {
	verb := &step.Verb{Name: "ask", Options: append(Options(), "body"), Often: Often, Late: LateOptions(), Parse: func(l *grammar.Line) (*step.Spec, error) {
		w, err := l.Target("a URL", "")
		if err == nil {
			s, err = Parse(l, http.MethodPost, w)
		}
		if o, ok := l.Option("body"); ok && err == nil {
			err = s.Body(o.Part(len("body="), len(o.Text)))
		}
		return nil, err
	}}
	_, _, secrets, err := parse.LineIn(grammar.Scope{Lookup: lookup, Given: []string{"ID"}}, []*step.Verb{verb}, line)
	for _, one := range secrets {
		if err == nil && one.Text == "ID" {
			err = fmt.Errorf("a name is a secret: %+v", one)
		}
	}
	return s, err
}

// What stands beside a value that comes later may be a secret by itself.
func TestSecretBesideLate(t *testing.T) {
	t.Parallel()
	verb := &step.Verb{Name: "ask", Options: Options(), Often: Often, Late: LateOptions(), Parse: func(l *grammar.Line) (*step.Spec, error) {
		w, err := l.Target("a URL", "")
		if err == nil {
			_, err = Parse(l, http.MethodPost, w)
		}
		return nil, err
	}}
	scope := grammar.Scope{Lookup: func(string) (string, bool) { return "", false }, Given: []string{"ID"}}
	for _, header := range []string{"X-Any:hunter2222$(ID)", "Authorization:Bearer hunter2222$(ID)"} {
		_, _, secrets, err := parse.LineIn(scope, []*step.Verb{verb}, `ask http://app/ header="`+header+`"`)
		if err != nil || !slices.ContainsFunc(secrets, func(s grammar.Secret) bool { return strings.Contains(s.Text, "hunter2222") }) {
			t.Errorf("%s: %v hides %+v", header, err, secrets)
		}
	}
}

// sending is a step that sends the request once.
type sending struct {
	client  *web.Client
	request web.Request
}

func (s sending) Run(ctx context.Context, _ *slog.Logger) error {
	_, err := s.client.Send(ctx, s.request)
	return err
}

func TestLate(t *testing.T) {
	t.Parallel()
	got := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s", r.RequestURI, r.Header["X-Id"], body)
	}))
	defer server.Close()
	for _, test := range []struct{ line, value, want, err string }{
		{"URL/nodes/$(ID)/stop?of=$(ID)&a=b", "n-1", "/nodes/n-1/stop?of=n-1&a=b [] ", ""},
		{"URL/nodes/$(ID)?x=$ID", "a b/c?d#e&f=%+ü'\"", "/nodes/a%20b%2Fc%3Fd%23e%26f%3D%25%2B%C3%BC%27%22?x=a%20b%2Fc%3Fd%23e%26f%3D%25%2B%C3%BC%27%22 [] ", ""},
		{`URL/x header=X-Id:$(ID) header="X-Id: a $(ID)b" header=X-Id:X`, "n 1", "/x [X n 1 a n 1b] ", ""},
		{"URL/x header=X-ID:X-ID$(ID)", "1", "/x [X-ID1] ", ""},
		{`URL/x body='{"id": "'$(ID)'"}'`, `a"b\c`, `/x [] {"id": "a\"b\\c"}`, ""},
		{`URL/x body='{"id": '$(ID)'}'`, "12", `/x [] {"id": 12}`, ""},
		{"URL/x body=id=$(ID)", "a b", "/x [] id=a b", ""},
		{"URL/x header=content-type:Application/x-www-form-urlencoded body=a=b&id=$(ID)", "a b&c=%", "/x [] a=b&id=a%20b%26c%3D%25", ""},
		{"URL/x/$(ID)", "..", "", "$(ID) is .., which cannot stand in a URL"},
		{"URL/x/.$(ID)", ".", "", "$(ID) is ., which cannot stand in a URL"},
		{"URL/x/$(ID)", "", "", "$(ID) has no value, which this step should have given: get http://a/ json=.id into=ID"},
		{"URL/x body=$(ID)", "", "", "$(ID) has no value"},
		{"URL/x header=A:$(ID)", "", "", "$(ID) has no value"},
	} {
		s, err := parseLate("ask " + strings.Replace(test.line, "URL", server.URL, 1))
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		m := means(t)
		m.Values = step.NewValues(map[string]string{"ID": "get http://a/ json=.id into=ID"}, func(string, string) {})
		client := s.Client(m)
		do := s.Step(m, client, s.Request, func(r web.Request) step.Deed { return sending{client, r} })
		if test.value != "" { // which comes after the step is made
			if err := m.Values.Give("ID", test.value); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // a second time it is the same
			got = ""
			err = do.Run(t.Context(), slog.New(slog.DiscardHandler))
			if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) || errors.Is(err, prestop.ErrKeepsWait) != (test.err != "") {
				t.Errorf("%s: %q, %v; want %q, %q", test.line, got, err, test.want, test.err)
			}
		}
		if takes := s.Takes(); len(takes) != 1 || takes[0] != "ID" {
			t.Errorf("%s takes %v", test.line, takes)
		}
		got = ""
		found, err := do.(step.Checker).Check(t.Context())
		if text := fmt.Sprint(found); err != nil || got != "" || !strings.Contains(text, "gives it ID") || !strings.Contains(text, "connected to") {
			t.Errorf("%s: %v, %v, asked %q", test.line, found, err, got)
		}
	}
}

func TestLateElsewhere(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"ask http://$(ID)/":                    "in the URL's path",
		"ask http://a$(ID)/":                   "in the URL's path",
		"ask http://a:$(ID)/":                  "expected a",
		"ask http://a:8$(ID)/":                 "expected a",
		"ask http://$(ID)@a/":                  "in the URL's path",
		"ask http://u:$(ID)@a/":                "in the URL's path",
		"ask $(ID)://a/":                       "expected a URL",
		"ask http$(ID)://a/":                   "expected a URL",
		"ask $(ID)":                            "expected a URL",
		"ask http://a/?$(ID)=b":                "in the URL's path",
		"ask http://a/?b$(ID)":                 "in the URL's path",
		"ask http://a/#$(ID)":                  "in the URL's path",
		"ask http+unix:/$(ID):/b":              "in the URL's path",
		"ask http+unix://%2F$(ID)/b":           "in the URL's path",
		"ask http+unix:/a:/$(ID)":              "",
		"ask http://a/ header=$(ID):b":         "expected $(ID) in the value",
		"ask http://a/ header=$(ID)":           "expected Name:value",
		"ask http://a/ timeout=$(ID)":          "has its value only when the steps run",
		"ask http://a/ only-if=http://a/$(ID)": "has its value only when the steps run",
		"ask http://a/ token-file=/$(ID)":      "has its value only when the steps run",
		"ask http://a/ expect=$(ID)":           "has its value only when the steps run",
	} {
		if _, err := parseLate(line); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

// A value of the environment is encoded where it stands, also beside one that an earlier step gives.
func TestVariables(t *testing.T) {
	t.Parallel()
	lookup := func(name string) (string, bool) { return map[string]string{"PW": `a"&b=#`, "DOTS": ".."}[name], true }
	for line, want := range map[string]string{
		"ask http://a/x?p=$(PW)":                                                           "http://a/x?p=a%22%26b%3D%23 ",
		"ask http://a/ only-if=http://b/x?p=$(PW)":                                         "http://a/ http://b/x?p=a%22%26b%3D%23",
		`ask http://a/ body="{\"p\":\"$(PW)\"}"`:                                           `http://a/ {"p":"a\"\u0026b=#"}`,
		`ask http://a/ body="p $(PW)"`:                                                     `http://a/ p a"&b=#`,
		"ask http://a/ header=Content-Type:application/x-www-form-urlencoded body=p=$(PW)": "http://a/ p=a%22%26b%3D%23",
		"ask http://a/$(DOTS)/x":                                                           "$(DOTS) is .., which cannot stand in a URL",
		"ask http://a/ only-if=http://a/$(DOTS)":                                           "$(DOTS) is .., which cannot stand in a URL",
		"ask http://$(PW)/":                                                                web.ErrURL.Error(),
		"ask http://a/ only-if=http://$(PW)/":                                              "only-if: " + web.ErrURL.Error(),
		"ask http://a/ expect=$(PW)":                                                       "expected statuses",
	} {
		s, err := parseWith(line, lookup)
		got := s.Request.URL + " " + string(s.Request.Body)
		if s.OnlyIf != nil {
			got += s.OnlyIf.Request.URL
		}
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	s, err := parseWith("ask http://a/$(ID)?p=$(PW)", lookup)
	if err != nil {
		t.Fatal(err)
	}
	m := means(t)
	m.Values = step.NewValues(nil, func(string, string) {})
	if err := m.Values.Give("ID", "n/1"); err != nil {
		t.Fatal(err)
	}
	if r, err := s.fill(m.Values, s.Request); err != nil || r.URL != "http://a/n%2F1?p=a%22%26b%3D%23" {
		t.Errorf("%s, %v", r.URL, err)
	}
}
