// Package record keeps how far a delivery of the hook has come, for a later one.
//
// A kubelet delivers a hook at least once, and may cut it. [Open] finds what an earlier delivery of the same hook in the same container left,
// waits for a delivery that still runs, or begins anew. internal/journal has the files. What is secret is hidden before it is written. The
// package is for cmd/prestop.
package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/journal"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/stall"
	"github.com/prestop/prestop/prestop"
)

// A Record is what this delivery leaves for a later one. Nil records nothing.
type Record struct {
	journal *journal.Journal
	place   *stall.Place
	entries []prestop.Entry
	secrets *secret.Set
	broken  error // why there is no record, although there should be one
	failed  bool  // a write has failed, and that was logged
}

// noted is one document of a record. Steps are known by their numbers: the record's key ensures that they are the same steps.
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

// A Hook is what a record needs to know about a hook, and about this delivery of it.
type Hook struct {
	ID       string // of the plan
	Entries  []prestop.Entry
	Start    time.Time // of this delivery
	Deadline time.Time
	Grace    time.Duration

	Container         func() (proc.Container, error) // that we run in
	StateDir, TempDir string                         // as set; may be empty
	Secrets           *secret.Set
}

// Open finds an earlier delivery of this hook, or begins a record. If nothing can be written, no step that is to be done once is begun.
// If an earlier delivery still ran and has now ended, its report is ours. But if that delivery was ended by hand, somebody begins anew:
// this delivery, or another one that waited too.
func Open(ctx context.Context, h Hook, log *slog.Logger) (*Record, *prestop.Report) {
	for {
		own, err := h.openAnywhere(ctx, log)
		if err != nil {
			if ctx.Err() == nil { // or else it waited, and a signal ended it
				log.Warn("a second delivery of this hook would not be recognised", "event.code", "delivery-not-recorded", "error", err)
			}
			return &Record{broken: err}, nil
		}
		doc := own.journal.Ended()
		if doc == nil {
			return own, nil
		}
		var report prestop.Report
		if err := json.Unmarshal(doc, &report); err == nil && report.Ended == "" {
			log.Info("the earlier delivery has ended, and this one with it")
			return nil, &report
		}
	}
}

// Where says for a dry run where [Open] would keep a record. none is why it would keep none, and refused why it would keep it elsewhere than
// in the directory that was set. Nothing is made.
func Where(container func() (proc.Container, error), stateDir, tempDir string) (dir string, refused, none error) {
	dirs, refused := journal.Dirs(stateDir, tempDir)
	if _, none = container(); none == nil {
		dir, none = journal.Dir(dirs)
	}
	return dir, refused, none
}

// openAnywhere tries one directory after the other: one may be full, or on a file system that does not answer. It begins with the
// directories that have a record. An earlier delivery may have found a directory full that has room now.
func (h *Hook) openAnywhere(ctx context.Context, log *slog.Logger) (*Record, error) {
	self, err := h.Container()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithDeadlineCause(ctx, h.Deadline.Add(-prestop.Engine), errJoined)
	defer cancel()
	key := journal.Key{Container: self, Plan: h.ID}
	var dirs []string
	var refused error
	if err := new(stall.Place).Call(func() error { dirs, refused = journal.Dirs(h.StateDir, h.TempDir); return nil }); err != nil {
		return nil, fmt.Errorf("%s: %w", h.StateDir, err)
	}
	if refused != nil {
		log.Warn("the record is not kept where it was to be, but in a usual place", "event.code", "state-dir-not-local", "error", refused)
	}
	places, errs := make([]stall.Place, len(dirs)), make([]error, len(dirs))
	for _, begin := range []bool{false, true} {
		for n, dir := range dirs {
			own := &Record{place: &places[n], entries: h.Entries, secrets: h.Secrets}
			own.journal, errs[n] = h.openIn(ctx, dir, own.place, key, begin, log)
			if own.journal != nil || errs[n] != nil && ctx.Err() != nil {
				return own, errs[n]
			}
		}
	}
	return nil, errors.Join(errs...)
}

// openIn opens the record in a directory. If there is none, begin tells whether to begin one. Otherwise the journal is nil, without an error.
func (h *Hook) openIn(ctx context.Context, dir string, place *stall.Place, key journal.Key, begin bool, log *slog.Logger) (*journal.Journal, error) {
	return stall.DoOrWait(place, func(waits func()) (*journal.Journal, error) {
		if !begin && !journal.Has(dir, key) {
			return nil, nil
		}
		if err := journal.Local(dir); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		j, err := journal.Open(ctx, dir, key, time.Since(h.Start), h.Grace+2*time.Second, func(_ json.RawMessage, since time.Duration) {
			waits()
			log.Warn("an earlier delivery of this hook still runs: waiting for it", "event.code", "delivery-joined", "first_began", since.Round(time.Millisecond))
		})
		if j != nil && place.Stalled() { // the record is kept elsewhere by now, and nobody must believe this one
			_ = j.End(nil)
		}
		return j, err
	})
}

// Resumed tells whether there was an earlier delivery that was cut, gives its report, and says how long ago the first delivery began.
func (o *Record) Resumed() (report prestop.Report, since time.Duration, ok bool) {
	if o == nil || o.broken != nil {
		return report, 0, false
	}
	documents, since, ok := o.journal.Resumed()
	for _, doc := range documents {
		var n noted
		if err := json.Unmarshal(doc, &n); err == nil && n.Step >= 0 && n.Step < len(o.entries) {
			report.Note(n.Step, prestop.StepReport{Outcome: n.Outcome, Began: n.Began, Took: n.Took, Error: n.Error})
		}
	}
	for n := range report.Steps {
		report.Steps[n].Line = o.entries[n].Line
	}
	return report, since, ok
}

// Note records what became of a step. The first failure is logged.
func (o *Record) Note(n int, s prestop.StepReport, log *slog.Logger) error {
	if o == nil {
		return nil
	}
	if o.broken != nil {
		return o.broken
	}
	err := o.place.Call(func() error { return o.journal.Record(noted{n, s.Outcome, s.Began, s.Took, o.short(s.Error)}) })
	if err != nil && !o.failed {
		o.failed = true
		log.Warn("a second delivery of this hook would not see how far it came", "event.code", "delivery-not-noted", "error", err)
	}
	return err
}

// short is the beginning of an error, without secrets.
func (o *Record) short(text string) string {
	return escape.Begun(o.secrets.Hide(text), mostError)
}

// End tells a delivery that waits for this one what it came to, and removes the record.
func (o *Record) End(report prestop.Report) error {
	if o == nil || o.broken != nil {
		return nil
	}
	report.Steps = slices.Clone(report.Steps)
	for n, s := range report.Steps {
		report.Steps[n].Error = o.short(s.Error)
	}
	return o.place.Call(func() error { return o.journal.End(report) })
}
