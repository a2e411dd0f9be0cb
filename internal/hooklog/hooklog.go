// Package hooklog is the log of a hook, from its first line to its last.
//
// Each line shows the time that is left until the deadline, and no secrets. A destination does not block the hook, even if its file
// system hangs. internal/podlog has the destinations and the form of the lines. The package is for cmd/prestop.
package hooklog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/outcome"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/stall"
	"github.com/prestop/prestop/prestop"
)

// A Log is where a hook says what it does.
type Log struct {
	*slog.Logger
	*podlog.Output
	Notes []string // about the destination; the first lines of the log should have them

	stderr  *podlog.Output
	options podlog.Options
	secrets *secret.Set
	start   time.Time

	place  *stall.Place // where the file is that is written to
	missed atomic.Int64 // lines that its file system did not take
	ending sync.Once
	ended  atomic.Bool  // the last line is out; what a step says after it is lost
	last   *slog.Logger // for the last line

	mu       sync.Mutex
	deadline time.Time
	done     prestop.Report // so far
	age      time.Duration  // of the hook, when this delivery began
}

// Open opens the destination that the configuration names. If it does not answer, the log goes to stdout. start is when the hook began.
func Open(c *config.Config, secrets *secret.Set, inPod bool, start, deadline time.Time) *Log {
	at := podlog.Place{InPod: inPod}
	l := &Log{secrets: secrets, start: start, deadline: deadline, place: &stall.Place{}}
	l.stderr, _ = podlog.Open(podlog.Stderr, at)
	type opened struct {
		out   *podlog.Output
		notes []string
	}
	if o, err := stall.Do(l.place, func() (*opened, error) {
		out, notes := podlog.Open(c.LogTo.V, at)
		return &opened{out, notes}, nil
	}); err == nil {
		l.Output, l.Notes = o.out, o.notes
	} else {
		l.place = &stall.Place{}
		l.Output, l.Notes = podlog.Open(podlog.Stdout, at)
		l.Notes = append(l.Notes, fmt.Sprintf("log to %s: %v; it goes to %s", c.LogTo.V, err, l.Output.Name()))
	}
	l.options = podlog.Options{Hide: secrets.Hide, Clock: l.clock}
	options := l.options
	options.Text = c.LogFormat.V == config.Text || c.LogFormat.V == config.Auto && l.Terminal()
	l.Logger, l.last = slog.New(podlog.NewHandler(l, options)), slog.New(podlog.NewHandler(toTheEnd{l}, options))
	return l
}

// JSON returns a logger that writes the same lines to another place, always in JSON.
func (l *Log) JSON(w io.Writer) *slog.Logger { return slog.New(podlog.NewHandler(w, l.options)) }

// Write hands a line to the destination. If the file system there does not answer, the line is lost. Nothing is written after the last line.
func (l *Log) Write(line []byte) (int, error) {
	if l.ended.Load() {
		return len(line), nil
	}
	return toTheEnd{l}.Write(line)
}

// toTheEnd takes the last line too.
type toTheEnd struct{ *Log }

func (l toTheEnd) Write(line []byte) (int, error) {
	line = bytes.Clone(line)
	err := l.place.Call(func() error { _, err := l.Output.Write(line); return err })
	if errors.Is(err, stall.ErrStalled) {
		l.missed.Add(1)
	}
	return len(line), err
}

// Lost is how many lines were not written.
func (l *Log) Lost() int {
	if l.place.Stalled() {
		return int(l.missed.Load())
	}
	return l.Output.Lost()
}

// Close closes the destination. It does not wait long for a file system that hangs.
func (l *Log) Close() {
	_ = l.place.Call(l.Output.Close)
}

// Mistakes logs the mistakes in a configuration.
func (l *Log) Mistakes(all []config.Problem) {
	for _, p := range all {
		l.Error("mistake in the configuration", "event.code", "configuration-mistake", "name", p.Name, "error", p.Text)
	}
}

// Note remembers what became of a step.
func (l *Log) Note(n int, s prestop.StepReport) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done.Note(n, s)
}

// Resume remembers what became of the steps of an earlier delivery, which began age before this one.
func (l *Log) Resume(earlier prestop.Report, age time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done.Steps, l.age = slices.Clone(earlier.Steps), age
}

// Report is the report of a hook that ends now for this reason.
func (l *Log) Report(why error) prestop.Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	return prestop.Report{Elapsed: prestop.Seconds(time.Since(l.start) + l.age), Ended: why.Error(), Steps: slices.Clone(l.done.Steps)}
}

// Until moves the deadline that lines count to.
func (l *Log) Until(deadline time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = deadline
}

func (l *Log) clock() (elapsed, remaining time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.start), max(0, time.Until(l.deadline))
}

// End writes the last line, writes one line to stderr if not all was done, and returns the exit status. A second call writes nothing.
func (l *Log) End(o outcome.Outcome) int {
	l.ending.Do(func() {
		o := o.Hidden(l.secrets)
		if o.Exit != 0 {
			l.Complain(o.Summary())
		}
		l.ended.Store(true)
		o.Log(l.last, l.Lost())
	})
	return o.Exit
}

// Complain says on stderr, in one short line, what failed. It says nothing if the log goes there too. The caller has hidden the secrets.
func (l *Log) Complain(text string) {
	if !l.SharesStderr() {
		fmt.Fprintf(l.stderr, "prestop: %s\n", secret.Abridged(text))
	}
}
