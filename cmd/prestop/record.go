package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/journal"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/stall"
	"github.com/prestop/prestop/prestop"
)

// A record is what this delivery leaves for a later one. Nil records nothing.
type record struct {
	*journal.Journal
	place   *stall.Place
	secrets *secret.Set
	broken  error // there is none, although there should be
	failed  bool  // which was said
}

// noted is one document of a record. Steps are known by their number: that they are the same says the record's key.
type noted struct {
	Step    int             `json:"n"`
	Outcome prestop.Outcome `json:"o"`
	Began   prestop.Seconds `json:"b"`
	Took    prestop.Seconds `json:"t,omitempty"`
	Error   string          `json:"e,omitempty"`
}

// mostError is how much of an error a record holds: 1,000 steps that failed must fit.
const mostError = 200

var errJoined = errors.New("the deadline came before the earlier delivery had ended")

// openRecord finds an earlier delivery of this hook, or begins a record. A nil record is that of somebody at a terminal, which no
// later hook must take for its own, or there is nowhere to write. If an earlier delivery that still ran has ended meanwhile, its
// report is ours; unless it was ended by hand, for then it is for us, or for another that waited as we did, to begin anew.
func (r *hookRun) openRecord(p *hook.Plan, log *hookLog) (*record, *prestop.Report) {
	if r.terminal() {
		return nil, nil
	}
	for {
		own, err := r.openAnywhere(p, log)
		if err != nil {
			log.Warn("a second delivery of this hook would not be recognised", "error", err)
			return &record{broken: err}, nil
		}
		doc, ok := own.Ended()
		if !ok {
			return own, nil
		}
		var report prestop.Report
		if err := json.Unmarshal(doc, &report); err == nil && report.Ended == "" {
			log.Info("the earlier delivery has ended, and this one with it")
			return nil, &report
		}
	}
}

// openAnywhere tries one directory after the other: one may be full, or on a file system that does not answer.
func (r *hookRun) openAnywhere(p *hook.Plan, log *hookLog) (*record, error) {
	self, err := r.container()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithDeadlineCause(r.ctx, p.Deadline().Add(-prestop.Engine), errJoined)
	defer cancel()
	key := journal.Key{Container: self, Plan: p.ID()}
	var errs []error
	dirs := journal.Dirs(r.config.StateDir.V, r.env["TMPDIR"])
	for _, dir := range dirs {
		own := &record{place: &stall.Place{}, secrets: r.secrets}
		own.Journal, err = stall.DoOrWait(own.place, func(waits func()) (*journal.Journal, error) {
			if len(dirs) > 1 {
				if err := journal.Local(dir); err != nil {
					return nil, fmt.Errorf("%s: %w", dir, err)
				}
			}
			return journal.Open(ctx, dir, key, p.Grace+2*time.Second, func(_ json.RawMessage, since time.Duration) {
				waits()
				log.Warn("an earlier delivery of this hook still runs: waiting for it", "first_began", since.Round(time.Millisecond))
			})
		})
		if err == nil || ctx.Err() != nil {
			return own, err
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (o *record) resumed() bool { return o != nil && o.Resumed() }

// since is how long ago the first delivery began.
func (o *record) since() time.Duration { return o.Since() }

// earlier is the report of the delivery that was cut.
func (o *record) earlier(p *hook.Plan) (report prestop.Report) {
	for _, doc := range o.Documents() {
		var n noted
		if err := json.Unmarshal(doc, &n); err == nil && n.Step >= 0 && n.Step < len(p.Entries) {
			report.Note(n.Step, prestop.StepReport{Line: p.Entries[n.Step].Line, Outcome: n.Outcome, Began: n.Began, Took: n.Took, Error: n.Error})
		}
	}
	return report
}

// note records what became of a step. The first failure is logged.
func (o *record) note(n int, s prestop.StepReport, log *slog.Logger) error {
	if o == nil || o.broken != nil {
		return o.error()
	}
	text := o.secrets.Hide(s.Error)
	if len(text) > mostError {
		text = strings.ToValidUTF8(text[:mostError], "") + secret.Cut
	}
	err := o.place.Call(func() error { return o.Record(noted{n, s.Outcome, s.Began, s.Took, text}) })
	if err != nil && !o.failed {
		o.failed = true
		log.Warn("a second delivery of this hook would not see how far it came", "error", err)
	}
	return err
}

func (o *record) error() error {
	if o == nil {
		return nil
	}
	return o.broken
}

// end tells a delivery that waits for this one what it came to, and removes the record.
func (o *record) end(report prestop.Report) error {
	if o == nil || o.broken != nil {
		return nil
	}
	steps := make([]prestop.StepReport, len(report.Steps))
	for n, s := range report.Steps {
		s.Error = o.secrets.Hide(s.Error)
		steps[n] = s
	}
	report.Steps = steps
	return o.place.Call(func() error { return o.End(report) })
}
