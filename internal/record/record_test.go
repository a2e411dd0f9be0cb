package record

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/prestop"
)

// Tests have a clock of their own: a file system that a busy machine makes slow is not one that does not answer.

// here is a hook of this container with a state directory of its own.
func here(t *testing.T) Hook {
	secrets := &secret.Set{}
	secrets.Add("hunter22")
	return Hook{
		ID: t.Name(), Entries: []prestop.Entry{{Line: "wait 1s"}, {Line: "post http://app/"}}, Start: time.Now().Add(-5 * time.Second), Deadline: time.Now().Add(time.Minute), Grace: time.Minute,
		Container: func() (proc.Container, error) { return "b pid mnt 1 1", nil }, StateDir: t.TempDir(), Secrets: secrets,
	}
}

// cut is the hook with what is on record now, as a delivery leaves it that is killed: its lock ends with it.
func (h Hook) cut(t *testing.T) Hook {
	left := t.TempDir()
	if err := os.CopyFS(left, os.DirFS(h.StateDir)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(left, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing is on record: %v", err)
	}
	for _, file := range files {
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.StateDir = left
	return h
}

func open(t *testing.T, h Hook) (*Record, *prestop.Report, string) {
	var out bytes.Buffer
	own, done := Open(t.Context(), h, slog.New(slog.NewTextHandler(&out, nil)))
	return own, done, out.String()
}

func resumed(own *Record) bool {
	_, _, ok := own.Resumed()
	return ok
}

// A later delivery knows what became of each step, and none of the secrets in it.
func TestALaterDeliveryGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testALaterDeliveryGoesOn)
}

func testALaterDeliveryGoesOn(t *testing.T) {
	h := here(t)
	first, done, said := open(t, h)
	if done != nil || resumed(first) || said != "" {
		t.Fatalf("a first delivery finds %v: %s", done, said)
	}
	for n, s := range []prestop.StepReport{{Outcome: prestop.Done, Took: prestop.Seconds(time.Second)}, {Outcome: prestop.Failed, Error: "hunter22 " + strings.Repeat("x", 1000)}} {
		if err := first.Note(n, s, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	h = h.cut(t)
	second, done, _ := open(t, h)
	got, since, ok := second.Resumed()
	if done != nil || !ok || since < 5*time.Second || since > time.Minute {
		t.Fatalf("a second delivery finds %v, begun %s ago", done, since)
	}
	if len(got.Steps) != 2 || got.Steps[0].Line != "wait 1s" || got.Steps[0].Outcome != prestop.Done || got.Steps[0].Took != prestop.Seconds(time.Second) {
		t.Fatalf("%+v", got)
	}
	if text := got.Steps[1].Error; !strings.HasPrefix(text, "*** xxx") || !strings.HasSuffix(text, escape.Cut) || len(text) > mostError+len(escape.Cut) {
		t.Errorf("the error on record is %q", text)
	}
	if err := second.End(prestop.Report{}); err != nil {
		t.Error(err)
	}
	for what, id := range map[string]string{"what has ended": h.ID, "another hook": "another"} {
		other := h
		other.ID = id
		if third, _, _ := open(t, other); resumed(third) {
			t.Errorf("%s goes on", what)
		}
	}
}

// Where a step could not be noted, what is known of a later one still counts: it may be one that is to be done once.
func TestAStepThatWasNotNoted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := here(t)
		first, _, _ := open(t, h)
		if err := first.Note(1, prestop.StepReport{Outcome: prestop.Running}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		second, _, _ := open(t, h.cut(t))
		earlier, _, _ := second.Resumed()
		got := earlier.Steps
		if len(got) != 2 || got[0].Line != "wait 1s" || got[0].Outcome != prestop.Running || got[1].Outcome != prestop.Running {
			t.Errorf("%+v", got)
		}
	})
}

// A thousand steps fit, however long their lines and their errors are.
func TestAThousandStepsFit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testAThousandStepsFit)
}

func testAThousandStepsFit(t *testing.T) {
	h := here(t)
	const steps = 1000
	h.Entries = slices.Repeat([]prestop.Entry{{Line: "post http://app/" + strings.Repeat("x", 400)}}, steps)
	first, _, _ := open(t, h)
	report := prestop.Report{}
	for n := range steps {
		one := prestop.StepReport{Line: h.Entries[n].Line, Outcome: prestop.Failed, Took: prestop.Seconds(time.Second), Error: strings.Repeat("refused ", 200)}
		report.Note(n, one)
		if err := first.Note(n, one, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
	}
	second, _, _ := open(t, h.cut(t))
	if got, _, _ := second.Resumed(); len(got.Steps) != steps || got.Steps[steps-1].Outcome != prestop.Failed {
		t.Errorf("a later delivery knows of %d steps", len(got.Steps))
	}
	if err := first.End(report); err != nil {
		t.Error(err)
	}
}

// Who cannot record says so once, and a step that is to be done once is not begun.
func TestWithoutARecord(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Hook){
		"no directory": func(h *Hook) { h.StateDir = filepath.Join(h.StateDir, "missing") },
		"no container": func(h *Hook) {
			h.Container = func() (proc.Container, error) { return "", errors.ErrUnsupported }
		},
	} {
		h := here(t)
		spoil(&h)
		own, done, said := open(t, h)
		if done != nil || resumed(own) || strings.Count(said, "level=WARN") != 1 {
			t.Errorf("%s: %v, %s", name, done, said)
		}
		if own.Note(0, prestop.StepReport{}, nil) == nil || own.End(prestop.Report{}) != nil {
			t.Errorf("%s: it is taken for a record", name)
		}
	}
	var none *Record
	if resumed(none) || none.Note(0, prestop.StepReport{}, nil) != nil || none.End(prestop.Report{}) != nil {
		t.Error("somebody at a terminal is kept from a step")
	}
}

// A delivery that has no time to record anything says so, and begins no step that is to be done once.
func TestNoTimeForARecord(t *testing.T) {
	t.Parallel()
	h := here(t)
	h.Deadline = time.Now().Add(-time.Second)
	own, done, said := open(t, h)
	if done != nil || strings.Count(said, "level=WARN") != 1 || own.Note(0, prestop.StepReport{}, nil) == nil {
		t.Errorf("%v, %s", done, said)
	}
}

// A delivery that waits for the one that still runs gets its report.
func TestADeliveryJoinsAnother(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ended string
		joins bool
	}{"done": {"", true}, "ended by hand": {"ended by signal terminated", false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { testJoining(t, test.ended, test.joins) })
		})
	}
}

func testJoining(t *testing.T, ended string, joins bool) {
	h := here(t)
	first, _, _ := open(t, h)
	var out bytes.Buffer
	type found struct {
		own  *Record
		done *prestop.Report
	}
	waits, joined := make(chan struct{}, 1), make(chan found)
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		if out.Write(p); bytes.Contains(p, []byte("still runs")) {
			waits <- struct{}{}
		}
		return len(p), nil
	}), nil))
	go func() {
		own, done := Open(t.Context(), h, log)
		joined <- found{own, done}
	}()
	<-waits
	if err := first.End(prestop.Report{Ended: ended, Steps: []prestop.StepReport{{Line: "wait 1s", Error: "hunter22"}}}); err != nil {
		t.Error(err)
	}
	got := <-joined
	if (got.done != nil) != joins || joins && got.done.Steps[0].Error != "***" || !joins && resumed(got.own) {
		t.Errorf("%+v, %s", got, &out)
	}
}

// A delivery that a signal ends while it waits was recognised. It says nothing else.
func TestASignalEndsTheWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := here(t)
		first, _, _ := open(t, h)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var out bytes.Buffer
		own, done := Open(ctx, h, slog.New(slog.NewTextHandler(&out, nil)))
		if done != nil || own.Note(0, prestop.StepReport{}, nil) == nil || strings.Count(out.String(), "level=WARN") != 1 || !strings.Contains(out.String(), "still runs") {
			t.Errorf("%v, %s", done, &out)
		}
		if err := first.End(prestop.Report{}); err != nil {
			t.Error(err)
		}
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
