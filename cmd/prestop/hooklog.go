package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/prestop"
)

// hookLog is the log of a hook, from its first line to its last.
type hookLog struct {
	*slog.Logger
	*podlog.Output
	notes  []string
	stderr *podlog.Output
	hide   *redactor
}

func openLog(i invocation, s *settings, hide *redactor, deadline time.Time) *hookLog {
	at := podlog.Place{InPod: i.inPod()}
	out, notes := podlog.Open(s.logTo.text, at)
	stderr, _ := podlog.Open(podlog.Stderr, at)
	options := podlog.Options{Hide: hide.hide, Clock: clock(i.start, deadline)}
	if s.format.word == "text" || s.format.word == "auto" && out.Terminal() {
		options.Format = podlog.Text
	}
	return &hookLog{slog.New(podlog.NewHandler(out, options)), out, notes, stderr, hide}
}

func clock(start, deadline time.Time) func() (elapsed, remaining time.Duration) {
	return func() (elapsed, remaining time.Duration) { return time.Since(start), max(0, time.Until(deadline)) }
}

// begin writes the first lines: what this is, what it was told, and what is wrong with that.
func (l *hookLog) begin(b *builder, p prestop.Plan) {
	var plan []string
	for _, e := range p.Entries {
		plan = append(plan, e.Line)
	}
	attrs := []any{"version", version, "log", l.Name(), "pod", b.pod.name, "grace", p.Grace, "reserve", p.Reserve,
		"budget", p.Budget(), "wait", p.Floor, "plan", plan, slog.Group("settings", b.effective()...)}
	l.Info("prestop begins", append(attrs, b.asked.attrs()...)...)
	for _, said := range b.asked.said {
		l.Info(said)
	}
	if b.eck.Cluster != "" {
		l.Info("this is an ECK pod, recognised by its mounts", "cluster", b.eck.Cluster, "elasticsearch", b.eck.Version)
	}
	for _, problem := range b.problems {
		l.Error("mistake in the configuration", "name", problem.name, "error", problem.text)
	}
	for _, warning := range append(b.warnings, l.notes...) {
		l.Warn(warning)
	}
}

// end writes the last line, one line to stderr if not all was done, and returns the exit status.
func (l *hookLog) end(o outcome) int {
	o.write(l.Logger, l.Lost())
	if o.exit != exitDone {
		l.complain(summary(o.report, o.problems, l.hide))
	}
	return o.exit
}

// write makes the last line of a log of it.
func (o outcome) write(log *slog.Logger, lost int) {
	level := slog.LevelInfo
	switch unmet := func(s prestop.StepReport) bool { return s.Outcome == prestop.Unmet }; {
	case o.exit != exitDone:
		level = slog.LevelError
	case slices.ContainsFunc(o.report.Steps, unmet):
		level = slog.LevelWarn
	}
	attrs := []any{"exit", o.exit, "report", o.report}
	if lost > 0 {
		attrs = append(attrs, "lines_lost", lost)
	}
	log.Log(context.Background(), level, "prestop ends", attrs...)
}

// complain says on stderr, in one short line without secrets, what failed; unless that is where the log goes.
func (l *hookLog) complain(line string) {
	if !l.SharesStderr() {
		fmt.Fprintf(l.stderr, "prestop: %s\n", line)
	}
}

// summary is short, since a kubelet copies it to the node's log.
func summary(r prestop.Report, problems []problem, hide *redactor) string {
	text := r.Ended
	if len(problems) > 0 {
		text = joined(problems)
	} else if failed := r.Failures(); text == "" && len(failed) > 0 {
		text = fmt.Sprintf("%d of %d steps not done: %s: %s", len(failed), len(r.Steps), failed[0].Line, failed[0].Error)
	}
	return abridged(hide.hide(text))
}

// abridged makes one line of a text, and leaves out the middle of a long one: where several places failed the last one's error is at the end, and
// so is what can be done about one.
func abridged(text string) string {
	const head, tail = 320, 200
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= head+tail {
		return text
	}
	return strings.ToValidUTF8(text[:head], "") + cut + strings.ToValidUTF8(text[len(text)-tail:], "")
}
