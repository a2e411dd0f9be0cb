// Package dryrun is what a dry run shows: a plan, and what is found at the places that the plan would call.
//
// [Look] looks at these places, and changes nothing. Its caller adds what else there is to say about a hook. The JSON is a contract. The
// package is for cmd/prestop.
package dryrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/timeline"
	"github.com/prestop/prestop/prestop"
)

// CheckTime is the longest that all looks of a dry run take together. ErrCheckTime is the cause of a context that ends by this.
const CheckTime = 3 * time.Second

var ErrCheckTime = errors.New("no answer within 3s")

// A Forecast is what a dry run shows. Its JSON is for tools: times are seconds from the hook's start, and existing fields stay
// the same from version to version.
type Forecast struct {
	Version        string             `json:"version"`
	Grace          prestop.Seconds    `json:"grace_period"`
	Reserve        prestop.Seconds    `json:"reserve"`
	Deadline       prestop.Seconds    `json:"deadline"`
	AdditionalWait prestop.Seconds    `json:"additional_wait"`
	Pod            []string           `json:"pod,omitempty"` // what the API server says
	Steps          []Step             `json:"steps"`
	SIGTERM        [2]prestop.Seconds `json:"sigterm"` // at the earliest and at the latest
	SIGKILL        prestop.Seconds    `json:"sigkill"`
	Places         []Place            `json:"places"`
	Warnings       []string           `json:"warnings"`
	Errors         []string           `json:"errors"`

	drawing timeline.Timeline
	hide    func(string) string
}

// A Step is a step of the plan, and what a look has found.
type Step struct {
	Step     string            `json:"step"`
	Earliest prestop.Seconds   `json:"earliest"`
	Latest   prestop.Seconds   `json:"latest"`
	Ends     prestop.Seconds   `json:"ends"`
	Found    []prestop.Finding `json:"found"`
	Error    string            `json:"would_fail,omitempty"`
}

// A Place is where something would be written.
type Place struct {
	What  string `json:"what"`
	Where string `json:"where"`
}

// Look makes a forecast of a plan. It looks at all steps at the same time. hide takes the secrets out of what is found, and out
// of what is added later. If nothing is recorded, the steps that are to be done once would not be begun.
func Look(ctx context.Context, p *prestop.Plan, version string, recorded bool, hide func(string) string) *Forecast {
	drawing := timeline.New(p)
	earliest, latest := drawing.SIGTERM()
	f := &Forecast{
		Version: version, Grace: prestop.Seconds(p.Grace), Reserve: prestop.Seconds(p.Reserve), Deadline: prestop.Seconds(p.Budget()),
		AdditionalWait: prestop.Seconds(p.Floor), Steps: []Step{}, Places: []Place{}, Warnings: []string{}, Errors: []string{},
		SIGTERM: [2]prestop.Seconds{prestop.Seconds(earliest), prestop.Seconds(latest)}, SIGKILL: prestop.Seconds(p.Grace),
		drawing: drawing, hide: hide,
	}
	slots := p.Timeline()[:len(p.Entries)]
	for _, slot := range slots {
		f.Steps = append(f.Steps, Step{Step: slot.Line, Earliest: prestop.Seconds(slot.Earliest), Latest: prestop.Seconds(slot.Latest), Ends: prestop.Seconds(slot.Ends), Found: []prestop.Finding{}})
	}
	ctx, cancel := context.WithTimeoutCause(ctx, CheckTime, ErrCheckTime)
	defer cancel()
	found, failed := make([][]prestop.Finding, len(f.Steps)), make([]error, len(f.Steps))
	var all sync.WaitGroup
	for n, e := range p.Entries {
		if c, ok := e.Step.(prestop.Checker); ok {
			all.Go(func() {
				if found[n], failed[n] = c.Check(ctx); failed[n] == nil && slots[n].Cut && (len(found[n]) == 0 || !found[n][0].Met) {
					failed[n] = prestop.ErrShare
				}
			})
		}
	}
	all.Wait() // and only then the secrets that the looks have read are known
	for n := range f.Steps {
		s := &f.Steps[n]
		s.add(found[n], failed[n], hide)
		if !recorded && p.Entries[n].Once && p.Entries[n].Step != nil { // a plain wait needs no record
			s.Error = prestop.ErrNotNoted.Error()
		}
		f.drawing.Below(n, s.lines())
	}
	return f
}

// add adds what a look has found.
func (s *Step) add(found []prestop.Finding, err error, hide func(string) string) {
	for _, f := range found {
		f.Text = hide(f.Text)
		for n, about := range f.About {
			f.About[n].Value = slog.StringValue(hide(strings.TrimSpace(about.Value.String())))
		}
		s.Found = append(s.Found, f)
	}
	if err != nil {
		s.Error = hide(err.Error())
	}
}

// lines are what was found, for people.
func (s *Step) lines() []string {
	var all []string
	for _, f := range s.Found {
		all = append(all, f.String())
	}
	if s.Error != "" {
		all = append(all, "would fail now: "+s.Error)
	}
	return all
}

// AddPod adds what the API server says of the pod.
func (f *Forecast) AddPod(texts []string) {
	for _, text := range texts {
		f.Pod = append(f.Pod, f.hide(text))
	}
}

// AddPlace adds where something would be written.
func (f *Forecast) AddPlace(what, where string) { f.Places = append(f.Places, Place{what, where}) }

// AddWarning adds a warning, and its cause if why is not nil.
func (f *Forecast) AddWarning(text string, why error) {
	if why != nil {
		text += ": " + why.Error()
	}
	f.Warnings = append(f.Warnings, f.hide(text))
}

// AddMistake adds a mistake in the configuration.
func (f *Forecast) AddMistake(err error) { f.Errors = append(f.Errors, f.hide(err.Error())) }

// WouldFail tells whether a step would fail now.
func (f *Forecast) WouldFail() bool {
	return slices.ContainsFunc(f.Steps, func(s Step) bool { return s.Error != "" })
}

// Write writes it, for tools as JSON or for people. That a reader is gone is no error.
func (f *Forecast) Write(w io.Writer, asJSON bool, page timeline.Page) (err error) {
	if asJSON {
		err = escape.WriteJSON(w, f)
	} else {
		err = f.text(w, page)
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// text writes it for people. Mistakes come first, since with a mistake the plan is not the plan that somebody wanted.
func (f *Forecast) text(w io.Writer, page timeline.Page) error {
	out := &bytes.Buffer{}
	for _, text := range f.Errors {
		page.Wrap(out, "", "error: "+text)
	}
	fmt.Fprintf(out, "grace period %s, reserve %s: done within %s\n", f.Grace, f.Reserve, f.Deadline)
	for _, said := range f.Pod {
		page.Wrap(out, "", said)
	}
	fmt.Fprintln(out)
	f.drawing.Write(out, page)
	fmt.Fprintln(out)
	for _, p := range f.Places {
		fmt.Fprintf(out, "%s: %s\n", p.What, escape.Printable(p.Where))
	}
	for _, text := range f.Warnings {
		page.Wrap(out, "", "warning: "+text)
	}
	_, err := w.Write(out.Bytes())
	return err
}
