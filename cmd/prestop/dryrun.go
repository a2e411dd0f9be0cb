package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/journal"
	"github.com/prestop/prestop/internal/kube"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/terminal"
	"github.com/prestop/prestop/internal/timeline"
	versions "github.com/prestop/prestop/internal/version"
	"github.com/prestop/prestop/prestop"
)

// checkTime is what all looks of a dry run take together at most.
const checkTime = 3 * time.Second

var errCheckTime = errors.New("no answer within 3s")

// dryRun shows the plan with its times, what is wrong with it, and what a look at the places that it would call
// finds. Nothing is changed and nothing is waited for.
func (r *hookRun) dryRun() int {
	said := r.ask(r.ctx)
	f := r.forecast(r.script.Plan(r.world), said)
	if r.config.Output.V == config.JSON {
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		_ = e.Encode(f)                                 // a buffer takes all
		_, _ = r.stdout.Write(escape.JSON(out.Bytes())) // who is gone needs no answer
	} else {
		f.write(r.stdout, terminal.Page(r.stdout, r.env))
	}
	switch {
	case len(f.Errors) > 0:
		return exitConfiguration
	case slices.ContainsFunc(f.Steps, func(s foreseen) bool { return s.Error != "" }):
		return exitFailed
	}
	return exitDone
}

// A forecast is what a dry run shows. Its JSON is for tools: times are seconds from the hook's start, and what is there stays
// as it is from version to version.
type forecast struct {
	Version        string             `json:"version"`
	Grace          prestop.Seconds    `json:"grace_period"`
	Reserve        prestop.Seconds    `json:"reserve"`
	Deadline       prestop.Seconds    `json:"deadline"`
	AdditionalWait prestop.Seconds    `json:"additional_wait"`
	Pod            []string           `json:"pod,omitempty"` // what the API server says
	Steps          []foreseen         `json:"steps"`
	SIGTERM        [2]prestop.Seconds `json:"sigterm"` // at the earliest and at the latest
	SIGKILL        prestop.Seconds    `json:"sigkill"`
	Places         []written          `json:"places"`
	Warnings       []string           `json:"warnings"`
	Errors         []string           `json:"errors"`

	timeline timeline.Timeline
}

// A foreseen step is one of the plan, and what a look has found.
type foreseen struct {
	Step     string            `json:"step"`
	Earliest prestop.Seconds   `json:"earliest"`
	Latest   prestop.Seconds   `json:"latest"`
	Ends     prestop.Seconds   `json:"ends"`
	Found    []prestop.Finding `json:"found"`
	Error    string            `json:"would_fail,omitempty"`
}

// written is where something would be written.
type written struct {
	What  string `json:"what"`
	Where string `json:"where"`
}

func (r *hookRun) forecast(p *hook.Plan, said *kube.Answer) forecast {
	t := timeline.New(&p.Plan)
	earliest, latest := t.SIGTERM()
	f := forecast{
		Version: versions.Name(version), Grace: prestop.Seconds(p.Grace), Reserve: prestop.Seconds(p.Reserve), Deadline: prestop.Seconds(p.Budget()),
		AdditionalWait: prestop.Seconds(p.Floor), Pod: r.hideAll(said.Texts), Steps: []foreseen{}, Places: []written{},
		SIGTERM: [2]prestop.Seconds{prestop.Seconds(earliest), prestop.Seconds(latest)}, SIGKILL: prestop.Seconds(p.Grace),
		timeline: t,
	}
	looks := r.checkAll(p.Entries)
	for n, slot := range p.Timeline()[:len(p.Entries)] {
		f.Steps = append(f.Steps, foreseen{slot.Line, prestop.Seconds(slot.Earliest), prestop.Seconds(slot.Latest), prestop.Seconds(slot.Ends), looks[n].found, looks[n].wrong})
		f.timeline.Below(n, f.Steps[n].lines())
	}
	var warnings, errs []string
	for _, w := range slices.Concat(p.Warnings, apiWarnings(said)) {
		warnings = append(warnings, w.Text)
	}
	for _, wrong := range p.Problems {
		errs = append(errs, wrong.Error())
	}
	warnings = append(warnings, f.addPlaces(r)...)
	warnings = append(warnings, f.addEnd(r)...)
	f.Warnings, f.Errors = r.hideAll(warnings), r.hideAll(errs)
	return f
}

// hideAll is a list without secrets, never nil.
func (r *hookRun) hideAll(list []string) []string {
	hidden := []string{}
	for _, text := range list {
		hidden = append(hidden, r.secrets.Hide(text))
	}
	return hidden
}

func (f *forecast) place(what, where string) { f.Places = append(f.Places, written{what, where}) }

// write is the forecast for people.
func (f forecast) write(w io.Writer, page timeline.Page) {
	out := &bytes.Buffer{}
	fmt.Fprintf(out, "grace period %s, reserve %s: done within %s\n", f.Grace, f.Reserve, f.Deadline)
	for _, said := range f.Pod {
		page.Wrap(out, "", said)
	}
	fmt.Fprintln(out)
	f.timeline.Write(out, page)
	fmt.Fprintln(out)
	for _, p := range f.Places {
		fmt.Fprintf(out, "%s: %s\n", p.What, escape.Printable(p.Where))
	}
	for _, text := range f.Warnings {
		page.Wrap(out, "", "warning: "+text)
	}
	for _, text := range f.Errors {
		page.Wrap(out, "", "error: "+text)
	}
	_, _ = w.Write(out.Bytes()) // who is gone needs no answer
}

// addPlaces says where the log and the record would go. It returns warnings.
func (f *forecast) addPlaces(r *hookRun) []string {
	log, warnings := logPlace(r.config.LogTo.V, podlog.Place{InPod: r.inPod()})
	f.place("log", log)
	dir, err := journal.Dir(r.config.StateDir.V, r.env["TMPDIR"])
	if err != nil {
		return append(warnings, fmt.Sprintf("a second delivery would not be recognised: %v", err))
	}
	f.place("state", dir)
	return warnings
}

// addEnd says what would become of the outcome, and whether waits would be skipped. It returns warnings.
func (f *forecast) addEnd(r *hookRun) (warnings []string) {
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	if path := r.terminationPath(); path != "" {
		f.place("termination message", path)
		if err := unix.Access(path, unix.W_OK); err != nil {
			warn("the termination message cannot be written: %v", err)
		}
	}
	if u := r.config.ReportURL.V; u != nil {
		f.place("report", config.ShowPlace(u))
		if err := r.reachReport(r.ctx); err != nil {
			warn("the outcome could not be reported now: %v", err)
		}
	}
	if path := r.config.SkipFile.V; path != "" {
		text, err := readSkip(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			warn("the skip file cannot be read: %v", err)
		}
		f.place("skip file", fmt.Sprintf("%s, waits would be skipped now: %t", path, text == skipNow))
	}
	return warnings
}

// logPlace is where the log would go. A file that would be new is not made.
func logPlace(to string, at podlog.Place) (name string, notes []string) {
	if _, err := os.Lstat(to); strings.Contains(to, "/") && errors.Is(err, fs.ErrNotExist) {
		if unix.Access(filepath.Dir(to), unix.W_OK|unix.X_OK) == nil {
			return to, nil
		}
	}
	log, notes := podlog.Open(to, at)
	defer log.Close()
	return log.Name(), notes
}

// A look is what Check of a step has found.
type look struct {
	found []prestop.Finding // never nil
	wrong string            // what would fail now; empty: nothing that is to be seen
}

// checkAll looks at all entries side by side.
func (r *hookRun) checkAll(entries []prestop.Entry) []look {
	ctx, cancel := context.WithTimeoutCause(r.ctx, checkTime, errCheckTime)
	defer cancel()
	looks := make([]look, len(entries))
	var all sync.WaitGroup
	for n, e := range entries {
		looks[n].found = []prestop.Finding{}
		if c, ok := e.Step.(prestop.Checker); ok {
			all.Go(func() { looks[n] = r.check(ctx, c) })
		}
	}
	all.Wait()
	return looks
}

func (r *hookRun) check(ctx context.Context, c prestop.Checker) look {
	found, err := c.Check(ctx)
	l := look{found: []prestop.Finding{}}
	for _, f := range found {
		f.Text = r.secrets.Hide(f.Text)
		for n, about := range f.About {
			f.About[n].Value = r.secrets.Hide(strings.TrimSpace(about.Value))
		}
		l.found = append(l.found, f)
	}
	if err != nil {
		l.wrong = r.secrets.Hide(err.Error())
	}
	return l
}

// lines are what was found, for people.
func (s foreseen) lines() []string {
	var all []string
	for _, f := range s.Found {
		all = append(all, f.String())
	}
	if s.Error != "" {
		all = append(all, "would fail now: "+s.Error)
	}
	return all
}
