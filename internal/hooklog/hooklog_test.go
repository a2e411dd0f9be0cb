package hooklog

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/outcome"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/prestop"
)

func openIn(t *testing.T, format string) (l *Log, written func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	c, err := config.ReadElsewhere(nil, map[string]string{"PRE_STOP_LOG_TO": path, "PRE_STOP_LOG_FORMAT": format}, eck.Pod{})
	if err != nil || len(c.Problems) > 0 {
		t.Fatal(err, c.Problems)
	}
	secrets := &secret.Set{}
	secrets.Add("hunter22")
	l = Open(c, secrets, true, time.Now().Add(-time.Second), time.Now().Add(time.Minute))
	t.Cleanup(l.Close)
	return l, func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// Each line says how long the hook has run and what is left, and its values are without secrets.
func TestLinesCountDown(t *testing.T) {
	t.Parallel()
	l, written := openIn(t, "json")
	says := func(text string, left time.Duration) {
		t.Helper()
		var line struct{ Elapsed, Remaining float64 }
		if err := json.Unmarshal([]byte(text), &line); err != nil || line.Elapsed < 1 || line.Remaining > left.Seconds() || line.Remaining < left.Seconds()-9 {
			t.Errorf("%s (%v), want at most %s left", text, err, left)
		}
		if strings.Contains(text, "hunter22") {
			t.Error(text)
		}
	}
	l.Warn("one", "error", "hunter22")
	says(written(), time.Minute)
	l.Until(time.Now().Add(10 * time.Second))
	var copied bytes.Buffer
	l.JSON(&copied).Info("two")
	says(copied.String(), 10*time.Second)

	inText, written := openIn(t, "text")
	inText.Warn("one", "error", "hunter22")
	if strings.HasPrefix(written(), "{") || strings.Contains(written(), "hunter22") {
		t.Error(written())
	}
	copied.Reset()
	inText.JSON(&copied).Info("two")
	says(copied.String(), time.Minute)
}

// What goes wrong is said on stderr, unless the log is there.
func TestComplain(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{filepath.Join(t.TempDir(), "log"): "prestop: two lines\n", "stderr": ""} {
		c, err := config.ReadElsewhere(nil, map[string]string{"PRE_STOP_LOG_TO": to}, eck.Pod{})
		if err != nil {
			t.Fatal(err)
		}
		l := Open(c, &secret.Set{}, false, time.Now(), time.Now())
		stderr, copied := openIn(t, "json")
		l.stderr = stderr.Output
		if l.Complain("two\nlines"); copied() != want {
			t.Errorf("%s: %q", to, copied())
		}
	}
}

// A hook ends once, whoever says so first, and what it had done by then is known.
func TestEndIsSaidOnce(t *testing.T) {
	t.Parallel()
	l, written := openIn(t, "json")
	l.Note(0, prestop.StepReport{Line: "wait 1s", Outcome: prestop.Done})
	l.Note(1, prestop.StepReport{Line: "post http://app/", Outcome: prestop.Running})
	soFar := l.Report(errors.New("held"))
	if soFar.Ended != "held" || len(soFar.Steps) != 2 || time.Duration(soFar.Elapsed) < time.Second {
		t.Errorf("%+v", soFar)
	}
	l.Note(1, prestop.StepReport{Outcome: prestop.Failed})
	if soFar.Steps[1].Outcome != prestop.Running {
		t.Error("a report changes after it was made")
	}
	soFar.Steps[1].Error = "hunter22"
	if first, second := l.End(outcome.Outcome{Report: soFar}), l.End(outcome.Outcome{Exit: 3}); first != 0 || second != 3 {
		t.Errorf("exit %d and %d", first, second)
	}
	l.Error("step not done")
	if got := written(); strings.Count(got, "prestop ends") != 1 || strings.Contains(got, "step not done") || strings.Contains(got, "hunter22") || l.Lost() != 0 {
		t.Error(got)
	}
}

// A hook that goes on from an earlier delivery has lasted since that one began, also where something holds it.
func TestReportOfALaterDelivery(t *testing.T) {
	t.Parallel()
	l, _ := openIn(t, "json")
	l.Resume(prestop.Report{Steps: []prestop.StepReport{{Line: "wait 1h"}}}, time.Hour)
	if r := l.Report(errors.New("held")); time.Duration(r.Elapsed) < time.Hour || len(r.Steps) != 1 {
		t.Errorf("%+v", r)
	}
}
