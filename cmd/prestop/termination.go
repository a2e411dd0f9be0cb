package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/termination"
)

const (
	terminationOff = "off"
	terminationOn  = "on"
)

func checkTermination(text string) error {
	if text != terminationOff && text != terminationOn && !filepath.IsAbs(text) {
		return fmt.Errorf("expected off, on, or the absolute path that is the container's terminationMessagePath, got %q", text)
	}
	return nil
}

// terminationPath is empty where nothing is to be written.
func terminationPath(text string) string {
	switch text {
	case terminationOff:
		return ""
	case terminationOn:
		return termination.Path
	}
	return text
}

// message is the outcome for whoever describes the pod: a line for the whole, and one for each step.
func (o outcome) message() string {
	var text strings.Builder
	what := "done"
	if failed := len(o.report.Failures()); failed > 0 {
		what = fmt.Sprintf("%d of %d steps not done", failed, len(o.report.Steps))
	} else if len(o.problems) > 0 {
		what = "a mistake in the configuration"
	}
	if o.report.Ended != "" {
		what = o.report.Ended
	}
	fmt.Fprintf(&text, "prestop: %s after %s (exit %d)\n", what, brief(time.Duration(o.report.Elapsed)), o.exit)
	for _, p := range o.problems {
		fmt.Fprintf(&text, "  %s\n", abridged(p.Error()))
	}
	for _, s := range o.report.Steps {
		fmt.Fprintf(&text, "  %s: %s in %s", abridged(s.Line), s.Outcome, brief(time.Duration(s.Took)))
		if s.Error != "" {
			fmt.Fprintf(&text, ": %s", abridged(s.Error))
		}
		fmt.Fprintln(&text)
	}
	return text.String()
}

func brief(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
