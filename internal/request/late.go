package request

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// LateOptions are the places for values that an earlier step gives: "" is the URL, the others are options.
func LateOptions() []string { return []string{"", "header", "body"} }

// A late part of a request has names in it, whose values an earlier step gives.
type late struct {
	word   *grammar.Word
	encode grammar.Encoding // of the values; nil: they stay as they are
	put    func(r *web.Request, text string)
}

// lateURL takes a URL if names in it have no value yet. Their values may change only its path and the values of its query.
func (s *Spec) lateURL(w *grammar.Word, u *url.URL) error {
	names := w.Late()
	if len(names) == 0 {
		return nil
	}
	text, err := w.Fill(grammar.InURL, func(string) (string, error) { return "0", nil })
	if err != nil {
		return err
	}
	other, err := web.ParseURL(text)
	same := err == nil && other.Scheme == u.Scheme && other.Host == u.Host && other.User.String() == u.User.String() && other.Fragment == u.Fragment
	if !same || !slices.Equal(keysOf(other), keysOf(u)) {
		return w.Expected("expected $(%s) in the URL's path or in a value of its query, got %s", names[0], w.Got())
	}
	s.late = append(s.late, late{w, grammar.InURL, func(r *web.Request, text string) { r.URL = text }})
	return nil
}

// keysOf are the keys of a query, in their order.
func keysOf(u *url.URL) []string {
	var all []string
	for parameter := range strings.SplitSeq(u.RawQuery, "&") {
		key, _, _ := strings.Cut(parameter, "=")
		all = append(all, key)
	}
	return all
}

// Body takes a body's text. The values of variables are encoded if it is JSON, or if its header says that it is a form. An earlier step
// may give some of them.
func (s *Spec) Body(text *grammar.Word) error {
	var encode grammar.Encoding
	switch {
	case strings.HasPrefix(strings.ToLower(s.Request.Header.Get("Content-Type")), "application/x-www-form-urlencoded"):
		encode = grammar.InForm
	case text.IsJSON():
		encode = grammar.InJSON
	}
	if len(text.Late()) > 0 {
		s.late = append(s.late, late{text, encode, func(r *web.Request, text string) { r.Body = []byte(text) }})
		return nil
	}
	encoded, err := text.With(encode)
	if err == nil {
		s.Request.Body = []byte(encoded.Text)
	}
	return err
}

// Takes are the names of values that earlier steps give.
func (s *Spec) Takes() []string {
	var all []string
	for _, l := range s.late {
		all = append(all, l.word.Late()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fill puts the values into r.
func (s *Spec) fill(values *step.Values, r web.Request) (web.Request, error) {
	r = r.Own()
	for _, l := range s.late {
		text, err := l.word.Fill(l.encode, values.Get)
		switch {
		case err != nil && !errors.Is(err, prestop.ErrKeepsWait): // the value cannot stand there
			return r, fmt.Errorf("%w: %w", err, prestop.ErrKeepsWait)
		case err != nil:
			return r, err
		}
		l.put(&r, text)
	}
	return r, nil
}

// Step makes the request's step: what deed makes of r. When the step runs, r first gets the values that earlier steps gave. The step is
// done only if OnlyIf is answered 2xx. client is the client for the request's own place.
func (s *Spec) Step(m *step.Means, client *web.Client, r web.Request, deed func(web.Request) step.Deed) step.Deed {
	inner := deed(r)
	if len(s.late) > 0 {
		inner = filling{s, m.Values, client, r, deed}
	}
	return s.Conditional(m, client, inner)
}

// A filling step waits for nothing: a value that is not there when it begins will not come.
type filling struct {
	spec    *Spec
	values  *step.Values
	client  *web.Client
	request web.Request
	deed    func(web.Request) step.Deed
}

func (f filling) Run(ctx context.Context, log *slog.Logger) error {
	r, err := f.spec.fill(f.values, f.request)
	if err != nil {
		return err
	}
	return f.deed(r).Run(ctx, log)
}

// Check says how the place is reached. What would be asked there is not known yet.
func (f filling) Check(ctx context.Context) ([]step.Finding, error) {
	found, err := Reach(ctx, f.client, f.request.URL)
	return append(found, step.Found("not asked now: an earlier step gives it "+strings.Join(f.spec.Takes(), ", ")+" when it runs")), err
}
