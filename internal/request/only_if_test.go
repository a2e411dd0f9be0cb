package request

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/testpipe"
	"github.com/prestop/prestop/internal/web"
)

// inner is a step that notes that it was done.
type inner struct{ done, checked *int }

func (i inner) Run(context.Context, *slog.Logger) error { *i.done++; return errInner }
func (i inner) Check(context.Context) ([]step.Finding, error) {
	*i.checked++
	return []step.Finding{step.Found("inner")}, nil
}

var errInner = errors.New("inner")

func TestConditional(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answers  string // of the condition, one after the other
		done     bool
		err, log string
	}{
		{"200", true, "inner", ""},
		{"202", true, "inner", ""},
		{"404", false, "", unmet},
		{"429", false, "", unmet},
		{"503", false, "", unmet},
		{"307", false, "", unmet},
		{"401", false, "only-if: PLACE: 401 Unauthorized", ""},
		{"403", false, "only-if: PLACE: 403 Forbidden", ""},
		{"407", false, "only-if: PLACE: 407 Proxy Authentication Required", ""},
		{"0", false, "only-if: PLACE: ", ""},
		{"0 200", true, "inner", "trying again"},
	} {
		var mu sync.Mutex // each try has a connection of its own
		all := strings.Fields(test.answers)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			now := all[0]
			all = append(all[1:], now)[:max(1, len(all)-1)]
			mu.Unlock()
			if r.Method != http.MethodGet || r.RequestURI != "/leader?a=b" || now == "0" {
				panic(http.ErrAbortHandler)
			}
			var status int
			fmt.Sscan(now, &status)
			w.Header().Set("Location", "http://elsewhere/")
			w.WriteHeader(status)
		}))
		defer server.Close()
		var s Spec
		verb := &step.Verb{Name: "do", Raw: true, Options: []string{"only-if"}, Parse: func(l *grammar.Line) (_ *step.Spec, err error) {
			s, err = OnlyIf(l)
			return nil, err
		}}
		line := fmt.Sprintf("do only-if=%s/leader?a=b it", server.URL)
		if _, _, _, err := parse.Line([]*step.Verb{verb}, line, nil); err != nil {
			t.Fatal(err)
		}
		if calls := s.Calls(); len(calls) != 1 || !calls[0].Condition || calls[0].URL.Path != "/leader" {
			t.Errorf("%+v", calls)
		}
		var done, checked int
		do := s.Conditional(means(t), nil, inner{&done, &checked})
		text := &bytes.Buffer{}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		if test.answers == "0" {
			ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
		}
		err := do.Run(ctx, slog.New(slog.NewTextHandler(text, nil)))
		cancel()
		want := strings.Replace(test.err, "PLACE", server.URL, 1)
		if (done == 1) != test.done || (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) || !strings.Contains(text.String(), test.log) {
			t.Errorf("%s: done %d, %v, log %s", test.answers, done, err, text)
		}
		found, err := do.(step.Checker).Check(t.Context())
		if text := fmt.Sprint(found); (err == nil) != (test.err == "" || test.err == "inner") || (checked == 1) != test.done || test.done != strings.Contains(text, "the condition is met") || (test.log == unmet) != strings.Contains(text, unmet) {
			t.Errorf("%s: checked %d, %v, %v", test.answers, checked, found, err)
		}
	}
}

func TestConditionIsNotHeldByAServerThatHangs(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	defer server.Close()
	defer close(ended)
	s, err := understand("ask " + server.URL + " only-if=" + server.URL + " timeout=100ms")
	if err != nil {
		t.Fatal(err)
	}
	var done int
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	err = s.Conditional(means(t), s.Client(means(t)), inner{&done, &done}).Run(ctx, slog.New(slog.DiscardHandler))
	if done > 0 || err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "no complete answer in time (100ms)") {
		t.Errorf("done %d, %v, %v", done, err, ctx.Err())
	}
	if s, err = understand("ask " + server.URL + " only-if=" + server.URL); err != nil {
		t.Fatal(err)
	}
	brief, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, web.ErrTry)
	defer cancel()
	_, err = s.Conditional(means(t), s.Client(means(t)), inner{&done, &done}).(step.Checker).Check(brief)
	if want := "only-if: " + server.URL + ": no complete answer in time"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// If the max of a wait ends the question for its condition, nobody has seen that the wait is not met. That is a failure.
func TestConditionOfAWaitThatIsNotAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := testpipe.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		s, err := understand("ask http://app.test only-if=http://app.test/leader")
		if err != nil {
			t.Fatal(err)
		}
		var done, checked int
		m := &step.Means{Dial: server.Dial, Keep: func(end func()) { t.Cleanup(end) }}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, step.ErrMax)
		defer cancel()
		err = s.Conditional(m, s.Client(m), inner{&done, &checked}).Run(ctx, slog.New(slog.DiscardHandler))
		if err == nil || errors.Is(err, step.ErrMax) || !strings.HasPrefix(err.Error(), "only-if: http://app.test: its max is reached") || done > 0 {
			t.Errorf("%v, wraps that its max is reached: %t, done %d", err, errors.Is(err, step.ErrMax), done)
		}
	})
}

// A look at a condition has all the time that looks have, as one at the URL of an until has, and asks once.
func TestLookAtASlowCondition(t *testing.T) {
	t.Parallel()
	for _, answers := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var asked, done, checked int
			server := testpipe.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if asked++; !answers {
					panic(http.ErrAbortHandler)
				}
				select {
				case <-time.After(2900 * time.Millisecond):
				case <-r.Context().Done():
				}
			}))
			s, err := understand("ask http://app.test only-if=http://app.test/leader")
			if err != nil {
				t.Fatal(err)
			}
			m := &step.Means{Dial: server.Dial, Keep: func(end func()) { t.Cleanup(end) }}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			_, err = s.Conditional(m, s.Client(m), inner{&done, &checked}).(step.Checker).Check(ctx)
			if asked != 1 || (err == nil) != answers || (checked == 1) != answers {
				t.Errorf("answers %t: asked %d times, %v, checked %d", answers, asked, err, checked)
			}
		})
	}
}

// Certificates and credentials go along to the same place alone.
func TestConditionElsewhere(t *testing.T) {
	t.Parallel()
	const all = " token-file=/t ca-file=/c cert-file=/d key-file=/e tls-server-name=n header=A:b timeout=3s"
	for condition, same := range map[string]bool{"https://app/ready": true, "https://APP/": true, "https://app:444/": false, "http://app/": false, "https://other/": false} {
		s, err := understand("ask https://app/" + all + " only-if=" + condition)
		if err != nil {
			t.Fatal(err)
		}
		c := s.OnlyIf
		if (c.TokenFile == "/t" && c.TLS == s.TLS) != same || (len(c.Files()) == 4) != same || c.Request.Header != nil || c.Timeout != 3*time.Second || c.OnlyIf != nil {
			t.Errorf("%s: %+v", condition, c)
		}
		if calls := s.Calls(); len(calls) != 2 || !calls[0].Condition || calls[1].Condition || calls[1].URL.Host != "app" {
			t.Errorf("%+v", calls)
		}
	}
	s, err := understand("ask http://app/")
	if do := s.Conditional(means(t), nil, inner{}); err != nil || do != (inner{}) || !slices.Equal(s.Files(), nil) {
		t.Errorf("%+v, %v", do, err)
	}
	if _, err := understand("ask http://app/ only-if=app"); err == nil || !strings.HasPrefix(err.Error(), "column 17: only-if: expected a URL") {
		t.Error(err)
	}
}

// A condition at a port of loopback where nobody listens ends as soon as any other call there.
func TestConditionWhereNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c := conditional{client: web.New(new(net.Dialer).DialContext, web.TLS{}, nil), request: web.Request{Method: http.MethodGet, URL: "http://" + l.Addr().String()}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	begin := time.Now()
	if _, err := c.ask(ctx, slog.New(slog.DiscardHandler), 0); err == nil || time.Since(begin) > 20*time.Second {
		t.Errorf("ended after %s: %v", time.Since(begin), err)
	}
}
