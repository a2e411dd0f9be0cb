package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// Long answers and long outcomes are not shown whole: what is shown must not end inside a secret.
func TestNoHalfOfASecretIsSeen(t *testing.T) {
	t.Parallel()
	secrets := &secret.Set{}
	secrets.Add(headerSecret)
	u, err := url.Parse("http://app/drain")
	if err != nil {
		t.Fatal(err)
	}
	shown := func(o outcome) string { return abridged(o.hidden(secrets).summary()) }
	for before := range 560 {
		for _, after := range []string{"", strings.Repeat("y", 600)} {
			body := strings.Repeat("x", before) + headerSecret + after
			a := web.Answer{Status: 400, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte(body), URL: u}
			failed := outcome{report: prestop.Report{Steps: []prestop.StepReport{{Line: "post http://app/drain", Outcome: prestop.Failed, Error: body}}}}
			mistaken := outcome{problems: []config.Problem{{Name: "step 1", Text: body}}}
			for what, text := range map[string]string{
				"an answer": secrets.Hide(a.String()), "a failure": shown(failed), "a mistake": shown(mistaken),
				"a message of a failure": failed.hidden(secrets).message(), "a message of a mistake": mistaken.hidden(secrets).message(),
			} {
				if i := strings.Index(text, headerSecret[:4]); i >= 0 {
					t.Errorf("%s with a secret at %d: …%s", what, before, text[max(0, i-20):])
				}
			}
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	step := func(o prestop.Outcome, err string) prestop.StepReport {
		return prestop.StepReport{Line: "post http://app/", Outcome: o, Error: err}
	}
	for _, test := range []struct {
		outcome outcome
		want    string
	}{
		{outcome{report: prestop.Report{Steps: []prestop.StepReport{step(prestop.Done, ""), step(prestop.Failed, "refused"), step(prestop.Cut, "too late")}}},
			"2 of 3 steps not done: post http://app/: refused"},
		{outcome{report: prestop.Report{Ended: "ended by signal terminated", Steps: []prestop.StepReport{step(prestop.Failed, "refused")}}}, "ended by signal terminated"},
		{outcome{report: prestop.Report{Steps: []prestop.StepReport{step(prestop.Failed, "refused")}}, problems: []config.Problem{{Name: "a", Text: "b"}}}, "a: b"},
		{outcome{problems: []config.Problem{{Name: "a", Text: "b"}, {Name: "c", Text: "d"}}}, "a: b (and 1 more)"},
		{outcome{report: prestop.Report{Ended: strings.Repeat("é", 260)}}, strings.Repeat("é", 260)},
		{outcome{report: prestop.Report{Ended: strings.Repeat("é", 300)}}, strings.Repeat("é", 160) + "…" + strings.Repeat("é", 100)},
		{outcome{report: prestop.Report{Ended: "x" + strings.Repeat("é", 300) + "y"}}, "x" + strings.Repeat("é", 159) + "…" + strings.Repeat("é", 99) + "y"},
		{outcome{report: prestop.Report{Ended: "two\nlines"}}, "two lines"},
	} {
		if got := abridged(test.outcome.summary()); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// The termination message has a line for the whole and one for each mistake and each step.
func TestMessage(t *testing.T) {
	t.Parallel()
	secrets := &secret.Set{}
	secrets.Add("hunter22")
	o := outcome{exit: 2, problems: []config.Problem{{Name: "step 2", Text: "no hunter22"}}, report: prestop.Report{Elapsed: prestop.Seconds(1234 * time.Millisecond), Steps: []prestop.StepReport{
		{Line: "wait 1s", Outcome: prestop.Done, Took: prestop.Seconds(time.Second)},
		{Line: "post http://app/", Outcome: prestop.Failed, Error: "hunter22\nrefused", Took: prestop.Seconds(40 * time.Millisecond)},
	}}}
	want := "prestop: 1 of 2 steps not done after 1.2s (exit 2)\n  step 2: no ***\n  wait 1s: done in 1s\n  post http://app/: failed in 0s: *** refused\n"
	if got := o.hidden(secrets).message(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for want, o := range map[string]outcome{
		"prestop: done after 0s (exit 0)\n":                                   {},
		"prestop: a mistake in the configuration after 0s (exit 2)\n  a: b\n": {exit: 2, problems: []config.Problem{{Name: "a", Text: "b"}}},
		"prestop: ended by signal terminated after 0s (exit 143)\n":           {exit: 143, report: prestop.Report{Ended: fmt.Sprint(ended{15})}},
	} {
		if got := o.hidden(secrets).message(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
