package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/journal"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/prestop"
)

// A hookRun is a run with a configuration: the hook, its dry run, or what is done beside it.
type hookRun struct {
	invocation
	config  *config.Config
	secrets *secret.Set
	script  *hook.Script
	world   hook.World
	// container is the one that we run in. It may take a look at every process, so it is found once.
	container func() (proc.Container, error)
}

func newRun(i invocation) (*hookRun, error) {
	c, err := config.Read(i.args, i.env, i.root)
	if err != nil {
		return nil, err
	}
	r := &hookRun{invocation: i, config: c, secrets: &secret.Set{}, container: sync.OnceValues(proc.Self)}
	r.script = hook.Read(c, r.secrets)
	r.world = hook.World{Start: i.start, InPod: i.env["KUBERNETES_SERVICE_HOST"] != "", Dial: dns.System(c.MaxDNSErrors.V).DialContext, ContainerID: r.containerID}
	return r, nil
}

// containerID stands for the pod in records where its UID is not known.
func (r *hookRun) containerID() string {
	c, err := r.container()
	if err != nil {
		return ""
	}
	return "container " + c.ID()
}

// hookOrDryRun does, or with --dry-run shows, what the configuration says.
func hookOrDryRun(i invocation) int {
	r, err := newRun(i)
	if err != nil {
		return i.usage(err)
	}
	ctx, stopSignals := withSignals(i.ctx)
	defer stopSignals()
	r.ctx = ctx
	if r.config.DryRun.V {
		return r.dryRun()
	}
	return r.hook()
}

func (r *hookRun) hook() int {
	if !r.inPod() {
		if problems := r.script.Plan(r.world).Problems; len(problems) > 0 {
			return r.complain("%s (see prestop --help)", r.secrets.Hide(joined(problems)))
		}
	}
	log := r.openLog(r.start.Add(r.script.SettledBudget()))
	defer log.Close()
	said := r.ask(r.ctx)
	p := r.script.Plan(r.world)
	log.deadline = p.Deadline()
	log.begin(r, p, said)
	skip, stop := watchSkip(r.ctx, r.config.SkipFile.V, log.Logger)
	defer stop()
	p.Skip = skip
	if r.world.Asked.Skip {
		p.Skip = closed()
	}
	report, joined := r.perform(p, log)
	end := outcome{report, p.Problems, exitStatus(r.ctx, report, p.Problems)}
	if !joined {
		r.tell(end, p, log)
	}
	return log.end(end)
}

// An outcome is what a hook has come to.
type outcome struct {
	report   prestop.Report
	problems []config.Problem
	exit     int
}

func joined(problems []config.Problem) string {
	text := problems[0].Error()
	if more := len(problems) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// perform carries out the plan, or what an earlier delivery left of it. joined: that delivery has done it all.
func (r *hookRun) perform(p *hook.Plan, log *hookLog) (report prestop.Report, joined bool) {
	j, done := r.openJournal(p, log)
	if done != nil {
		return *done, true
	}
	if j.Resumed() {
		p.GoOn(j.Since() - time.Since(p.Start))
		if err := json.Unmarshal(j.Earlier(), &p.Earlier); err != nil {
			p.Earlier = prestop.Report{}
		}
		log.Warn("the hook is delivered again: going on from the delivery that was cut", "first_began", j.Since().Round(time.Millisecond))
	}
	p.Record = r.recorder(j, log.Logger)
	report = p.Run(r.ctx, log.Logger)
	if err := j.End(r.shown(report)); err != nil {
		log.Warn("the record of this delivery is not removed", "error", err)
	}
	return report, false
}

// shown is a report that others may read.
func (r *hookRun) shown(from prestop.Report) prestop.Report {
	steps := make([]prestop.StepReport, len(from.Steps))
	for n, s := range from.Steps {
		s.Error = r.secrets.Hide(s.Error)
		steps[n] = s
	}
	from.Steps = steps
	return from
}

// recorder records each report; the first failure is logged, the hook goes on without.
func (r *hookRun) recorder(j *journal.Journal, log *slog.Logger) func(prestop.Report) {
	failed := false
	return func(report prestop.Report) {
		if err := j.Record(r.shown(report)); err != nil && !failed {
			failed = true
			log.Warn("a second delivery of this hook would not see how far it came", "error", err)
		}
	}
}

// openJournal finds an earlier delivery of this hook. A nil journal records nothing: somebody at a terminal tries
// something, which no later hook must take for its own, or there is nowhere to write. If an earlier delivery that
// still ran has ended meanwhile, its report is ours; unless it was ended by hand, for then it is for us, or for another
// that waited as we did, to begin anew.
func (r *hookRun) openJournal(p *hook.Plan, log *hookLog) (*journal.Journal, *prestop.Report) {
	if r.terminal() {
		return nil, nil
	}
	for {
		j, err := r.openRecord(p, log)
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

func (r *hookRun) openRecord(p *hook.Plan, log *hookLog) (*journal.Journal, error) {
	self, err := r.container()
	if err != nil {
		return nil, err
	}
	dir, err := journal.Dir(r.config.StateDir.V, r.env["TMPDIR"])
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithDeadlineCause(r.ctx, p.Deadline().Add(-prestop.Engine), errJoined)
	defer cancel()
	key := journal.Key{Container: self, Plan: p.ID()}
	return journal.Open(ctx, dir, key, p.Grace+2*time.Second, func(_ json.RawMessage, since time.Duration) {
		log.Warn("an earlier delivery of this hook still runs: waiting for it", "first_began", since.Round(time.Millisecond))
	})
}

var errJoined = errors.New("the deadline came before the earlier delivery had ended")

func exitStatus(ctx context.Context, report prestop.Report, problems []config.Problem) int {
	by, signalled := errors.AsType[ended](context.Cause(ctx))
	switch {
	case signalled:
		return exitSignal + int(by.signal)
	case len(problems) > 0:
		return exitConfiguration
	case !report.OK():
		return exitFailed
	}
	return exitDone
}
