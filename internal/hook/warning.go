package hook

import (
	"fmt"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/prestop"
)

// A Warning is something that will probably not be what was meant. Log, dry run and lint say its Text.
type Warning struct {
	ID   string // does not change: documentation and lint know it by this
	Step int    // which step of the plan, from 0; or NoStep
	Text string // without secrets
}

// NoStep is the Step of a warning that is about the settings.
const NoStep = -1

func (p *Plan) warn(w Warning) { p.Warnings = append(p.Warnings, w) }

// warnSettings says which settings are nothing to this version, and what is set and not done.
func (s *Script) warnSettings() {
	warn := func(id string, at int, format string, args ...any) {
		s.warnings = append(s.warnings, Warning{id, at, fmt.Sprintf(format, args...)})
	}
	for _, name := range s.config.Unknown {
		warn("setting-unknown", NoStep, "%s is set, and no setting of this version", name)
	}
	if len(s.config.Arguments) > 0 && s.config.Steps.IsSet() {
		warn("steps-ignored", NoStep, "PRE_STOP_STEPS is set, and the steps given as arguments are done instead of it")
	}
	called := make(map[string]bool)
	for n, one := range s.Steps {
		for _, call := range one.Needs.Calls {
			if call.Method == "" || call.Repeats || call.Condition {
				continue
			}
			what := call.Method + " " + call.URL.String()
			if called[what] {
				warn("called-twice", n, "%s: a step before it makes the same call", one.Line)
			}
			called[what] = true
		}
	}
}

// warnTimes says what does not fit, what ends too early, and what takes too long.
func (s *Script) warnTimes(p *Plan, a Asked) {
	slots := p.Timeline()
	for n, slot := range slots {
		if slot.Short > 0 {
			if n == len(p.Entries) {
				n = NoStep
			}
			p.warn(Warning{"grace-too-short", n, fmt.Sprintf("%s is shortened from %s to %s: the grace period of %s less the reserve of %s leaves %s%s",
				slot.Line, slot.Least, (slot.Least - slot.Short).Round(time.Millisecond), p.Grace, p.Reserve, p.Budget(), aside(p))})
		}
	}
	for n, slot := range slots[:len(p.Entries)] {
		least := p.Entries[n].Least
		switch {
		case !slot.FromStart || slot.Most == 0 || p.Entries[n].Yields:
		case least > max(slot.Most, step.LookTime):
			p.warn(Warning{"max-before-begin", n, fmt.Sprintf("%s: its max of %s is shorter than its min of %s", slot.Line, slot.Most, least)})
		case slot.Earliest >= slot.Most:
			p.warn(Warning{"max-before-begin", n, fmt.Sprintf("%s: its max of %s counts from the hook's start and is over before it begins, after %s", slot.Line, slot.Most, slot.Earliest)})
		}
	}
	waits := p.Floor
	for n := len(p.Entries) - 1; n >= 0; n-- {
		e, needs := p.Entries[n], p.Steps[n].Needs
		if e.Step == nil || e.Guard {
			waits += max(e.Least, e.Most)
		}
		if needs.Ends == step.EndsProcess && len(needs.Calls) > 0 && waits > 0 && p.Steps[n].Err == nil {
			p.warn(Warning{"ends-the-process", n, e.Line + " ends the process that answers it, before the traffic has left: call something that starts draining and returns"})
		}
		if kind := s.shutdownType(p.Steps[n]); kind != "" && kind != step.TypeRestart && kind != step.TypeAuto && p.Steps[n].Err == nil {
			p.warn(Warning{"elasticsearch-moves-data", n, fmt.Sprintf("Elasticsearch shutdown type %s moves the node's data away, which may take longer than any grace period, and nobody removes its record: restart is for pods that come back", kind)})
		}
	}
}

func aside(p *Plan) string {
	if p.Aside == 0 {
		return ""
	}
	return fmt.Sprintf(", of which %s is kept for the report", p.Aside)
}

// problem is the mistake in step n.
func (s *Script) problem(n int, one *Step) config.Problem {
	one.Err = one.secrets.Error(one.Err)
	return config.Problem{Name: fmt.Sprintf("step %d (%s)", n+1, one.Line), Text: one.Err.Error()}
}

var _ prestop.Step = mistake{}
