package prestop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

var (
	// ErrShare is the cause of a step's context when the step has used up its share of the time.
	ErrShare = errors.New("its share of the grace period is used up")
	// ErrLimit is the cause of the context of a step that is no wait, when the entry's own Most is over.
	ErrLimit = errors.New("its own limit of time is reached")
	// ErrMax is the cause of the context of a Guard entry's step when the entry's own Most is over.
	ErrMax = errors.New("its max is reached")
	// ErrSkip is the cause of the context of a Guard entry's step when waits are skipped.
	ErrSkip = errors.New("waits are skipped")

	// ErrKeepsWait is in the error of a step that could not be done for lack of something that others rely on. The run then
	// lasts at least for [Plan.Fallback].
	ErrKeepsWait = errors.New("the additional wait is kept")

	// ErrNotNoted is in the error of an entry that is to be done once, if [Plan.Record] fails.
	ErrNotNoted = errors.New("not begun: it is to be done once, and its beginning cannot be noted")

	errLeft = errors.New("did not return when its time was over; left behind")
	errOnce = errors.New("an earlier delivery of the hook was cut in this step, which is to be done once: whether the step took effect is not known")
)

// Run carries the plan out and returns when it is done, at the deadline at the latest, or when ctx is ended.
// A step that fails, panics or hangs is logged and reported; the plan goes on.
func (p *Plan) Run(ctx context.Context, log *slog.Logger) Report {
	r := run{schedule: p.schedule(), log: log}
	r.report.Steps = append([]StepReport{}, p.Earlier.Steps[:min(len(p.Earlier.Steps), len(p.Entries))]...)
	for i := range p.Entries {
		if ctx.Err() != nil {
			break
		}
		if r.elapsed() >= p.end() {
			r.noTime(i)
			break
		}
		r.entry(ctx, i)
	}
	if left := r.floor() - r.elapsed(); left > 0 && ctx.Err() == nil {
		log.Info("waiting", "step", floorLine, "for", left.Round(time.Millisecond))
		r.hold(ctx, left)
	}
	if ctx.Err() != nil {
		r.report.Ended = context.Cause(ctx).Error()
	}
	r.report.Elapsed = r.clock()
	return r.report
}

// run is one Run of a Plan.
type run struct {
	schedule
	log    *slog.Logger
	report Report
}

func (r *run) elapsed() time.Duration { return time.Since(r.Start) }

// clock is the time since the first delivery began.
func (r *run) clock() Seconds { return Seconds(r.elapsed() + r.Age) }

func (r *run) entry(ctx context.Context, i int) {
	e, log := &r.Entries[i], r.log.With("step", r.Entries[i].Line)
	if s, ok := r.Earlier.step(i); ok && s.Outcome != Running {
		log.Info("an earlier delivery has ended this step", "outcome", s.Outcome)
		return
	}
	share := r.share(i, r.elapsed())
	r.begun(i)
	err := r.record(i)
	switch _, begun := r.Earlier.step(i); {
	case !e.Once, e.Step == nil: // time that is waited out twice does no harm
		err = nil
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrNotNoted, err)
	case begun:
		err = errOnce
	}
	if err == nil {
		log.Info("step begins", "number", i+1, "of", len(r.Entries), "at_most", share.Round(time.Millisecond))
	}
	r.end(i, r.do(ctx, e, i, share, err, log), log)
}

// noTime ends all entries from the given one on, since the deadline has come before they could begin. It logs one line for all.
func (r *run) noTime(from int) {
	var cut []string
	for i := range r.Entries {
		if s, ok := r.Earlier.step(i); i < from || ok && s.Outcome != Running {
			continue
		}
		s, err := r.begun(i), r.over(i, 0, r.elapsed())
		if s.Outcome = outcome(err); err != nil {
			s.Error = err.Error()
			cut = append(cut, s.Line)
		}
	}
	if len(cut) > 0 {
		r.log.Error("no time is left for these steps", "event.code", "no-time-left", "steps", len(cut), "first", cut[0])
	}
}

// begun is the report of entry i. If a wait goes on from an earlier delivery, it keeps the time at which it began there.
func (r *run) begun(i int) *StepReport {
	if i == len(r.report.Steps) {
		r.report.Steps = append(r.report.Steps, StepReport{Line: r.Entries[i].Line, Outcome: Running, Began: r.clock()})
	}
	return &r.report.Steps[i]
}

func (r *run) end(i int, err error, log *slog.Logger) {
	s := &r.report.Steps[i]
	s.Outcome, s.Took, s.Error = outcome(err), r.clock()-s.Began, ""
	took := time.Duration(s.Took).Round(time.Millisecond)
	if err != nil {
		s.Error = err.Error()
	}
	if errors.Is(err, ErrKeepsWait) {
		r.Floor = max(r.Floor, r.Fallback)
	}
	switch s.Outcome {
	case Done:
		log.Info("step done", "took", took)
	case Unmet:
		log.Warn("not met", "event.code", "not-met", "took", took, "outcome", s.Outcome, "error", err)
	default:
		log.Error("step not done", "event.code", "step-not-done", "took", took, "outcome", s.Outcome, "error", err)
	}
	_ = r.record(i) // the step is done whether that is noted or not
}

func (r *run) record(i int) error {
	if r.Record == nil {
		return nil
	}
	return r.Record(i, r.report.Steps[i])
}

func outcome(err error) Outcome {
	switch {
	case err == nil:
		return Done
	case errors.Is(err, errLeft):
		return Left
	case errors.Is(err, errOnce):
		return Skipped
	case errors.Is(err, ErrMax), errors.Is(err, ErrSkip):
		return Unmet
	case errors.Is(err, ErrShare), errors.Is(err, ErrLimit):
		return Cut
	default:
		return Failed
	}
}

// do does an entry, unless err says why not. Others rely on the time of a Guard, whatever becomes of its step.
func (r *run) do(ctx context.Context, e *Entry, i int, share time.Duration, err error, log *slog.Logger) error {
	if e.Step == nil {
		r.hold(ctx, share)
		return context.Cause(ctx)
	}
	until := r.elapsed() + share
	if err == nil {
		err = r.step(ctx, e, share, r.over(i, share, r.elapsed()), log)
	}
	if left, o := until-r.elapsed(), outcome(err); e.Guard && left > 0 && (o == Failed || o == Skipped) && ctx.Err() == nil {
		log.Warn("the time that this step stands for is waited out", "event.code", "waited-out", "for", left.Round(time.Millisecond))
		r.hold(ctx, left)
	}
	return err
}

// step runs the step of e in a goroutine of its own, so that the deadline is kept whatever the step does. over is why its time ends.
func (r *run) step(ctx context.Context, e *Entry, share time.Duration, over error, log *slog.Logger) error {
	ctx, cancel := context.WithDeadlineCause(ctx, time.Now().Add(share), over)
	defer cancel()
	ctx, skip := context.WithCancelCause(ctx)
	defer skip(nil)
	var skipped <-chan struct{} // nil: the entry is no wait
	if e.wait() {
		skipped = r.Skip
	}
	done := make(chan error, 1)
	go func() { done <- guarded(ctx, e.Step, log) }()

	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	case <-skipped:
		skip(ErrSkip)
	}
	for range chances {
		select {
		case err := <-done:
			return withSkip(ctx, err)
		case <-time.After(max(time.Millisecond, min(Engine/chances, r.Budget()-r.elapsed()))):
		}
	}
	return errLeft
}

// chances is how many times, within Engine, a step can still return once its time is over. If there is so little CPU time that
// the whole process stands still for longer than Engine, the step must not lose all its chances at once.
const chances = 5

// withSkip adds to the error of a wait that was skipped that this is why it is not met, whatever the wait could see.
func withSkip(ctx context.Context, err error) error {
	if err == nil || !errors.Is(context.Cause(ctx), ErrSkip) || errors.Is(err, ErrSkip) {
		return err
	}
	return fmt.Errorf("%w; %w", ErrSkip, err)
}

func guarded(ctx context.Context, s Step, log *slog.Logger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return s.Run(ctx, log)
}

// hold waits for d, until ctx ends or until waits are skipped.
func (r *run) hold(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	case <-r.Skip:
		r.log.Warn("waits are skipped", "event.code", "waits-skipped")
	}
}
