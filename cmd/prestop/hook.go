package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/journal"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/prestop"
)

// hook does, or with --dry-run shows, what the settings say.
func hook(i invocation) int {
	s, err := load(i.args, i.env)
	if err != nil {
		return i.usage(err)
	}
	ctx, stopSignals := withSignals(i.ctx)
	defer stopSignals()
	i.ctx = ctx
	b := newBuilder(i, s)
	b.ask(i.ctx, i.root)
	p := b.plan(i.start)
	if s.dryRun {
		return dryRun(i, b, p)
	}
	if len(s.problems) > 0 && !i.inPod() {
		return i.complain("%s (see prestop --help)", b.hide.hide(joined(s.problems)))
	}
	log := openLog(i, b.settings, b.hide, p.Deadline())
	defer log.Close()
	log.begin(b, p)
	skip, stop := watchSkip(i.ctx, s.skipFile.text, log.Logger)
	defer stop()
	p.Skip = skip
	if b.asked.skip {
		p.Skip = closed()
	}
	report, joined := perform(i, b, p, log)
	end := outcome{report, s.problems, exitStatus(i.ctx, report, s.problems)}
	if !joined {
		b.tell(i, end, p.Deadline(), log)
	}
	return log.end(end)
}

// An outcome is what a hook has come to.
type outcome struct {
	report   prestop.Report
	problems []problem
	exit     int
}

func newBuilder(i invocation, s *settings) *builder {
	b := &builder{settings: s, env: i.env, pod: podOf(i.env), hide: &redactor{}, resolver: dns.System(int(s.maxDNSErrors)), container: sync.OnceValues(proc.Self)}
	b.eck, _ = s.findECK(i.root, b.pod)
	b.start = i.start
	return b
}

func joined(problems []problem) string {
	text := problems[0].Error()
	if more := len(problems) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// perform carries out the plan, or what an earlier delivery left of it. joined: that delivery has done it all.
func perform(i invocation, b *builder, p prestop.Plan, log *hookLog) (report prestop.Report, joined bool) {
	j, done := openJournal(i, b, p, log)
	if done != nil {
		return *done, true
	}
	if j.Resumed() {
		p.Age = j.Since() - time.Since(p.Start)
		begunBefore(p)
		if err := json.Unmarshal(j.Earlier(), &p.Earlier); err != nil {
			p.Earlier = prestop.Report{}
		}
		log.Warn("the hook is delivered again: going on from the delivery that was cut", "first_began", j.Since().Round(time.Millisecond))
	}
	p.Record = recorder(j, b.hide, log.Logger)
	report = p.Run(i.ctx, log.Logger)
	if err := j.End(b.hide.report(report)); err != nil {
		log.Warn("the record of this delivery is not removed", "error", err)
	}
	return report, false
}

// begunBefore tells the steps that the hook began with its first delivery.
func begunBefore(p prestop.Plan) {
	for n, e := range p.Entries {
		if f, ok := e.Step.(drain.File); ok {
			f.Since = f.Since.Add(-p.Age)
			p.Entries[n].Step = f
		}
	}
}

// recorder records each report; the first failure is logged, the hook goes on without.
func recorder(j *journal.Journal, hide *redactor, log *slog.Logger) func(prestop.Report) {
	failed := false
	return func(r prestop.Report) {
		if err := j.Record(hide.report(r)); err != nil && !failed {
			failed = true
			log.Warn("a second delivery of this hook would not see how far it came", "error", err)
		}
	}
}

// openJournal finds an earlier delivery of this hook. A nil journal records nothing: somebody at a terminal tries
// something, which no later hook must take for its own, or there is nowhere to write. If an earlier delivery that
// still ran has ended meanwhile, its report is ours; unless it was ended by hand, for then it is for us, or for another
// that waited as we did, to begin anew.
func openJournal(i invocation, b *builder, p prestop.Plan, log *hookLog) (*journal.Journal, *prestop.Report) {
	if i.terminal() {
		return nil, nil
	}
	for {
		j, err := b.openJournal(i.ctx, p, log)
		if err != nil {
			log.Warn("a second delivery of this hook would not be recognised", "error", err)
			return nil, nil
		}
		doc, ok := j.Ended()
		if !ok {
			return j, nil
		}
		var report prestop.Report
		if err := json.Unmarshal(doc, &report); err == nil && report.Ended == "" {
			log.Info("the earlier delivery has ended, and this one with it")
			return nil, &report
		}
	}
}

func (b *builder) openJournal(ctx context.Context, p prestop.Plan, log *hookLog) (*journal.Journal, error) {
	self, err := b.container()
	if err != nil {
		return nil, err
	}
	dir, err := journal.Dir(b.stateDir.text, b.env["TMPDIR"])
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithDeadlineCause(ctx, p.Deadline().Add(-prestop.Engine), errJoined)
	defer cancel()
	key := journal.Key{Container: self, Plan: b.planID(p)}
	return journal.Open(ctx, dir, key, p.Grace+2*time.Second, func(_ json.RawMessage, since time.Duration) {
		log.Warn("an earlier delivery of this hook still runs: waiting for it", "first_began", since.Round(time.Millisecond))
	})
}

var errJoined = errors.New("the deadline came before the earlier delivery had ended")

func exitStatus(ctx context.Context, r prestop.Report, problems []problem) int {
	by, signalled := errors.AsType[ended](context.Cause(ctx))
	switch {
	case signalled:
		return exitSignal + int(by.signal)
	case len(problems) > 0:
		return exitConfiguration
	case !r.OK():
		return exitFailed
	}
	return exitDone
}
