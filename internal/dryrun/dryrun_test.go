package dryrun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/timeline"
	"github.com/prestop/prestop/prestop"
)

// A place is a step whose look takes a time and finds something.
type place struct {
	takes time.Duration
	found []prestop.Finding
	err   error
}

func (p place) Run(context.Context, *slog.Logger) error { panic("a dry run does nothing") }

func (p place) Check(ctx context.Context) ([]prestop.Finding, error) {
	select {
	case <-time.After(p.takes):
		return p.found, p.err
	case <-ctx.Done():
		return p.found, context.Cause(ctx)
	}
}

func hide(text string) string { return strings.ReplaceAll(text, "hunter22", "***") }

func look(t *testing.T, steps ...prestop.Step) *Forecast {
	p := prestop.Plan{Grace: 30 * time.Second, Reserve: 5 * time.Second, Entries: []prestop.Entry{{Line: "wait 3s", Least: 3 * time.Second}}}
	for _, s := range steps {
		p.Entries = append(p.Entries, prestop.Entry{Line: "post http://app/", Step: s, Least: time.Second})
	}
	return Look(t.Context(), &p, "v1", true, hide)
}

// All looks together take no longer than the slowest, and no longer than CheckTime.
func TestLooksAreTakenSideBySide(t *testing.T) {
	t.Parallel()
	for takes, want := range map[time.Duration]string{time.Second: "", time.Hour: ErrCheckTime.Error()} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			f := look(t, place{takes: takes}, place{takes: takes})
			if took := time.Since(begin); took != min(takes, CheckTime) {
				t.Errorf("the looks took %s", took)
			}
			if f.Steps[1].Error != want || f.Steps[2].Error != want || f.WouldFail() != (want != "") {
				t.Errorf("%+v", f.Steps)
			}
		})
	}
}

// A step for which no time is left is cut, whatever its place answers.
func TestAStepWithoutTime(t *testing.T) {
	t.Parallel()
	until := prestop.Entry{Line: "until quiet", Step: place{}, Least: time.Second, Most: time.Minute, FromStart: true, Guard: true}
	post := prestop.Entry{Line: "post http://app/", Step: place{}, Least: time.Second}
	there := until
	there.Step = place{found: []prestop.Finding{{Text: "there already", Met: true}}}
	for _, test := range []struct {
		budget time.Duration
		steps  []prestop.Entry
		want   string
	}{
		{prestop.OneTry, []prestop.Entry{until, post}, ""},
		{prestop.OneTry - 1, []prestop.Entry{until, post}, "until quiet"},
		{prestop.OneTry - 1, []prestop.Entry{there, post}, ""},
		{prestop.OneTry - 1, []prestop.Entry{{Line: "wait 1s", Least: time.Second}, post}, ""},
		{0, []prestop.Entry{post}, "post http://app/"},
		{3 * time.Second, []prestop.Entry{post, post, post, until}, ""},
	} {
		f := Look(t.Context(), &prestop.Plan{Grace: test.budget, Entries: test.steps}, "v1", true, hide)
		failing := ""
		for _, s := range f.Steps {
			if s.Error != "" {
				failing += s.Step
			}
		}
		if failing != test.want {
			t.Errorf("%s: %q would fail, want %q", test.budget, failing, test.want)
		}
	}
}

// What one look found may hold a secret that a later one reads.
func TestSecretsOfAllLooksAreHidden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		p := prestop.Plan{Grace: 30 * time.Second, Entries: []prestop.Entry{
			{Line: "post http://a/", Step: place{found: []prestop.Finding{prestop.Found("hunter22", "is", "hunter22")}, err: errors.New("no hunter22")}},
			{Line: "post http://b/", Step: place{takes: time.Second}},
		}}
		f := Look(t.Context(), &p, "v1", true, func(text string) string {
			if time.Since(begin) < time.Second {
				return text
			}
			return hide(text)
		})
		var text bytes.Buffer
		if err := f.Write(&text, false, timeline.Page{}); err != nil || strings.Contains(text.String(), "hunter22") || strings.Count(text.String(), "***") != 3 {
			t.Errorf("%v: %s", err, &text)
		}
	})
}

func TestForecastIsWhole(t *testing.T) {
	t.Parallel()
	f := look(t, place{found: []prestop.Finding{prestop.Warned("saw hunter22", "certificate", " of hunter22 ")}, err: errors.New("no hunter22")})
	f.AddPod([]string{"the pod of hunter22"})
	f.AddPlace("log", "/tmp/log\n")
	f.AddWarning("a warning with hunter22", nil)
	f.AddMistake(errors.New("a mistake with hunter22"))
	var text, document bytes.Buffer
	if err := errors.Join(f.Write(&text, false, timeline.Page{}), f.Write(&document, true, timeline.Page{})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"grace period 30s, reserve 5s: done within 25s\n", "\nthe pod of ***\n", "1 wait 3s", "warning: saw ***: certificate of ***", "would fail now: no ***", `log: /tmp/log\n`, "warning: a warning with ***\n", "error: a mistake with ***\ngrace period"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not said in\n%s", want, &text)
		}
	}
	if !strings.HasPrefix(text.String(), "error: ") {
		t.Errorf("the mistake is not said first:\n%s", &text)
	}
	if !json.Valid(document.Bytes()) {
		t.Error("that is no JSON")
	}
	for _, want := range []string{`"would_fail": "no ***"`, `"message": "saw ***"`, `"level": "warning"`, `"sigterm"`, `"pod": [`} {
		if !strings.Contains(document.String(), want) {
			t.Errorf("%s is not in\n%s", want, &document)
		}
	}
	if strings.Contains(text.String()+document.String(), "hunter22") {
		t.Errorf("a secret is shown:\n%s%s", &text, &document)
	}
}

// What there is none of is an empty list in JSON, for tools.
func TestNoListIsNull(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for _, f := range []*Forecast{Look(t.Context(), &prestop.Plan{}, "", true, hide), look(t)} {
		if err := f.Write(&out, true, timeline.Page{}); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(out.String(), "null") || strings.Contains(out.String(), `"pod"`) {
		t.Error(out.String())
	}
}

// Without a record, what is to be done once would fail. A plain wait would not: the hook makes it all the same.
func TestOnceWithoutARecord(t *testing.T) {
	t.Parallel()
	p := prestop.Plan{Start: time.Now(), Grace: time.Minute, Entries: []prestop.Entry{{Line: "wait 1s once", Least: time.Second, Once: true}}}
	if Look(t.Context(), &p, "v1", false, hide).WouldFail() {
		t.Error("a wait would fail")
	}
	p.Entries[0].Step = place{}
	if !Look(t.Context(), &p, "v1", false, hide).WouldFail() {
		t.Error("a step would not fail")
	}
}

// Whoever reads a file must not take a part of it for the plan. A reader that has left misses nothing.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		for fails, want := range map[error]error{syscall.ENOSPC: syscall.ENOSPC, syscall.EPIPE: nil} {
			if err := look(t).Write(broken{fails}, asJSON, timeline.Page{}); err != want {
				t.Errorf("JSON %t: error %v after %v, want %v", asJSON, err, fails, want)
			}
		}
	}
}

// broken is a writer that fails.
type broken struct{ error }

func (b broken) Write([]byte) (int, error) { return 0, b.error }
