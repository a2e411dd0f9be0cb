package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/journal"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/prestop"
)

// checkTime is what all looks of a dry run take together at most.
const checkTime = 3 * time.Second

var errCheckTime = errors.New("no answer within 3s")

// dryRun shows the plan with its times, what is wrong with it, and what a look at the places that it would call
// finds. Nothing is changed and nothing is waited for.
func dryRun(i invocation, b *builder, p prestop.Plan) int {
	f := b.forecast(i, p)
	if b.output.word == outputJSON {
		writeJSON(i.stdout, f)
	} else {
		f.write(i.stdout, i.colours())
	}
	if len(f.Errors) > 0 {
		return exitConfiguration
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

	timeline timeline
}

// A foreseen step is one of the plan, and what a look has found.
type foreseen struct {
	Step     string          `json:"step"`
	Earliest prestop.Seconds `json:"earliest"`
	Latest   prestop.Seconds `json:"latest"`
	Ends     prestop.Seconds `json:"ends"`
	Found    []finding       `json:"found"`
	Error    string          `json:"would_fail,omitempty"`
}

// Written is what would be written, and where.
type written struct {
	What  string `json:"what"`
	Where string `json:"where"`
}

func (b *builder) forecast(i invocation, p prestop.Plan) forecast {
	t := newTimeline(p)
	end := t.end()
	f := forecast{
		Version: version, Grace: prestop.Seconds(p.Grace), Reserve: prestop.Seconds(p.Reserve), Deadline: prestop.Seconds(p.Budget()),
		AdditionalWait: prestop.Seconds(p.Floor), Pod: b.asked.said, Steps: []foreseen{}, Places: []written{},
		SIGTERM: [2]prestop.Seconds{prestop.Seconds(end.earliest), prestop.Seconds(end.latest)}, SIGKILL: prestop.Seconds(p.Grace),
		Warnings: []string{}, Errors: []string{}, timeline: t,
	}
	looks := checkAll(i.ctx, p.Entries)
	for n, slot := range p.Timeline()[:len(p.Entries)] {
		s := foreseen{Step: slot.Line, Earliest: prestop.Seconds(slot.Earliest), Latest: prestop.Seconds(slot.Latest), Ends: prestop.Seconds(slot.Ends)}
		s.look(looks[n], b.hide)
		f.Steps = append(f.Steps, s)
		f.timeline.rows[n].below = s.lines()
	}
	f.addPlaces(i, b)
	f.addEnd(i.ctx, b)
	for _, w := range b.warnings {
		f.warn("%s", w)
	}
	for _, wrong := range b.problems {
		f.Errors = append(f.Errors, wrong.Error())
	}
	hideAll(b.hide, f.Pod, f.Warnings, f.Errors)
	return f
}

func hideAll(hide *redactor, lists ...[]string) {
	for _, list := range lists {
		for n, text := range list {
			list[n] = hide.hide(text)
		}
	}
}

func (f *forecast) warn(format string, args ...any) {
	f.Warnings = append(f.Warnings, fmt.Sprintf(format, args...))
}

func (f *forecast) place(what, where string) { f.Places = append(f.Places, written{what, where}) }

// write is the forecast for people.
func (f forecast) write(w io.Writer, colours bool) {
	out := &bytes.Buffer{}
	fmt.Fprintf(out, "grace period %s, reserve %s: done within %s\n", f.Grace, f.Reserve, f.Deadline)
	for _, said := range f.Pod {
		writeWrapped(out, "", said)
	}
	fmt.Fprintln(out)
	f.timeline.write(out, colours)
	fmt.Fprintln(out)
	for _, p := range f.Places {
		fmt.Fprintf(out, "%s: %s\n", p.What, p.Where)
	}
	for _, text := range f.Warnings {
		writeWrapped(out, "", "warning: "+text)
	}
	for _, text := range f.Errors {
		writeWrapped(out, "", "error: "+text)
	}
	_, _ = w.Write(out.Bytes()) // who is gone needs no answer
}

// addPlaces says where the log and the record would go.
func (f *forecast) addPlaces(i invocation, b *builder) {
	log, notes := logPlace(b.logTo.text, podlog.Place{InPod: i.inPod()})
	f.place("log", log)
	f.Warnings = append(f.Warnings, notes...)
	dir, err := journal.Dir(b.stateDir.text, b.env["TMPDIR"])
	if err != nil {
		f.warn("a second delivery would not be recognised: %v", err)
		return
	}
	f.place("state", dir)
}

// addEnd says what would become of the outcome, and whether waits would be skipped.
func (f *forecast) addEnd(ctx context.Context, b *builder) {
	if path := terminationPath(b.endLog.text); path != "" {
		f.place("termination message", path)
		if err := unix.Access(path, unix.W_OK); err != nil {
			f.warn("the termination message cannot be written: %v", err)
		}
	}
	if len(b.report.list) > 0 {
		f.place("report", b.hide.hide(b.report.String()))
		if err := b.reachReport(ctx); err != nil {
			f.warn("the outcome could not be reported now: %v", err)
		}
	}
	if path := b.skipFile.text; path != "" {
		text, err := readSkip(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.warn("the skip file cannot be read: %v", err)
		}
		f.place("skip file", fmt.Sprintf("%s, waits would be skipped now: %t", path, text == skipNow))
	}
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
	findings
	err error
}

// checkAll looks at all entries side by side.
func checkAll(ctx context.Context, entries []prestop.Entry) []*look {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTime, errCheckTime)
	defer cancel()
	found := make([]*look, len(entries))
	var all sync.WaitGroup
	for n, e := range entries {
		found[n] = &look{}
		if c, ok := e.Step.(prestop.Checker); ok {
			all.Go(func() { found[n].err = c.Check(ctx, slog.New(&found[n].findings)) })
		}
	}
	all.Wait()
	return found
}

// look takes over what was found, without secrets.
func (s *foreseen) look(l *look, hide *redactor) {
	s.Found = l.all()
	for n := range s.Found {
		s.Found[n].hide(hide)
	}
	if l.err != nil {
		s.Error = hide.hide(l.err.Error())
	}
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
