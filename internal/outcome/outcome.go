// Package outcome tells what a hook has come to: to its log, to a kubelet, to a container's termination message, and to a server.
//
// [Outcome.Hidden] hides the secrets first. The package is for cmd/prestop and its log.
package outcome

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// An Outcome is what a hook has come to. Its zero value means that there was nothing to do.
type Outcome struct {
	Report   prestop.Report
	Problems []config.Problem // of the plan
	Exit     int              // the exit status; 0: all is done
}

// Hidden is the outcome without secrets. The program's own words stay as they are: the value of a variable must not change the
// name of an outcome.
func (o Outcome) Hidden(secrets *secret.Set) Outcome {
	o.Problems = slices.Clone(o.Problems)
	for n := range o.Problems {
		o.Problems[n].Text = secrets.Hide(o.Problems[n].Text)
	}
	o.Report.Steps = slices.Clone(o.Report.Steps)
	for n, s := range o.Report.Steps {
		o.Report.Steps[n].Line, o.Report.Steps[n].Error = secrets.Hide(s.Line), secrets.Hide(s.Error)
	}
	return o
}

// Log writes the outcome as the last line of a log. lost is how many lines of the log were not written.
func (o Outcome) Log(log *slog.Logger, lost int) {
	level := slog.LevelInfo
	switch unmet := func(s prestop.StepReport) bool { return s.Outcome == prestop.Unmet }; {
	case o.Exit != 0:
		level = slog.LevelError
	case slices.ContainsFunc(o.Report.Steps, unmet):
		level = slog.LevelWarn
	}
	attrs := []any{"exit", o.Exit, "report", podlog.Hidden{Value: o.Report}}
	if len(o.Report.Steps) > few {
		attrs = append(attrs, "outcomes", podlog.Hidden{Value: byOutcome(o.Report.Steps)})
	}
	if lost > 0 {
		attrs = append(attrs, "lines_lost", lost)
	}
	log.Log(context.Background(), level, "prestop ends", attrs...)
}

// few is how many steps fit into a line, whatever their errors are.
const few = 12

// byOutcome are the numbers of the steps, from 1, by their outcomes: done 1-40,42 and failed 41. It is for a line that is too short for
// the report.
func byOutcome(steps []prestop.StepReport) map[string]string {
	all := make(map[string]string)
	for n := 0; n < len(steps); n++ {
		o, text := string(steps[n].Outcome), strconv.Itoa(n+1)
		first := n
		for n+1 < len(steps) && string(steps[n+1].Outcome) == o {
			n++
		}
		if n > first {
			text += "-" + strconv.Itoa(n+1)
		}
		if all[o] != "" {
			text = all[o] + "," + text
		}
		all[o] = text
	}
	return all
}

// Summary is one line, which may be long. A kubelet copies it to the node's log.
func (o Outcome) Summary() string {
	failed := o.Report.Failures()
	switch {
	case len(o.Problems) > 0:
		return Joined(o.Problems)
	case o.Report.Ended == "" && len(failed) > 0:
		return fmt.Sprintf("%d of %d steps not done: %s: %s", len(failed), len(o.Report.Steps), failed[0].Line, failed[0].Error)
	}
	return o.Report.Ended
}

// Joined is the first of some mistakes, and how many more there are.
func Joined(problems []config.Problem) string {
	text := problems[0].Error()
	if more := len(problems) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// Message is the outcome for whoever describes the pod: a line for the whole, and one for each step.
func (o Outcome) Message() string {
	brief := func(s prestop.Seconds) time.Duration { return time.Duration(s).Round(100 * time.Millisecond) }
	what := "done"
	if failed := len(o.Report.Failures()); failed > 0 {
		what = fmt.Sprintf("%d of %d steps not done", failed, len(o.Report.Steps))
	} else if len(o.Problems) > 0 {
		what = "a mistake in the configuration"
	}
	if o.Report.Ended != "" {
		what = o.Report.Ended
	}
	var text strings.Builder
	fmt.Fprintf(&text, "prestop: %s after %s (exit %d)\n", what, brief(o.Report.Elapsed), o.Exit)
	for _, p := range o.Problems {
		fmt.Fprintf(&text, "  %s\n", secret.Abridged(p.Error()))
	}
	for _, s := range o.Report.Steps {
		fmt.Fprintf(&text, "  %s: %s in %s", secret.Abridged(s.Line), s.Outcome, brief(s.Took))
		if s.Error != "" {
			fmt.Fprintf(&text, ": %s", secret.Abridged(s.Error))
		}
		fmt.Fprintln(&text)
	}
	return text.String()
}

// Send POSTs the same object as the log's last line. log makes a logger that writes such lines. Send tries until ctx ends.
func (o Outcome) Send(ctx context.Context, client *web.Client, to *url.URL, log func(io.Writer) *slog.Logger, lost int) error {
	var line bytes.Buffer
	o.Log(log(&line), lost)
	request := web.Request{Method: http.MethodPost, URL: to.String(), Body: bytes.TrimSpace(line.Bytes()),
		Header: http.Header{"Content-Type": {"application/json"}}}
	answer, err := web.Policy{}.Do(ctx, slog.New(slog.DiscardHandler), func(ctx context.Context) (web.Answer, error) { return client.Send(ctx, request) })
	if err == nil && !answer.OK() {
		err = errors.New(web.Place(answer.URL) + ": " + answer.String())
	}
	return err
}
