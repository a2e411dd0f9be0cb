// Package request has the words that every step with an HTTP request shares: its URL, and options such as header=.
//
// [Parse] reads them, [Spec.Client] makes the client, [Reach] says how its place is reached. What the request is for is the
// verb's affair. The package sends nothing. It is for the verbs in shutdown and drain.
package request

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/jsonpath"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// Options are the keys that [Parse] reads.
func Options() []string {
	return []string{"header", "expect", "timeout", "token-file", "ca-file", "cert-file", "key-file", "tls-server-name", "only-if"}
}

// Often is the one of these keys that may be given several times.
const Often = "header"

// A Spec is a request as a step describes it. Its URL is nil if the step has a condition but no request of its own.
type Spec struct {
	Request   web.Request // without a body
	URL       *url.URL
	Expect    web.Statuses
	Timeout   time.Duration // of one try; 0: the default of whoever sends it
	TLS       web.TLS
	TokenFile string
	OnlyIf    *Spec // the step is done only if this is answered 2xx; nil: it is done

	late []late
}

// Parse reads the URL in w, and the line's options for a request.
func Parse(l *grammar.Line, method string, w *grammar.Word) (Spec, error) {
	at, u, err := parseURL(l, w, "")
	if err != nil {
		return Spec{}, err
	}
	s := Spec{Request: web.Request{Method: method, URL: at, Header: http.Header{}}, URL: u}
	if err := s.lateURL(w, u); err != nil {
		return Spec{}, err
	}
	instead := ""
	if u.Scheme != "https" {
		instead = "https://"
	}
	for n := range l.Options {
		o := &l.Options[n]
		switch o.Key {
		case "header":
			err = s.header(l, o)
		case "expect":
			if s.Expect, err = web.ParseStatuses(o.Value); err != nil {
				err = o.Refused(fmt.Errorf("expect: %w", err), "expect: expected statuses such as 200,404 or 2xx, got "+o.Got())
			}
		case "timeout":
			s.Timeout, err = o.Positive()
		case "token-file":
			s.TokenFile, err = o.File()
		case "ca-file":
			if instead != "" {
				l.Doubt(grammar.OptionUnused, "ca-file= has no effect without https://")
			}
			err = TLSOption(l, o, &s.TLS, "")
		default:
			err = TLSOption(l, o, &s.TLS, instead)
		}
		if err != nil {
			return Spec{}, err
		}
	}
	s.doubtCredentials(l)
	err = s.condition(l)
	return s, err
}

// doubtCredentials doubts credentials that are not sent since others are.
func (s *Spec) doubtCredentials(l *grammar.Line) {
	inHeader := slices.ContainsFunc(l.Options, func(o grammar.Option) bool {
		name, _, _ := strings.Cut(o.Value, ":")
		return o.Key == "header" && strings.EqualFold(name, "Authorization")
	})
	const doubt = "%s is not sent, since %s counts before it"
	switch inURL := s.URL.User != nil; {
	case s.TokenFile != "" && inHeader:
		l.Doubt(grammar.OptionUnused, doubt, "the header Authorization", "token-file=")
	case s.TokenFile != "" && inURL:
		l.Doubt(grammar.OptionUnused, doubt, "the user in the URL", "token-file=")
	case inHeader && inURL:
		l.Doubt(grammar.OptionUnused, doubt, "the user in the URL", "the header Authorization")
	}
}

// parseURL reads a word that is a URL. It returns the word's text with the values of its variables encoded, and the URL. of is how its
// errors begin.
func parseURL(l *grammar.Line, w *grammar.Word, of string) (string, *url.URL, error) {
	w, err := w.With(grammar.InURL)
	if err != nil {
		return "", nil, err
	}
	u, err := web.ParseURL(w.Text)
	if err != nil {
		return "", nil, w.Refused(errors.New(of+err.Error()), of+web.ErrURL.Error())
	}
	l.HideURL(w, u)
	return w.Text, u, nil
}

// TLSOption reads an option of TLS into t. A client certificate without its key would have no effect, and neither would such an option
// without TLS: both are errors. instead says where TLS is, for a URL that has none; else it is empty.
func TLSOption(l *grammar.Line, o *grammar.Option, t *web.TLS, instead string) (err error) {
	other := ""
	switch o.Key {
	case "ca-file":
		t.CAFile, err = o.File()
	case "cert-file":
		t.CertFile, err = o.File()
		other = "key-file"
	case "key-file":
		t.KeyFile, err = o.File()
		other = "cert-file"
	case "tls-server-name":
		if t.ServerName = o.Value; o.Value == "" {
			return o.Expected("tls-server-name: expected a host's name, got nothing")
		}
	default:
		return nil
	}
	if instead != "" {
		return o.Expected("%s= goes with %s", o.Key, instead)
	}
	if _, has := l.Option(other); other != "" && !has {
		return o.Expected("%s= needs %s=", o.Key, other)
	}
	return err
}

func (s *Spec) header(l *grammar.Line, o *grammar.Option) error {
	name, value, ok := strings.Cut(o.Value, ":")
	value = strings.TrimSpace(value) // a variable from a Secret often ends in a newline
	if !ok || name == "" || strings.Trim(name, headerName) != "" || strings.ContainsFunc(value, unsent) {
		return o.Expected("header: expected Name:value, on one line")
	}
	switch http.CanonicalHeaderKey(name) {
	case "Content-Length", "Transfer-Encoding", "Trailer": // net/http leaves them out
		l.Doubt(grammar.OptionUnused, "the header %s is not sent: it follows from the body", name)
	}
	begin := len(o.Key) + len("=") + len(name) + len(":")
	begin += strings.Index(o.Text[begin:], value)
	l.HideHeader(&o.Word, name, value)
	if names := o.Late(); len(names) > 0 {
		w := o.Part(begin, begin+len(value))
		s.late = append(s.late, late{word: w, put: func(r *web.Request, text string) { r.Header.Add(name, text) }})
		if len(w.Late()) < len(names) {
			return o.Expected("header: expected $(%s) in the value, got %s", names[0], o.Got())
		}
		return nil
	}
	s.Request.Header.Add(name, value)
	return nil
}

// headerName is what a header's name may be made of (RFC 9110, 5.6.2).
const headerName = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// unsent tells which characters no header's value may have.
func unsent(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// condition reads only-if=. Certificates and credentials go along only to the same place.
func (s *Spec) condition(l *grammar.Line) error {
	o, ok := l.Option("only-if")
	if !ok {
		return nil
	}
	at, u, err := parseURL(l, o.Part(len("only-if="), len(o.Text)), "only-if: ")
	if err != nil {
		return err
	}
	s.OnlyIf = &Spec{Request: web.Request{Method: http.MethodGet, URL: at}, URL: u, Timeout: s.Timeout}
	if samePlace(s.URL, u) {
		s.OnlyIf.TLS, s.OnlyIf.TokenFile = s.TLS, s.TokenFile
	}
	return nil
}

// samePlace is false where a step has no place of its own.
func samePlace(own, other *url.URL) bool { return own != nil && web.SamePlace(own, other) }

// Client is the client for the request's place.
func (s *Spec) Client(m *step.Means) *web.Client {
	var auth web.Auth
	if s.TokenFile != "" {
		auth = web.Token(s.TokenFile, m.Secret(s.TokenFile))
	}
	return Client(m, s.TLS, auth)
}

// Client makes a client. Its connections end together with those of all steps.
func Client(m *step.Means, t web.TLS, auth web.Auth) *web.Client {
	c := web.New(m.Dial, t, auth)
	m.Keep(c.Close)
	return c
}

// Files are the files that hold the request's credentials and certificates.
func (s *Spec) Files() []string {
	return Files(s.TokenFile, s.TLS.CAFile, s.TLS.CertFile, s.TLS.KeyFile)
}

// Files leaves out empty names.
func Files(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// Calls are what [step.Needs] says of the request. The call of its condition comes before.
func (s *Spec) Calls() (all []step.Call) {
	if s.OnlyIf != nil {
		all = s.OnlyIf.Calls()
		all[0].Condition = true
	}
	if s.URL != nil {
		all = append(all, step.Call{Method: s.Request.Method, URL: s.URL, Timeout: s.Timeout})
	}
	return all
}

// Reach connects to the place of a URL, and reads the credentials for it. The findings say how, as far as it got.
func Reach(ctx context.Context, client *web.Client, rawURL string) ([]step.Finding, error) {
	route, err := client.Reach(ctx, rawURL)
	var all []step.Finding
	for _, line := range route.Lines {
		all = append(all, step.Found(line))
	}
	if route.Warning != "" {
		all = append(all, step.Warned(route.Warning))
	}
	return all, err
}

// Path reads json=PATH. The value of a variable changes only its own place in the path.
func Path(o *grammar.Option) (jsonpath.Path, error) {
	o, err := o.With(grammar.InPath)
	if err != nil {
		return jsonpath.Path{}, err
	}
	p, err := jsonpath.Parse(o.Value)
	if err != nil {
		return p, o.Refused(fmt.Errorf("json: %w", err), "json: expected a path, as .status, got "+o.Got())
	}
	return p, nil
}

// Value is the value at that path of an answer.
func Value(p jsonpath.Path, a web.Answer) (any, error) {
	if a.Partial {
		return nil, fmt.Errorf("the answer is longer than %d MiB", web.MaxBody>>20)
	}
	return p.Of(a.Body)
}
