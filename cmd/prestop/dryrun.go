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
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/journal"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/prestop"
)

// checkTime is what all looks of a dry run take together at most.
const checkTime = 3 * time.Second

var errCheckTime = errors.New("no answer within 3s")

// dryRun prints the plan with its times, what is wrong with it, and what a look at the places that it would call
// finds. Nothing is changed and nothing is waited for.
func dryRun(i invocation, b *builder, p prestop.Plan) int {
	found := checkAll(i.ctx, p.Entries)
	out := &bytes.Buffer{}
	fmt.Fprintf(out, "grace period %s, reserve %s: done within %s\n", p.Grace, p.Reserve, p.Budget())
	for _, said := range b.asked.said {
		fmt.Fprintln(out, said)
	}
	fmt.Fprintln(out)
	writeTimeline(out, p, found)
	writePlace(out, i, b)
	writeEnd(i.ctx, out, b)
	for _, w := range b.warnings {
		fmt.Fprintf(out, "warning: %s\n", w)
	}
	for _, wrong := range b.problems {
		fmt.Fprintf(out, "error: %s\n", wrong)
	}
	fmt.Fprint(i.stdout, b.hide.hide(out.String()))
	if len(b.problems) > 0 {
		return exitConfiguration
	}
	return exitDone
}

// writeTimeline is a table of the slots, each followed by what was found.
func writeTimeline(w io.Writer, p prestop.Plan, found []string) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "BEGINS\tENDS BY\tSTEP")
	for n, slot := range p.Timeline() {
		if slot.Step == nil && slot.Least == 0 {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", between(slot.Earliest, slot.Latest), seconds1(slot.Ends), slot.Line+lengthOf(slot))
		if n < len(found) && found[n] != "" {
			for text := range strings.Lines(found[n]) {
				fmt.Fprintf(t, "\t\t  %s\n", strings.TrimRight(text, "\n"))
			}
		}
	}
	fmt.Fprintf(t, "%s\t\tdeadline\n", seconds1(p.Budget()))
	t.Flush()
	fmt.Fprintln(w)
}

func lengthOf(s prestop.Slot) string {
	if s.Line == prestop.FloorLine {
		return " of " + s.Least.String() + ", counted from the start"
	}
	return ""
}

func between(a, b time.Duration) string {
	if seconds1(a) == seconds1(b) {
		return seconds1(a)
	}
	return seconds1(a) + " to " + seconds1(b)
}

func seconds1(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

// writePlace says where the log and the record would go.
func writePlace(w io.Writer, i invocation, b *builder) {
	log, notes := logPlace(b.logTo.text, podlog.Place{InPod: i.inPod()})
	fmt.Fprintf(w, "log: %s\n", log)
	for _, note := range notes {
		fmt.Fprintf(w, "warning: %s\n", note)
	}
	dir, err := journal.Dir(b.stateDir.text, b.env["TMPDIR"])
	if err != nil {
		fmt.Fprintf(w, "warning: a second delivery would not be recognised: %v\n", err)
		return
	}
	fmt.Fprintf(w, "state: %s\n", dir)
}

// writeEnd says what would become of the outcome, and whether waits would be skipped.
func writeEnd(ctx context.Context, w io.Writer, b *builder) {
	if path := terminationPath(b.endLog.text); path != "" {
		fmt.Fprintf(w, "termination message: %s\n", path)
		if err := unix.Access(path, unix.W_OK); err != nil {
			fmt.Fprintf(w, "warning: the termination message cannot be written: %v\n", err)
		}
	}
	if len(b.report.list) > 0 {
		fmt.Fprintf(w, "report: %s\n", b.report.String())
		if err := b.reachReport(ctx); err != nil {
			fmt.Fprintf(w, "warning: the outcome could not be reported now: %v\n", err)
		}
	}
	if path := b.skipFile.text; path != "" {
		text, err := readSkip(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(w, "warning: the skip file cannot be read: %v\n", err)
		}
		fmt.Fprintf(w, "skip file: %s, waits would be skipped now: %t\n", path, text == skipNow)
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

// checkAll looks at all entries side by side.
func checkAll(ctx context.Context, entries []prestop.Entry) []string {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTime, errCheckTime)
	defer cancel()
	found := make([]string, len(entries))
	var all sync.WaitGroup
	for n, e := range entries {
		if c, ok := e.Step.(prestop.Checker); ok {
			all.Go(func() { found[n] = check(ctx, c) })
		}
	}
	all.Wait()
	return found
}

func check(ctx context.Context, c prestop.Checker) string {
	out := &bytes.Buffer{}
	err := c.Check(ctx, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: plain})))
	if err != nil {
		fmt.Fprintf(out, "would fail now: %v\n", err)
	}
	return out.String()
}

// plain leaves a log record's time and level out.
func plain(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
		return slog.Attr{}
	}
	return a
}
