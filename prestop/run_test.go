package prestop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

const s = time.Second

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

type stepFunc func(ctx context.Context, log *slog.Logger) error

func (f stepFunc) Run(ctx context.Context, log *slog.Logger) error { return f(ctx, log) }

// takes is a step that ends well after d, or when it is told to.
func takes(d time.Duration) stepFunc {
	return func(ctx context.Context, _ *slog.Logger) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return fmt.Errorf("no answer yet: %w", context.Cause(ctx))
		}
	}
}

func hangs(ctx context.Context, _ *slog.Logger) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// deaf does not look at its context for d.
func deaf(d time.Duration) stepFunc {
	return func(context.Context, *slog.Logger) error {
		<-time.After(d)
		return nil
	}
}

func fails(context.Context, *slog.Logger) error { return errors.New("connection refused") }

func panics(context.Context, *slog.Logger) error { panic("nil map") }

func call(line string, f stepFunc) Entry {
	return Entry{Line: line, Step: f, Least: 1 * s, Most: 30 * s}
}

func open(line string, f stepFunc) Entry { return Entry{Line: line, Step: f, Least: 1 * s} }

func wait(d time.Duration) Entry { return Entry{Line: "wait " + d.String(), Least: d, Most: d} }

func TestRun(t *testing.T) {
	tests := []struct {
		name     string
		plan     Plan
		lasts    time.Duration
		outcomes string
	}{
		{"nothing to do", Plan{Grace: 30 * s, Reserve: 5 * s}, 0, ""},
		{"the floor counts from the start", Plan{Grace: 60 * s, Reserve: 10 * s, Floor: 20 * s,
			Entries: []Entry{call("post", takes(5*s))}}, 20 * s, "done"},
		{"a call longer than the floor", Plan{Grace: 60 * s, Reserve: 10 * s, Floor: 20 * s,
			Entries: []Entry{call("post", takes(25*s))}}, 25 * s, "done"},
		{"a failure does not end the hook", Plan{Grace: 60 * s, Reserve: 10 * s, Floor: 20 * s,
			Entries: []Entry{call("post", fails)}}, 20 * s, "failed"},
		{"grace smaller than the wait", Plan{Grace: 30 * s, Reserve: 5 * s, Floor: 50 * s},
			25*s - Engine, ""},
		{"reserve larger than the grace", Plan{Grace: 10 * s, Reserve: 20 * s, Floor: 50 * s,
			Entries: []Entry{call("post", hangs), wait(5 * s)}}, 0, "cut done"},
		{"grace unknown", Plan{Floor: 50 * s, Entries: []Entry{wait(5 * s)}}, 0, "done"},
		{"under 2 s of budget the calls have it all", Plan{Grace: 2 * s, Reserve: 1 * s, Floor: 50 * s,
			Entries: []Entry{call("post", takes(500*time.Millisecond)), wait(5 * s)}}, 500 * time.Millisecond, "done done"},
		{"under 2 s of budget calls share alike", Plan{Grace: 2 * s, Reserve: 1 * s, Floor: 50 * s,
			Entries: []Entry{call("post", hangs), call("post", hangs)}}, 1*s - Engine, "cut cut"},
		{"a call that hangs cannot eat a wait", Plan{Grace: 30 * s, Reserve: 5 * s,
			Entries: []Entry{call("post", hangs), wait(20 * s)}}, 25*s - Engine, "cut done"},
		{"a call that hangs is bounded by its most", Plan{Grace: 120 * s, Reserve: 20 * s,
			Entries: []Entry{call("post", hangs), wait(20 * s)}}, 50 * s, "cut done"},
		{"a call that is deaf is left behind", Plan{Grace: 30 * s, Reserve: 5 * s,
			Entries: []Entry{call("post", deaf(40*s)), wait(20 * s)}}, 25*s - Engine, "left done"},
		{"a deaf last step is left at the deadline", Plan{Grace: 30 * s, Reserve: 5 * s,
			Entries: []Entry{open("elasticsearch", deaf(40*s))}}, 25 * s, "left"},
		{"a panic is a failure", Plan{Grace: 30 * s, Reserve: 5 * s,
			Entries: []Entry{call("post", panics), wait(3 * s)}}, 3 * s, "failed done"},
		{"open-ended steps split the rest", Plan{Grace: 31*s + Engine, Reserve: 5 * s,
			Entries: []Entry{open("a", hangs), open("b", hangs), wait(6 * s)}}, 26 * s, "cut cut done"},
		{"a guard that fails is waited out", Plan{Grace: 60 * s, Reserve: 10 * s,
			Entries: []Entry{{Line: "until", Step: stepFunc(fails), Most: 20 * s, Guard: true}}}, 20 * s, "failed"},
		{"a guard of no time", Plan{Grace: 60 * s, Reserve: 10 * s,
			Entries: []Entry{{Line: "until", Step: stepFunc(hangs), Guard: true}, wait(2 * s)}}, 2 * s, "unmet done"},
		{"a guard of one look alone", Plan{Grace: 60 * s, Reserve: 10 * s,
			Entries: []Entry{{Line: "until", Step: stepFunc(hangs), Least: 1 * s, FromStart: true, Guard: true, Yields: true}}}, 1 * s, "unmet"},
		{"a guard that is met is not", Plan{Grace: 60 * s, Reserve: 10 * s,
			Entries: []Entry{{Line: "until", Step: takes(3 * s), Most: 20 * s, Guard: true}}}, 3 * s, "done"},
		{"a guard leaves later waits their time", Plan{Grace: 30 * s, Reserve: 5 * s,
			Entries: []Entry{{Line: "until", Step: stepFunc(fails), Most: 50 * s, Guard: true}, wait(10 * s)}}, 25*s - Engine, "failed done"},
		{"a guard counted from the start", Plan{Grace: 60 * s, Reserve: 10 * s,
			Entries: []Entry{wait(8 * s), {Line: "until", Step: stepFunc(hangs), Least: 1 * s, Most: 20 * s, FromStart: true, Guard: true}}}, 20 * s, "done unmet"},
		{"a guard that the deadline ends", Plan{Grace: 30 * s, Reserve: 5 * s,
			Entries: []Entry{{Line: "until", Step: stepFunc(hangs), Most: 50 * s, FromStart: true, Guard: true}}}, 25*s - Engine, "cut"},
		{"a guard that yields to the deadline", Plan{Grace: 30 * s, Reserve: 5 * s,
			Entries: []Entry{{Line: "until", Step: stepFunc(hangs), Most: 50 * s, FromStart: true, Guard: true, Yields: true}, wait(5 * s)}}, 25*s - Engine, "unmet done"},
		{"time kept for what comes after", Plan{Grace: 30 * s, Reserve: 5 * s, Aside: 1 * s, Floor: 50 * s,
			Entries: []Entry{call("post", hangs), wait(10 * s)}}, 24*s - Engine, "cut done"},
		{"under 2 s of budget nothing is kept", Plan{Grace: 2 * s, Reserve: 1 * s, Aside: 1 * s,
			Entries: []Entry{call("post", hangs)}}, 1*s - Engine, "cut"},
		{"ten steps that fail", Plan{Grace: 30 * s, Reserve: 5 * s, Floor: 7 * s, Entries: repeat(10, call("post", fails))},
			7 * s, strings.TrimSpace(strings.Repeat("failed ", 10))},
		{"ten steps that hang", Plan{Grace: 30 * s, Reserve: 5 * s, Floor: 7 * s, Entries: repeat(10, call("post", hangs))},
			25*s - Engine, strings.TrimSpace(strings.Repeat("cut ", 10))},
		{"a call that hangs leaves a later one what it wants", Plan{Grace: 60 * s, Reserve: 10 * s,
			Entries: []Entry{open("post", hangs), {Line: "post", Step: takes(5 * s), Least: 1 * s, Want: 5 * s, Most: 30 * s}}}, 50*s - Engine, "cut done"},
		{"what a call wants takes nothing from a wait", Plan{Grace: 30*s + Engine, Reserve: 5 * s,
			Entries: []Entry{wait(20 * s), {Line: "post", Step: takes(5 * s), Least: 1 * s, Want: 10 * s}}}, 25 * s, "done done"},
		{"waits that do not fit shrink alike", Plan{Grace: 30*s + Engine, Reserve: 5 * s,
			Entries: []Entry{wait(40 * s), call("post", takes(0)), wait(8 * s)}}, 25 * s, "done done done"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.plan.Start = time.Now()
				report := test.plan.Run(t.Context(), quiet)
				if got := time.Since(test.plan.Start); (got - test.lasts).Abs() > time.Millisecond {
					t.Errorf("lasted %v, want %v", got, test.lasts)
				}
				if got := outcomes(report); got != test.outcomes {
					t.Errorf("outcomes %q, want %q", got, test.outcomes)
				}
				<-time.After(time.Hour) // lets the deaf end
			})
		})
	}
}

func repeat(n int, e Entry) []Entry {
	all := make([]Entry, n)
	for i := range all {
		all[i] = e
	}
	return all
}

func outcomes(r Report) string {
	var all []string
	for _, step := range r.Steps {
		all = append(all, string(step.Outcome))
	}
	return strings.Join(all, " ")
}

// A clock that is set during the run shows as a start whose wall clock reading no longer fits.
func TestRunWallClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		p := Plan{Start: ahead(begin, time.Hour), Grace: 30 * s, Reserve: 5 * s, Floor: 10 * s,
			Entries: []Entry{call("post", takes(2*s)), wait(3 * s)}}
		p.Run(t.Context(), quiet)
		if got := time.Since(begin); got != 10*s {
			t.Errorf("lasted %v, want 10s", got)
		}
	})
}

// ahead changes the wall clock reading of t and leaves the monotonic one.
func ahead(t time.Time, by time.Duration) time.Time {
	wall := (*uint64)(unsafe.Pointer(&t))
	*wall += uint64(by/time.Second) << 30
	return t
}

func TestRunEndedBySignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(4*s, func() { cancel(errors.New("terminated")) })
		p := Plan{Start: time.Now(), Grace: 60 * s, Reserve: 10 * s, Floor: 50 * s, Entries: []Entry{wait(10 * s), wait(10 * s)}}
		report := p.Run(ctx, quiet)
		if got := time.Since(p.Start); got != 4*s {
			t.Errorf("lasted %v, want 4s", got)
		}
		if report.Ended != "terminated" || report.OK() || len(report.Steps) != 1 {
			t.Errorf("report %+v", report)
		}
	})
}

// A step that lacked something which others rely on keeps the wait that is for mistakes, where the deadline allows it.
func TestRunKeepsTheWait(t *testing.T) {
	for _, test := range []struct{ fallback, floor, want time.Duration }{{20 * s, 0, 20 * s}, {20 * s, 30 * s, 30 * s}, {90 * s, 0, 50*s - Engine}, {0, 0, s}} {
		synctest.Test(t, func(t *testing.T) {
			lacks := func(context.Context, *slog.Logger) error { return fmt.Errorf("no value: %w", ErrKeepsWait) }
			p := Plan{Start: time.Now(), Grace: 60 * s, Reserve: 10 * s, Floor: test.floor, Fallback: test.fallback, Entries: []Entry{call("post", lacks), call("post", takes(s))}}
			report := p.Run(t.Context(), quiet)
			if got := time.Since(p.Start); got != test.want || outcomes(report) != "failed done" {
				t.Errorf("lasted %v, want %v; %+v", got, test.want, report)
			}
			p = Plan{Start: time.Now(), Grace: 60 * s, Reserve: 10 * s, Fallback: 20 * s, Entries: []Entry{call("post", fails)}}
			if p.Run(t.Context(), quiet); time.Since(p.Start) > s {
				t.Errorf("any failure keeps it: %v", time.Since(p.Start))
			}
		})
	}
}

func TestRunSkip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		skip := make(chan struct{})
		time.AfterFunc(4*s, func() { close(skip) })
		called := false
		p := Plan{Start: time.Now(), Grace: 60 * s, Reserve: 10 * s, Floor: 50 * s, Skip: skip, Entries: []Entry{wait(10 * s),
			call("post", func(context.Context, *slog.Logger) error { called = true; return nil }), wait(10 * s)}}
		p.Run(t.Context(), quiet)
		if got := time.Since(p.Start); got != 4*s || !called {
			t.Errorf("lasted %v, want 4s; call made: %v", got, called)
		}
	})
}

// A delivery that goes on from an earlier one, wherever that one was cut, ends when the earlier one would have;
// also if it had begun long before and waited for the earlier one.
func TestRunSkipEndsWhatIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		skip := make(chan struct{})
		time.AfterFunc(3*s, func() { close(skip) })
		p := Plan{Start: time.Now(), Grace: 60 * s, Reserve: 10 * s, Floor: 40 * s, Skip: skip, Entries: []Entry{
			{Line: "until", Step: stepFunc(hangs), Most: 20 * s, Guard: true},
			call("post", takes(2*s)),
			{Line: "until", Step: stepFunc(fails), Most: 20 * s, Guard: true},
		}}
		report := p.Run(t.Context(), quiet)
		if got := time.Since(p.Start); got != 5*s {
			t.Errorf("lasted %v, want 5s: the wait until it was skipped, and the call", got)
		}
		if got := outcomes(report); got != "unmet done unmet" {
			t.Errorf("outcomes %q", got)
		}
		if !report.OK() {
			t.Errorf("failures %v", report.Failures())
		}
	})
}

func TestRunGoesOn(t *testing.T) {
	for _, cut := range []time.Duration{0, 500 * time.Millisecond, 3 * s, 9 * s, 12 * s, 19 * s} {
		for _, waited := range []time.Duration{0, cut} {
			t.Run(fmt.Sprint(cut, " waited ", waited), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { goesOn(t, cut, waited) })
			})
		}
	}
}

func goesOn(t *testing.T, cut, waited time.Duration) {
	calls := 0
	count := func(ctx context.Context, log *slog.Logger) error { calls++; return takes(1*s)(ctx, log) }
	guard := Entry{Line: "until", Step: stepFunc(fails), Most: 7 * s, Guard: true}
	plan := Plan{Grace: 60 * s, Reserve: 10 * s, Floor: 20 * s, Entries: []Entry{call("post", count), wait(10 * s), guard}}

	began := time.Now()
	left := killed(t.Context(), plan, cut)
	second := plan
	second.Start = time.Now().Add(-waited)
	second.Age = second.Start.Sub(began)
	if err := json.Unmarshal(left, &second.Earlier); err != nil {
		t.Fatal(err)
	}
	report := second.Run(t.Context(), quiet)
	if got := time.Since(began); (got - 20*s).Abs() > 10*time.Millisecond {
		t.Errorf("both lasted %v, want 20s", got)
	}
	if want := map[bool]int{true: 2, false: 1}[cut == 500*time.Millisecond]; calls != want {
		t.Errorf("%d calls, want %d", calls, want)
	}
	if got := outcomes(report); got != "done done failed" {
		t.Errorf("outcomes %s", got)
	}
	if last := report.Steps[2]; cut >= 3*s && (time.Duration(last.Began+last.Took)-18*s).Abs() > 10*time.Millisecond {
		t.Errorf("the steps ended after %v, want 18s", last.Began+last.Took)
	}
}

// killed runs p for d and gives back what a SIGKILL then would have left on record.
func killed(ctx context.Context, p Plan, d time.Duration) []byte {
	var noted Report
	ctx, kill := context.WithTimeout(ctx, d)
	defer kill()
	p.Start = time.Now()
	p.Record = func(n int, s StepReport) error {
		if ctx.Err() == nil {
			noted.Note(n, s)
		}
		return nil
	}
	p.Run(ctx, quiet)
	last, _ := json.Marshal(noted)
	return last
}

// What is to be done once is not begun where nobody would know of it; everything else is.
func TestRunOnceThatCannotBeNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		called := ""
		e := func(name string) Entry {
			return call(name, func(context.Context, *slog.Logger) error { called += name; return nil })
		}
		once := e("once")
		once.Once = true
		p := Plan{Start: time.Now(), Grace: 60 * s, Reserve: 10 * s, Entries: []Entry{once, e("again")},
			Record: func(int, StepReport) error { return errors.New("no space left") }}
		report := p.Run(t.Context(), quiet)
		if called != "again" || outcomes(report) != "failed done" || !strings.Contains(report.Steps[0].Error, "no space left") {
			t.Errorf("called %s, %+v", called, report)
		}
	})
}

// Steps whose time has not come before the deadline are one line of the log, however many they are.
func TestRunWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := 0
		log := slog.New(slog.NewTextHandler(counter{&lines}, nil))
		p := Plan{Start: time.Now(), Grace: 30 * s, Reserve: 5 * s, Entries: append([]Entry{call("deaf", deaf(25*s))},
			append(repeat(3000, call("post", fails)), wait(1*s), Entry{Line: "until", Step: stepFunc(hangs), Most: 5 * s, Guard: true, Yields: true})...)}
		for i := range p.Entries {
			p.Entries[i].Least = 0
		}
		p.Entries[0].Most = 0
		report := p.Run(t.Context(), log)
		if got := time.Since(p.Start); got > 25*s {
			t.Errorf("lasted %s", got)
		}
		if n := len(report.Steps); n != 3003 || report.Steps[3000].Outcome != Cut || report.Steps[3001].Outcome != Done || report.Steps[3002].Outcome != Unmet {
			t.Errorf("%d steps: %v", n, report.Steps[n-3:])
		}
		if lines > 10 {
			t.Errorf("%d lines", lines)
		}
		<-time.After(time.Hour)
	})
}

type counter struct{ n *int }

func (c counter) Write(p []byte) (int, error) { *c.n++; return len(p), nil }

func TestRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		called := false
		e := call("post once", func(context.Context, *slog.Logger) error { called = true; return nil })
		e.Once = true
		p := Plan{Start: time.Now(), Grace: 60 * s, Reserve: 10 * s, Entries: []Entry{e},
			Age: 3 * s, Earlier: Report{Steps: []StepReport{{Outcome: Running}}}}
		if report := p.Run(t.Context(), quiet); called || report.Steps[0].Outcome != Skipped || report.OK() {
			t.Errorf("called %v, report %+v", called, report)
		}
	})
}

// A wait that is to be done once keeps its time, also where it was cut and where nobody would know that it is begun.
func TestRunOnceKeepsTheTimeOfWaits(t *testing.T) {
	for name, test := range map[string]struct {
		entry    Entry
		noted    error
		earlier  []StepReport
		want     time.Duration
		outcomes string
	}{
		"until that was cut":      {Entry{Step: stepFunc(hangs), Most: 20 * s, Guard: true, FromStart: true}, nil, []StepReport{{Outcome: Running}}, 17 * s, "skipped"},
		"until that is not noted": {Entry{Step: stepFunc(hangs), Most: 20 * s, Guard: true, FromStart: true}, errors.New("no space left"), nil, 17 * s, "failed"},
		"wait that was cut":       {wait(20 * s), nil, []StepReport{{Outcome: Running}}, 17 * s, "done"},
		"wait that is not noted":  {wait(20 * s), errors.New("no space left"), nil, 20 * s, "done"},
	} {
		synctest.Test(t, func(t *testing.T) {
			test.entry.Once = true
			p := Plan{Start: time.Now(), Grace: 60 * s, Reserve: 10 * s, Age: 3 * s, Earlier: Report{Steps: test.earlier},
				Entries: []Entry{test.entry}, Record: func(int, StepReport) error { return test.noted }}
			report := p.Run(t.Context(), quiet)
			if got := time.Since(p.Start); got != test.want || outcomes(report) != test.outcomes {
				t.Errorf("%s: %s after %s, want %s after %s", name, outcomes(report), got, test.outcomes, test.want)
			}
		})
	}
}

// However many calls want however much, none gets more than there is.
func TestRunOfManyLongCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		year := 365 * 24 * time.Hour
		p := Plan{Start: time.Now(), Grace: 30 * s, Reserve: 5 * s, Entries: repeat(400, Entry{Step: stepFunc(hangs), Least: 1 * s, Want: year, Most: year})}
		p.Run(t.Context(), quiet)
		if got := time.Since(p.Start); got > 25*s {
			t.Errorf("lasted %s", got)
		}
	})
}

// Who reads why a step was cut must know whether a longer grace period would help.
func TestRunSaysWhatCutAStep(t *testing.T) {
	for want, entries := range map[string][]Entry{
		ErrLimit.Error(): {{Step: stepFunc(hangs), Least: 1 * s, Most: 5 * s}, wait(10 * s)},
		ErrShare.Error(): {{Step: stepFunc(hangs), Least: 1 * s, Most: 5 * s}, wait(23 * s)},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := Plan{Start: time.Now(), Grace: 30 * s, Reserve: 5 * s, Entries: entries}
			if report := p.Run(t.Context(), quiet); outcomes(report) != "cut done" || report.Steps[0].Error != want {
				t.Errorf("%+v, want cut with %s", report.Steps, want)
			}
		})
	}
}

// What the machine is late is kept free at the end, and taken from all but what is done in time anyway.
func TestRunLate(t *testing.T) {
	for late, want := range map[time.Duration]time.Duration{0: 9950 * time.Millisecond, 300 * time.Millisecond: 9650 * time.Millisecond, time.Hour: 0} {
		synctest.Test(t, func(t *testing.T) {
			p := Plan{Start: time.Now(), Grace: 12 * s, Reserve: 2 * s, Floor: 20 * s, Late: late, Entries: []Entry{open("open", takes(time.Hour))}}
			p.Run(t.Context(), quiet)
			if got := time.Since(p.Start); got != want {
				t.Errorf("%s late: over after %s, want %s", late, got, want)
			}
		})
	}
}

// Whatever the plan: never past the deadline, never short of a floor or of a wait that fits, but for the
// moment that the engine gives each step that does not end by itself.
func TestRunAnyPlan(t *testing.T) {
	for seed := range uint64(3000) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			p := anyPlan(rnd)
			p.Start = time.Now()
			report := p.Run(t.Context(), quiet)
			got := time.Since(p.Start)
			if got > max(p.Budget(), Engine) {
				t.Errorf("seed %d: lasted %v, the deadline was %v", seed, got, p.Budget())
			}
			if floor := min(p.Floor, p.Budget()-Engine); p.Budget() >= OneTry && got < floor {
				t.Errorf("seed %d: lasted %v, the floor was %v", seed, got, floor)
			}
			var n need
			for _, e := range p.Entries {
				n = n.and(p.need(&e))
			}
			if p.Budget() >= OneTry && n.calls+n.waits <= p.Budget()-Engine {
				moments := Engine * time.Duration(strings.Count(outcomes(report), string(Left)))
				for i, step := range report.Steps {
					if e := p.Entries[i]; e.Step == nil && time.Duration(step.Took) < e.Least-moments {
						t.Errorf("seed %d: %s took %v of a plan that fits: %+v", seed, e.Line, step.Took, report)
					}
				}
			}
			<-time.After(time.Hour)
		})
	}
}

func anyPlan(rnd *rand.Rand) Plan {
	seconds := func(n int) time.Duration { return time.Duration(rnd.IntN(n*1000)) * time.Millisecond }
	p := Plan{Grace: seconds(120), Reserve: seconds(30), Floor: seconds(90)}
	for range rnd.IntN(8) {
		kinds := []Entry{
			wait(seconds(20)), call("quick", takes(seconds(3))), call("slow", takes(seconds(60))), call("hangs", hangs),
			call("deaf", deaf(seconds(200))), call("fails", fails), call("panics", panics), {Line: "wants", Step: takes(seconds(30)), Least: s, Want: seconds(40)}, open("open", takes(seconds(60))), open("open", hangs),
			{Line: "until", Step: takes(seconds(60)), Least: seconds(10), Most: 10*s + seconds(60), Guard: true, FromStart: rnd.IntN(2) == 0},
			{Line: "unreadable", Step: stepFunc(fails), Most: seconds(50), Guard: true},
		}
		p.Entries = append(p.Entries, kinds[rnd.IntN(len(kinds))])
	}
	return p
}

// A step that is done again, and succeeds, has no error of its first try.
func TestNoErrorOfAnEarlierTry(t *testing.T) {
	p := Plan{Start: time.Now(), Grace: 10 * time.Second, Reserve: 5 * time.Second,
		Entries: []Entry{{Line: "a", Step: takes(0), Least: time.Second}},
		Earlier: Report{Steps: []StepReport{{Line: "a", Outcome: Running, Error: "503"}}}}
	if r := p.Run(t.Context(), slog.New(slog.DiscardHandler)); r.Steps[0].Outcome != Done || r.Steps[0].Error != "" {
		t.Errorf("%+v", r.Steps[0])
	}
}

// A plan without steps reports none, and not null.
func TestNoStepsAreAList(t *testing.T) {
	p := Plan{Start: time.Now(), Grace: 10 * time.Second, Reserve: 5 * time.Second}
	if r := p.Run(t.Context(), slog.New(slog.DiscardHandler)); r.Steps == nil {
		t.Error("the report's steps are null")
	}
}

// Many waits that are absurdly long have no longer shares than there is time.
func TestSumOfLongWaits(t *testing.T) {
	p := Plan{Start: time.Now(), Grace: 3 * time.Second, Reserve: time.Second / 2}
	for range 300 {
		p.Entries = append(p.Entries, Entry{Line: "wait", Least: 366 * 24 * time.Hour, Most: 366 * 24 * time.Hour})
	}
	if got := p.schedule().share(0, 0); got > p.Budget() || got < 0 {
		t.Errorf("the first wait has %s of %s", got, p.Budget())
	}
}
