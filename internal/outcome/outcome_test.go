package outcome

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// Long answers and long outcomes are not shown whole: what is shown must not end inside a secret.
func TestNoHalfOfASecretIsSeen(t *testing.T) {
	t.Parallel()
	secrets := &secret.Set{}
	const hidden = "Hdr-7tOpSecret"
	secrets.Add(hidden)
	u, err := url.Parse("http://app/drain")
	if err != nil {
		t.Fatal(err)
	}
	shown := func(o Outcome) string { return secret.Abridged(o.Hidden(secrets).Summary()) }
	for before := range 560 {
		for _, after := range []string{"", strings.Repeat("y", 600)} {
			body := strings.Repeat("x", before) + hidden + after
			a := web.Answer{Status: 400, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte(body), URL: u}
			failed := Outcome{Report: prestop.Report{Steps: []prestop.StepReport{{Line: "post http://app/drain", Outcome: prestop.Failed, Error: body}}}}
			mistaken := Outcome{Problems: []config.Problem{{Name: "step 1", Text: body}}}
			for what, text := range map[string]string{
				"an answer": secrets.Hide(a.String()), "a failure": shown(failed), "a mistake": shown(mistaken),
				"a message of a failure": failed.Hidden(secrets).Message(), "a message of a mistake": mistaken.Hidden(secrets).Message(),
			} {
				if i := strings.Index(text, hidden[:4]); i >= 0 {
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
		outcome Outcome
		want    string
	}{
		{Outcome{Report: prestop.Report{Steps: []prestop.StepReport{step(prestop.Done, ""), step(prestop.Failed, "refused"), step(prestop.Cut, "too late")}}},
			"2 of 3 steps not done: post http://app/: refused"},
		{Outcome{Report: prestop.Report{Ended: "ended by signal terminated", Steps: []prestop.StepReport{step(prestop.Failed, "refused")}}}, "ended by signal terminated"},
		{Outcome{Report: prestop.Report{Steps: []prestop.StepReport{step(prestop.Failed, "refused")}}, Problems: []config.Problem{{Name: "a", Text: "b"}}}, "a: b"},
		{Outcome{Problems: []config.Problem{{Name: "a", Text: "b"}, {Name: "c", Text: "d"}}}, "a: b (and 1 more)"},
	} {
		if got := test.outcome.Summary(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// The termination message has a line for the whole and one for each mistake and each step.
func TestMessage(t *testing.T) {
	t.Parallel()
	secrets := &secret.Set{}
	secrets.Add("hunter22")
	o := Outcome{Exit: 2, Problems: []config.Problem{{Name: "step 2", Text: "no hunter22"}}, Report: prestop.Report{Elapsed: prestop.Seconds(1234 * time.Millisecond), Steps: []prestop.StepReport{
		{Line: "wait 1s", Outcome: prestop.Done, Took: prestop.Seconds(time.Second)},
		{Line: "post http://app/", Outcome: prestop.Failed, Error: "hunter22\nrefused", Took: prestop.Seconds(40 * time.Millisecond)},
	}}}
	want := "prestop: 1 of 2 steps not done after 1.2s (exit 2)\n  step 2: no ***\n  wait 1s: done in 1s\n  post http://app/: failed in 0s: *** refused\n"
	if got := o.Hidden(secrets).Message(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for want, o := range map[string]Outcome{
		"prestop: done after 0s (exit 0)\n":                                   {},
		"prestop: a mistake in the configuration after 0s (exit 2)\n  a: b\n": {Exit: 2, Problems: []config.Problem{{Name: "a", Text: "b"}}},
		"prestop: ended by signal terminated after 0s (exit 143)\n":           {Exit: 143, Report: prestop.Report{Ended: "ended by signal terminated"}},
	} {
		if got := o.Hidden(secrets).Message(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The last line of a log says how bad it is, and how much of the log is missing. A server gets the same object.
func TestLastLine(t *testing.T) {
	t.Parallel()
	step := func(o prestop.Outcome) Outcome {
		return Outcome{Report: prestop.Report{Steps: []prestop.StepReport{{Line: "wait 1s", Outcome: o}}}}
	}
	failed := step(prestop.Failed)
	failed.Exit = 1
	for _, test := range []struct {
		Outcome
		lost int
		want string
	}{
		{step(prestop.Done), 0, "level=INFO msg=\"prestop ends\" exit=0 "},
		{step(prestop.Unmet), 0, "level=WARN msg=\"prestop ends\" exit=0 "},
		{failed, 3, "lines_lost=3"}, {failed, 0, "level=ERROR msg=\"prestop ends\" exit=1 "},
	} {
		var out bytes.Buffer
		test.Log(slog.New(slog.NewTextHandler(&out, nil)), test.lost)
		if got := out.String(); !strings.Contains(got, test.want) || strings.Contains(got, "lines_lost") != (test.lost > 0) {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	log := func(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }
	for status, want := range map[int]string{http.StatusOK: "", http.StatusBadRequest: "HTTP 400"} {
		var sent []byte
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent, _ = io.ReadAll(r.Body)
			if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %v", r.Method, r.Header)
			}
			w.WriteHeader(status)
		}))
		to, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		err = Outcome{Exit: 1}.Send(t.Context(), web.New((&net.Dialer{}).DialContext, web.TLS{}, nil), to, log, 0)
		server.Close()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), "400") {
			t.Errorf("%d: %v", status, err)
		}
		if !json.Valid(sent) || !bytes.Contains(sent, []byte(`"prestop ends"`)) {
			t.Errorf("sent %s", sent)
		}
	}
}

// However many steps there are, the last line says what became of each.
func TestManySteps(t *testing.T) {
	t.Parallel()
	for _, text := range []bool{false, true} {
		for _, test := range []struct {
			steps int
			want  []string
		}{
			{2, []string{`"outcome":"failed"`}}, {50, []string{"1,3,5,7,", "2,4,6,", "48,50"}}, {300, []string{"1,3,5,7,", ",297,299", "2,4,6,", ",298,300"}},
		} {
			var o Outcome
			for n := range test.steps {
				o.Report.Note(n, prestop.StepReport{Line: strings.Repeat("x", 200), Outcome: []prestop.Outcome{prestop.Done, prestop.Failed}[n%2], Error: strings.Repeat("y", 300)})
			}
			var line bytes.Buffer
			o.Log(slog.New(podlog.NewHandler(&line, podlog.Options{Text: text})), 0)
			for _, want := range test.want {
				if !strings.Contains(line.String(), want) && !(text && test.steps == 2) {
					t.Errorf("%d steps: no %s in %s", test.steps, want, &line)
				}
			}
		}
	}
	steps := make([]prestop.StepReport, 5)
	for n := range steps {
		steps[n].Outcome = prestop.Done
	}
	steps[3].Outcome = prestop.Unmet
	if got := byOutcome(steps); len(got) != 2 || got["done"] != "1-3,5" || got["unmet"] != "4" {
		t.Errorf("%v", got)
	}
}
