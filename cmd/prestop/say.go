package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/kube"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/stall"
	"github.com/prestop/prestop/internal/termination"
	versions "github.com/prestop/prestop/internal/version"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// hookLog is the log of a hook, from its first line to its last.
type hookLog struct {
	*slog.Logger
	*podlog.Output
	notes   []string
	stderr  *podlog.Output
	secrets *secret.Set
	start   time.Time

	place  *stall.Place // of the file that is written to
	missed atomic.Int64 // lines that its file system did not take
	ending sync.Once

	mu       sync.Mutex
	deadline time.Time
	done     prestop.Report // so far
}

func (r *hookRun) openLog(deadline time.Time) *hookLog {
	at := podlog.Place{InPod: r.inPod()}
	l := &hookLog{secrets: r.secrets, start: r.start, deadline: deadline, place: &stall.Place{}}
	l.stderr, _ = podlog.Open(podlog.Stderr, at)
	type opened struct {
		out   *podlog.Output
		notes []string
	}
	o, err := stall.Do(l.place, func() (opened, error) {
		out, notes := podlog.Open(r.config.LogTo.V, at)
		return opened{out, notes}, nil
	})
	if err != nil {
		l.place = &stall.Place{}
		o.out, o.notes = podlog.Open(podlog.Stdout, at)
		o.notes = append(o.notes, fmt.Sprintf("log to %s: %v; it goes to %s", r.config.LogTo.V, err, o.out.Name()))
	}
	l.Output, l.notes = o.out, o.notes
	options := podlog.Options{Hide: r.secrets.Hide, Clock: l.clock}
	if r.config.LogFormat.V == config.Text || r.config.LogFormat.V == config.Auto && l.Terminal() {
		options.Format = podlog.Text
	}
	l.Logger = slog.New(podlog.NewHandler(l, options))
	return l
}

// Write hands a line to its destination, and does without one whose file system does not answer.
func (l *hookLog) Write(line []byte) (int, error) {
	line = bytes.Clone(line)
	n, err := stall.Do(l.place, func() (int, error) { return l.Output.Write(line) })
	if errors.Is(err, stall.ErrStalled) {
		l.missed.Add(1)
	}
	return n, err
}

// Lost is how many lines were not written.
func (l *hookLog) Lost() int {
	if l.place.Stalled() {
		return int(l.missed.Load())
	}
	return l.Output.Lost()
}

// Close closes the destination, unless that would hold us.
func (l *hookLog) Close() {
	_ = l.place.Call(l.Output.Close)
}

// note remembers what became of a step.
func (l *hookLog) note(n int, s prestop.StepReport) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done.Note(n, s)
}

// report is what was done so far, by a hook that ended for this reason.
func (l *hookLog) report(why error) prestop.Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	return prestop.Report{Elapsed: prestop.Seconds(time.Since(l.start)), Ended: why.Error(), Steps: slices.Clone(l.done.Steps)}
}

// until moves the deadline that lines count to.
func (l *hookLog) until(deadline time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = deadline
}

func (l *hookLog) clock() (elapsed, remaining time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.start), max(0, time.Until(l.deadline))
}

// begin writes the first lines: what this is, what it was told, and what is wrong with that.
func (l *hookLog) begin(r *hookRun, p *hook.Plan, said *kube.Answer) {
	var plan []string
	for _, e := range p.Entries {
		plan = append(plan, e.Line)
	}
	attrs := []any{"version", versions.Name(version), "log", l.Name(), "pod", r.config.Pod.Name, "grace", p.Grace, "reserve", p.Reserve,
		"budget", p.Budget(), "wait", p.Floor, "plan", plan, slog.Group("settings", r.settings()...)}
	if said.Why != "" {
		attrs = append(attrs, "stops", said.Why, "api_grace", r.world.Asked.Grace)
	}
	l.Info("prestop begins", attrs...)
	for _, text := range said.Texts {
		l.Info(l.secrets.Hide(text))
	}
	if eck := r.config.ECK; eck.Cluster != "" {
		l.Info("this is an ECK pod, recognised by its mounts", "cluster", eck.Cluster, "elasticsearch", eck.Version)
	}
	for _, problem := range p.Problems {
		l.Error("mistake in the configuration", "name", problem.Name, "error", problem.Text)
	}
	for _, w := range slices.Concat(p.Warnings, apiWarnings(said)) {
		l.Warn(l.secrets.Hide(w.Text), "warning", w.ID)
	}
	for _, note := range l.notes {
		l.Warn(l.secrets.Hide(note))
	}
}

// settings are what each setting is, without secrets. A line of the steps may hold one: the plan shows them.
func (r *hookRun) settings() []any {
	var all []any
	for _, s := range r.config.Settings {
		if text := s.Shown(); text != "" && s.Env != "PRE_STOP_STEPS" && (s.By() != "" || s.Unset == "") {
			all = append(all, strings.ToLower(strings.TrimPrefix(s.Env, config.Prefix)), text)
		}
	}
	return all
}

// end writes the last line, one line to stderr if not all was done, and returns the exit status. Who comes second says nothing.
func (l *hookLog) end(o outcome) int {
	l.ending.Do(func() {
		if o.exit != exitDone {
			l.complain(o.hidden(l.secrets).summary())
		}
		o.hidden(l.secrets).write(l.Logger, l.Lost())
	})
	return o.exit
}

// hidden is the outcome without secrets. What the program itself says of it stays as it is: no variable's value renames an
// outcome.
func (o outcome) hidden(secrets *secret.Set) outcome {
	o.problems = slices.Clone(o.problems)
	for n := range o.problems {
		o.problems[n].Text = secrets.Hide(o.problems[n].Text)
	}
	o.report.Steps = slices.Clone(o.report.Steps)
	for n, s := range o.report.Steps {
		o.report.Steps[n].Line, o.report.Steps[n].Error = secrets.Hide(s.Line), secrets.Hide(s.Error)
	}
	return o
}

// write makes the last line of a log of it. The outcome is hidden.
func (o outcome) write(log *slog.Logger, lost int) {
	level := slog.LevelInfo
	switch unmet := func(s prestop.StepReport) bool { return s.Outcome == prestop.Unmet }; {
	case o.exit != exitDone:
		level = slog.LevelError
	case slices.ContainsFunc(o.report.Steps, unmet):
		level = slog.LevelWarn
	}
	attrs := []any{"exit", o.exit, "report", podlog.Hidden{Value: o.report}}
	if lost > 0 {
		attrs = append(attrs, "lines_lost", lost)
	}
	log.Log(context.Background(), level, "prestop ends", attrs...)
}

// complain says on stderr, in one short line, what failed; unless that is where the log goes. The line is hidden.
func (l *hookLog) complain(line string) {
	if !l.SharesStderr() {
		fmt.Fprintf(l.stderr, "prestop: %s\n", abridged(line))
	}
}

// summary is one line. A kubelet copies it to the node's log.
func (o outcome) summary() string {
	failed := o.report.Failures()
	switch {
	case len(o.problems) > 0:
		return joined(o.problems)
	case o.report.Ended == "" && len(failed) > 0:
		return fmt.Sprintf("%d of %d steps not done: %s: %s", len(failed), len(o.report.Steps), failed[0].Line, failed[0].Error)
	}
	return o.report.Ended
}

// abridged makes one printable line of a text without secrets, and leaves out the middle of a long one: where several places failed the
// last one's error is at the end, and so is what can be done about one.
func abridged(text string) string {
	const head, tail = 320, 200
	text = escape.Printable(strings.Join(strings.Fields(text), " "))
	if len(text) <= head+tail {
		return text
	}
	return strings.ToValidUTF8(text[:head], "") + secret.Cut + strings.ToValidUTF8(text[len(text)-tail:], "")
}

var errReport = errors.New("no more time is kept for it")

// tell gives the outcome to those who asked for it. None of them makes a hook fail.
func (r *hookRun) tell(o outcome, p *hook.Plan, log *hookLog) {
	o = o.hidden(r.secrets)
	if path := r.terminationPath(); path != "" && !r.terminal() {
		if err := new(stall.Place).Call(func() error { return termination.Append(path, o.message()) }); err != nil {
			log.Warn("the termination message is not written", "error", err)
		}
	}
	if r.config.ReportURL.V != nil && r.ctx.Err() == nil {
		if err := r.sendReport(o, p.Deadline(), log); err != nil {
			log.Warn("the outcome is not reported", "error", err)
		}
	}
}

// terminationPath is empty where nothing is to be written.
func (r *hookRun) terminationPath() string {
	switch path := r.config.TerminationLog.V; path {
	case config.Off:
		return ""
	case config.On:
		return termination.Path
	default:
		return path
	}
}

// message is the outcome for whoever describes the pod: a line for the whole, and one for each step. The outcome is hidden.
func (o outcome) message() string {
	brief := func(s prestop.Seconds) time.Duration { return time.Duration(s).Round(100 * time.Millisecond) }
	what := "done"
	if failed := len(o.report.Failures()); failed > 0 {
		what = fmt.Sprintf("%d of %d steps not done", failed, len(o.report.Steps))
	} else if len(o.problems) > 0 {
		what = "a mistake in the configuration"
	}
	if o.report.Ended != "" {
		what = o.report.Ended
	}
	var text strings.Builder
	fmt.Fprintf(&text, "prestop: %s after %s (exit %d)\n", what, brief(o.report.Elapsed), o.exit)
	for _, p := range o.problems {
		fmt.Fprintf(&text, "  %s\n", abridged(p.Error()))
	}
	for _, s := range o.report.Steps {
		fmt.Fprintf(&text, "  %s: %s in %s", abridged(s.Line), s.Outcome, brief(s.Took))
		if s.Error != "" {
			fmt.Fprintf(&text, ": %s", abridged(s.Error))
		}
		fmt.Fprintln(&text)
	}
	return text.String()
}

// sendReport POSTs the object that the log's last line is.
func (r *hookRun) sendReport(o outcome, deadline time.Time, log *hookLog) error {
	var line bytes.Buffer
	o.write(slog.New(podlog.NewHandler(&line, podlog.Options{Hide: r.secrets.Hide, Clock: log.clock})), log.Lost())
	client := web.New(r.world.Dial, web.TLS{}, nil)
	last := min(hook.ReportTime, time.Until(deadline)-prestop.Engine)
	ctx, cancel := context.WithTimeoutCause(r.ctx, last, errReport)
	defer cancel()
	request := web.Request{Method: http.MethodPost, URL: r.config.ReportURL.V.String(), Body: bytes.TrimSpace(line.Bytes()),
		Header: http.Header{"Content-Type": {"application/json"}}}
	answer, err := web.Policy{}.Do(ctx, slog.New(slog.DiscardHandler), func(ctx context.Context) (web.Answer, error) { return client.Send(ctx, request) })
	if err == nil && !answer.OK() {
		err = errors.New(web.Place(answer.URL) + ": " + answer.String())
	}
	return err
}

// reachReport connects, for the dry run.
func (r *hookRun) reachReport(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTime, errCheckTime)
	defer cancel()
	_, err := web.New(r.world.Dial, web.TLS{}, nil).Reach(ctx, r.config.ReportURL.V.String())
	return err
}
