package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/hooklog"
	"github.com/prestop/prestop/internal/outcome"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/stall"
	"github.com/prestop/prestop/internal/termination"
	versions "github.com/prestop/prestop/internal/version"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// begin writes the first lines of the log: what this program is, what it was told, and what is wrong with the configuration.
func (r *hookRun) begin(l *hooklog.Log, p *hook.Plan) {
	var plan []string
	for _, e := range p.Entries {
		plan = append(plan, e.Line)
	}
	attrs := []any{"version", versions.Name(version), "log", l.Name(), "pod", r.config.Pod.Name, "grace", p.Grace, "reserve", p.Reserve,
		"budget", p.Budget(), "wait", p.Floor, "plan", plan, slog.Group("settings", r.settings()...)}
	if asked := r.world.Asked; asked.Why != "" {
		attrs = append(attrs, "stops", asked.Why, "api_grace", asked.Grace)
	}
	l.Info("prestop begins", attrs...)
	for _, text := range r.world.Asked.Texts {
		l.Info(r.secrets.Hide(text))
	}
	if eck := r.config.ECK; eck.Cluster != "" {
		l.Info("this is an ECK pod, recognised by its mounts", "cluster", eck.Cluster, "elasticsearch", eck.Version)
	}
	l.Mistakes(p.Problems)
	for _, w := range p.Warnings {
		l.Warn(r.secrets.Hide(w.Text), "event.code", w.ID)
	}
	for _, note := range l.Notes {
		l.Warn(r.secrets.Hide(note), "event.code", "log-elsewhere")
	}
}

// settings are the settings and their values, without secrets. The steps are left out, since a line may hold a secret: the plan shows them.
func (r *hookRun) settings() []any {
	var all []any
	for _, s := range r.config.Settings {
		if text := s.Shown(); text != "" && s.Env != "PRE_STOP_STEPS" && (s.By() != "" || s.Unset == "") {
			all = append(all, strings.ToLower(strings.TrimPrefix(s.Env, setting.Prefix)), text)
		}
	}
	return all
}

var errReport = errors.New("no more time is kept for it")

// tell writes the termination message and sends the report, if they are set. An error there does not make the hook fail.
func (r *hookRun) tell(o outcome.Outcome, p *hook.Plan, log *hooklog.Log) {
	o = o.Hidden(r.secrets)
	if path := r.terminationPath(); path != "" && !r.terminal() {
		if err := new(stall.Place).Call(func() error { return termination.Append(path, o.Message()) }); err != nil {
			log.Warn("the termination message is not written", "event.code", "termination-message-not-written", "error", err)
		}
	}
	if to := r.config.ReportURL.V; to != nil && r.ctx.Err() == nil {
		last := min(hook.ReportTime, time.Until(p.Deadline())-3*prestop.Engine) // a delivery that waits for this one sees its end in time
		ctx, cancel := context.WithTimeoutCause(r.ctx, last, errReport)
		defer cancel()
		if err := o.Send(ctx, web.New(r.world.Dial, web.TLS{}, nil), to, log.JSON, log.Lost()); err != nil {
			log.Warn("the outcome is not reported", "event.code", "outcome-not-reported", "error", r.secrets.InsidePath(to).Error(err))
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
