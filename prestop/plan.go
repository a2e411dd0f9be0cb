// Package prestop carries out a plan within a pod's grace period.
//
// A [Plan] is a list of entries, done in order by [Plan.Run]: calls that take as long as they need inside
// their share of the time, and waits that protect the traffic. [Plan.Timeline] says beforehand when each
// entry may begin and how long it may take. The run uses the same schedule. Nothing that an entry does, fails to
// do or forgets ends the run early or carries it past its deadline.
//
// The package knows no files, no HTTP, no DNS and no command line: a step is anything with a Run method. It
// logs to the logger that it is given and prints nothing. The program in cmd/prestop is its one caller, and
// the package may change with each version of it.
package prestop

import (
	"context"
	"log/slog"
	"time"
)

// Engine is the time before the deadline that the run keeps to itself, to end a step that does not
// end by itself and to say so.
const Engine = 50 * time.Millisecond

// OneTry is 2 s. If the budget is smaller, a run makes no waits. A kubelet leaves a container at least 2 s
// between SIGTERM and SIGKILL.
const OneTry = 2 * time.Second

// A Step is one thing to do.
type Step interface {
	// Run returns nil when the thing is done. If ctx ends it, it returns at once with an error that says what
	// it had reached and wraps context.Cause(ctx). Any other error means that the thing could not be done, or
	// that Run could not see whether it was. Each Run may be the second: a hook is delivered at least once.
	Run(ctx context.Context, log *slog.Logger) error
}

// A Checker is a Step that can say for the dry run whether Run would work.
type Checker interface {
	// Check changes nothing and is brief. It returns what it finds out, also with an error. The error is what would
	// make Run fail.
	Check(ctx context.Context) ([]Finding, error)
}

// An Entry is one line of a plan, as data.
type Entry struct {
	Line  string        // as it was written: variables not expanded, secrets left out
	Step  Step          // nil: a wait of Least
	Least time.Duration // set aside for it: a wait's length, a call's one second
	Most  time.Duration // ended after this; 0: open-ended, it shares what is left with others of its kind, unless it is a Guard
	Want  time.Duration // set aside for a call instead of Least, as far as the waits leave room for that
	Early time.Duration // how much sooner than Least a Guard may be over; negative: how much later

	// FromStart: Most counts from the start of the hook, and is at least Least.
	FromStart bool
	// Guard: a wait for something to happen. If its step fails, the rest of Most is waited out, since others rely
	// on that time. If the thing did not happen by then, that is no failure.
	Guard bool
	// Yields: Most is a default. If the deadline leaves only a part of it, that is as good.
	Yields bool
	// Once: the entry is not done again if an earlier delivery of the hook had begun it.
	Once bool
}

func (e *Entry) wait() bool { return e.Step == nil || e.Guard }
func (e *Entry) open() bool { return e.Step != nil && e.Most == 0 && !e.Guard }

// A Plan is what a hook has to do, and the time that it has. Its zero value does nothing, at once.
type Plan struct {
	Entries []Entry

	// Start is when this delivery of the hook began. Its monotonic reading is what counts: a wall
	// clock that is set during the run changes nothing.
	Start time.Time
	// Grace is the pod's grace period, Reserve the part of it that is left to the container's own handling
	// of SIGTERM. The deadline is Start + Grace - Reserve.
	Grace, Reserve time.Duration
	// Floor is how long the hook lasts at least, from its start, where the deadline allows.
	Floor time.Duration
	// Fallback is another such floor, for when the error of a step is an [ErrKeepsWait].
	Fallback time.Duration

	// Aside is kept before the deadline for what the caller does after the run, such as sending its report.
	Aside time.Duration

	// Late is how much later than Engine says the run may be over, because the machine is slow. The run keeps this time to itself too.
	Late time.Duration

	// Skip, once closed, ends the waits at once, those of Guard entries too. May be nil.
	Skip <-chan struct{}

	// Earlier is the report of a delivery that was cut. This delivery goes on from it. Age is how long before
	// Start the first delivery had begun. The waits count from that time. The deadline does not, because a
	// kubelet gives each delivery the whole grace period.
	Earlier Report
	Age     time.Duration

	// Record is called before and after each entry, with the entry's number from 0 and with what became of it so far. If
	// Record fails, an entry that is to be done Once is not begun. May be nil.
	Record func(n int, s StepReport) error
}

// Budget is the time from Start to the deadline, never negative.
func (p *Plan) Budget() time.Duration { return max(0, p.Grace-p.Reserve) }

// Deadline is the moment that nothing in the run outlives.
func (p *Plan) Deadline() time.Time { return p.Start.Add(p.Budget()) }
