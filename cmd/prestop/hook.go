package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/hooklog"
	"github.com/prestop/prestop/internal/outcome"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/record"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/skipfile"
	"github.com/prestop/prestop/internal/stall"
	"github.com/prestop/prestop/internal/timeline"
	"github.com/prestop/prestop/internal/verbs"
	"github.com/prestop/prestop/internal/watchdog"
	"github.com/prestop/prestop/prestop"
)

// A hookRun is a run with a configuration: the hook, its dry run, or what is done beside it.
type hookRun struct {
	*invocation
	config  *config.Config
	secrets *secret.Set
	script  *hook.Script
	world   hook.World
	late    time.Duration // by which the beginning took longer than the usual 20 ms, the look around left out; the end is about as much work
	// container finds the container that we run in. That may take a look at every process, so it is done once.
	container func() (proc.Container, error)
	log       atomic.Pointer[hooklog.Log] // nil: not opened yet
}

func newRun(i *invocation, read func(args []string, env map[string]string, root string) (*config.Config, error)) (*hookRun, error) {
	c, err := read(i.args, i.env, i.root)
	if err != nil {
		return nil, err
	}
	r := &hookRun{invocation: i, config: c, secrets: &secret.Set{}, container: sync.OnceValues(proc.Self)}
	r.script = hook.Read(c, r.secrets)
	r.world = hook.World{Start: i.start, InPod: i.env["KUBERNETES_SERVICE_HOST"] != "", Dial: dns.System(c.MaxDNSErrors.V).DialContext, ContainerID: r.containerID, Alone: i.alone, Elsewhere: true}
	return r, nil
}

// containerID stands for the pod in records if the pod's UID is not known.
func (r *hookRun) containerID() string {
	c, err := r.container()
	if err != nil {
		return ""
	}
	return "container " + c.ID()
}

// hookOrDryRun does what the configuration says. With --dry-run it only shows what would be done.
func hookOrDryRun(i *invocation) int {
	r, err := newRun(i, config.Read)
	if err != nil {
		return i.usage(err)
	}
	if words := r.config.Arguments; len(words) > 0 && (words[0] == "help" || words[0] == "version") { // after flags
		i.args = words
		return run(i)
	}
	ctx, stopSignals := withSignals(i.ctx)
	defer stopSignals()
	r.ctx = ctx
	if r.config.DryRun.V {
		held := func(why error) (int, func()) { return orSignal(ctx, exitFailed), func() { r.complain("%v", why) } }
		return watchdog.New(ctx, time.Now().Add(dryRunTime), held).Watch(r.dryRun)
	}
	p := r.plan()
	if len(p.Problems) > 0 && !r.inPod() {
		return r.complain("%s (see prestop --help)", r.secrets.Hide(outcome.Joined(p.Problems)))
	}
	if len(i.args) == 0 && r.terminal() {
		fmt.Fprintf(r.stderr, "prestop: this is the hook itself, and takes %s; prestop --dry-run shows instead what it does\n", timeline.New(&p.Plan).Lasts())
	}
	r.late = time.Since(r.start) - 20*time.Millisecond
	w := watchdog.New(ctx, r.start.Add(r.script.SettledBudget()), func(why error) (int, func()) { return r.held(why, p.Problems) })
	return w.Watch(func() int { return r.hook(w) })
}

// plan is the script's plan. If the first argument is no step, the mistake says which subcommand is perhaps meant.
func (r *hookRun) plan() *hook.Plan {
	p := r.script.Plan(r.world)
	if first := len(r.config.Problems); first < len(p.Problems) {
		p.Problems[first].Text += r.subcommandMeant()
	}
	return p
}

// subcommandMeant ends the message about words that cannot be read. The first may be a subcommand, or a command of the plugin.
func (r *hookRun) subcommandMeant() string {
	switch words := r.config.Arguments; {
	case len(words) == 0 || words[0] == "" || phrase.Nearest(words[0], parse.FirstWords(verbs.All())) != "":
		return ""
	case words[0] == "inject" || words[0] == "completion":
		return "; " + words[0] + " is a command of the kubectl plugin: kubectl prestop " + words[0]
	case subcommands()[words[0]] != nil:
		return "; " + words[0] + " stands before all flags"
	default:
		return phrase.DidYouMean(words[0], subcommandNames())
	}
}

// hook carries out the plan. It makes the plan again, with the API server's answer. Only now is anything looked at: the log is open.
func (r *hookRun) hook(w *watchdog.Dog) int {
	log := hooklog.Open(r.config, r.secrets, r.inPod(), r.start, r.start.Add(r.script.SettledBudget()))
	defer log.Close()
	r.log.Store(log)
	r.ask(r.ctx)
	r.world.Elsewhere = false
	asked := time.Now()
	p := r.plan()
	p.Late = max(0, min(r.late+time.Since(asked), p.Budget()/4))
	log.Until(p.Deadline())
	w.Until(p.Deadline())
	_ = new(stall.Place).Call(r.secrets.ReadFiles) // a program may print what only a later step reads
	r.begin(log, p)
	skip, stop := skipfile.Watch(r.ctx, r.config.SkipFile.V, log.Logger)
	defer stop()
	p.Skip = skip
	if r.world.Asked.Skip {
		p.Skip = skipfile.On()
	}
	return log.End(r.perform(p, log))
}

// held returns the exit status of a hook that something blocks, and a function that reports it.
func (r *hookRun) held(why error, problems []config.Problem) (status int, say func()) {
	status = exitStatus(r.ctx, prestop.Report{Ended: why.Error()}, problems)
	return status, func() {
		if log := r.log.Load(); log != nil {
			log.End(outcome.Outcome{Report: log.Report(why), Problems: problems, Exit: status})
			return
		}
		fmt.Fprintf(r.stderr, "prestop: %v\n", why)
	}
}

// perform carries out the plan, or what an earlier delivery left to do, and tells what came of it. An earlier delivery that has done
// all of it has told that too.
func (r *hookRun) perform(p *hook.Plan, log *hooklog.Log) outcome.Outcome {
	own, done := r.record(p, log.Logger)
	if done != nil {
		return r.outcome(*done, p)
	}
	if earlier, since, ok := own.Resumed(); ok {
		p.GoOn(earlier, since-time.Since(p.Start))
		log.Resume(p.Earlier, p.Age)
		log.Warn("the hook is delivered again: going on from the delivery that was cut", "event.code", "delivery-resumed", "first_began", since.Round(time.Millisecond))
	}
	p.Record = func(n int, s prestop.StepReport) error {
		log.Note(n, s)
		return own.Note(n, s, log.Logger)
	}
	end := r.outcome(p.Run(r.ctx, log.Logger), p)
	r.tell(end, p, log)
	if err := own.End(end.Report); err != nil { // only now: a delivery that is cut while it tells has done its steps
		log.Warn("the record of this delivery is not removed", "event.code", "record-not-removed", "error", err)
	}
	return end
}

func (r *hookRun) outcome(report prestop.Report, p *hook.Plan) outcome.Outcome {
	return outcome.Outcome{Report: report, Problems: p.Problems, Exit: exitStatus(r.ctx, report, p.Problems)}
}

// record is nil for somebody at a terminal. A later hook must not take such a run for an earlier delivery.
func (r *hookRun) record(p *hook.Plan, log *slog.Logger) (*record.Record, *prestop.Report) {
	if r.terminal() {
		return nil, nil
	}
	return record.Open(r.ctx, record.Hook{ID: p.ID(), Entries: p.Entries, Start: p.Start, Deadline: p.Deadline(), Grace: p.Grace, Container: r.container,
		StateDir: r.config.StateDir.V, TempDir: r.env["TMPDIR"], Secrets: r.secrets}, log)
}

func exitStatus(ctx context.Context, report prestop.Report, problems []config.Problem) int {
	status := exitDone
	switch {
	case len(problems) > 0:
		status = exitConfiguration
	case !report.OK():
		status = exitFailed
	}
	return orSignal(ctx, status)
}

// orSignal is the status of a run that a signal ended, or else the given one.
func orSignal(ctx context.Context, status int) int {
	if by, ok := errors.AsType[ended](context.Cause(ctx)); ok {
		return exitSignal + int(by.signal)
	}
	return status
}
