package hook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/effect"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/setting"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/prestop"
)

// A Warning is about something that is probably not what was meant. Log, dry run and lint show its Text.
type Warning struct {
	ID      string // never changes: documentation and lint refer to it
	Step    int    // which step of the plan, from 0; or NoStep
	Setting string // the variable that the warning is about; empty: it is about a step, or about the hook
	Text    string // without secrets
}

// NoStep is the Step of a warning that is about the settings.
const NoStep = -1

// warn adds a warning about a step, or about the settings that give the steps their times.
func (p *Plan) warn(id string, at int, format string, args ...any) {
	p.Warnings = append(p.Warnings, Warning{ID: id, Step: at, Text: p.hide(fmt.Sprintf(format, args...))})
}

// warn adds a warning about a setting or a step. All secrets of the configuration are known by then, and are hidden.
func (s *Script) warn(id, name string, at int, format string, args ...any) {
	text := s.secrets.Hide(fmt.Sprintf(format, args...))
	s.warnings = append(s.warnings, Warning{ID: id, Step: at, Setting: name, Text: text})
}

// warnSettings warns about settings that this version does not know, settings that have no effect, and calls that are made twice.
func (s *Script) warnSettings() {
	for _, u := range s.config.Unknown {
		s.warn("setting-unknown", u.Name, NoStep, "%s is set, and is no setting of this version%s", u.Name, phrase.Meant(u.Meant))
	}
	if eck := s.config.ECK; eck.Unreadable != nil && s.config.PasswordFile.V == eck.PasswordFile {
		s.warn("eck-no-password", elasticsearchSetting, NoStep, "this is an ECK pod, and the password of %s, with which its shutdown would be registered, cannot be read: %v", s.config.Username.V, eck.Unreadable)
	}
	if len(s.config.Arguments) > 0 && s.config.Steps.IsSet() {
		s.warn("steps-ignored", stepsSetting, NoStep, "PRE_STOP_STEPS is set, and the steps given as arguments are done instead")
	}
	var needs []*step.Needs
	for _, one := range s.Steps {
		needs = append(needs, &one.Needs)
	}
	effects := effect.Of(s.config, needs)
	for n := range s.config.Settings {
		s.warnSetting(&s.config.Settings[n], effects)
	}
	for n, one := range s.Steps {
		for _, d := range one.doubts {
			s.warn(d.ID, "", n, "%s: %s", grammar.Begun(one.Line), one.secrets.Hide(d.Text))
		}
		if effects.Again(n) {
			s.warn("called-twice", "", n, "%s: a step before it makes the same call", one.Line)
		}
	}
}

// warnSetting warns about a setting with a variable that nobody replaced, about one that another beats, and about one without effect.
func (s *Script) warnSetting(one *setting.Setting, effects *effect.Effects) {
	name, by := one.Env, one.By()
	_, rest, _ := strings.Cut(s.config.Env[name], "$(")
	if by == name && name != stepsSetting && strings.Contains(rest, ")") {
		s.warn("unset-variable", name, NoStep, "%s has a $(…) that nobody has replaced: Kubernetes replaces only variables that stand before it in the same container", name)
	}
	what, winner := effects.Beaten(one)
	for _, lost := range [][2]string{{one.Beaten, by}, {what, winner}} {
		if lost[0] != "" {
			s.warn("set-twice", name, NoStep, "%s is set, and %s, which is set too, counts instead of it", lost[0], lost[1])
		}
	}
	if len(s.problems) == 0 && by != "" && effects.Unused(one) { // if something cannot be read, nobody knows
		s.warn("setting-unused", name, NoStep, "%s is set, and nothing in the plan uses it", by)
	}
}

// warnTimes says what does not fit, what ends too early, and what takes too long.
func (s *Script) warnTimes(p *Plan) {
	slots := p.Timeline()
	for n := range slots {
		p.warnShort(n, &slots[n])
	}
	for n := range p.Entries {
		p.warnBounds(n, &slots[n])
		p.warnBegin(n, &slots[n])
	}
	waits := p.Floor // of this step and all after it
	for n := len(p.Entries) - 1; n >= 0; n-- {
		if e := &p.Entries[n]; e.Step == nil || e.Guard {
			waits += max(e.Least, e.Most)
		}
		if p.Steps[n].Err == nil {
			s.warnEnds(p, n, waits)
		}
	}
}

// warnShort is about a wait for which the grace period leaves no room.
func (p *Plan) warnShort(n int, slot *prestop.Slot) {
	if slot.Short == 0 {
		return
	}
	if n == len(p.Entries) {
		n = NoStep
	}
	leaves := p.Budget().String()
	switch {
	case p.Budget() < prestop.OneTry:
		leaves += fmt.Sprintf(", and no wait is made with less than %s in all", prestop.OneTry)
	case p.Aside > 0:
		leaves += fmt.Sprintf(", of which %s is kept for the report", p.Aside)
	}
	p.warn("grace-too-short", n, "%s is shortened from %s to %s: the grace period of %s less the reserve of %s leaves %s",
		slot.Line, slot.Least, (slot.Least - slot.Short).Round(time.Millisecond), p.Grace, p.Reserve, leaves)
}

// warnBounds is about max= and timeout= of a step that something else ends first. Nobody minds if that is only the hook's own end and
// the second that is kept for the report.
func (p *Plan) warnBounds(n int, slot *prestop.Slot) {
	if p.Steps[n].Err != nil { // it is not done
		return
	}
	const tenth = 100 * time.Millisecond
	needs, from, end := &p.Steps[n].Needs, slot.Earliest, slot.Ends+prestop.Engine+p.Aside
	if slot.FromStart {
		from = 0
	}
	if needs.Written && slot.Earliest < from+slot.Most && end < from+slot.Most {
		p.warn("max-past-deadline", n, "%s: its max of %s is cut to %s: the grace period of %s less the reserve of %s, and what else is to be done, leave no more",
			slot.Line, slot.Most, (slot.Ends - from).Round(tenth), p.Grace, p.Reserve)
	}
	late := func(call step.Call) bool { return call.Timeout > end-slot.Earliest }
	if i := slices.IndexFunc(needs.Calls, late); i >= 0 {
		p.warn("timeout-not-reached", n, "%s: timeout=%s, and the step has %s at most: its max=, or the deadline, ends it first",
			slot.Line, needs.Calls[i].Timeout, (slot.Ends - slot.Earliest).Round(tenth))
	}
}

// warnBegin is about a wait whose max, which counts from the hook's start, leaves it no time, or less than it needs.
func (p *Plan) warnBegin(n int, slot *prestop.Slot) {
	needs, leaves := &p.Steps[n].Needs, max(slot.Least, slot.Most-slot.Earliest)
	switch {
	case !slot.FromStart || slot.Yields:
	case slot.Least > max(slot.Most, step.LookTime):
		p.warn("max-before-begin", n, "%s: its max of %s is shorter than its min of %s", slot.Line, slot.Most, slot.Least)
	case slot.Most > 0 && slot.Earliest >= slot.Most:
		p.warn("max-before-begin", n, "%s: its max of %s counts from the hook's start and is over before it begins, after %s", slot.Line, slot.Most, slot.Earliest.Round(time.Millisecond))
	case needs.Looks >= leaves:
		p.warn("never-met", n, "%s is never met: it looks for %s at least, and its max leaves it %s", slot.Line, needs.Looks, leaves.Round(time.Millisecond))
	}
}

// warnEnds is about a step that ends a process too early, or moves more data than there is time for. waits is how long the step and
// all after it wait.
func (s *Script) warnEnds(p *Plan, n int, waits time.Duration) {
	line, needs := p.Entries[n].Line, &p.Steps[n].Needs
	if text := early(needs); text != "" && waits > 0 {
		p.warn("ends-the-process", n, "%s%s", line, text)
	}
	if needs.Returns && waits == 0 {
		p.warn("signals-and-returns", n, "%s tells a process to end and does not wait for its end: SIGTERM comes right after, and most processes end at once at a second signal", line)
	}
	if kind := needs.ShutdownType(s.config.ShutdownType.V); kind != "" && kind != step.TypeRestart && kind != step.TypeAuto {
		p.warn("elasticsearch-moves-data", n, "Elasticsearch shutdown type %s moves the node's data away, which may take longer than any grace period, and nobody removes its record: restart is for pods that come back", kind)
	}
}

// early says what is wrong with a step that stands before a wait; empty: nothing.
func early(needs *step.Needs) string {
	switch {
	case needs.Ends == step.EndsListening:
		return " stops Envoy's listening, at once or when its drain time is over, before the traffic has left: add ?graceful&skip_exit"
	case needs.Ends != step.EndsProcess:
		return ""
	case needs.Signal != 0:
		return " ends the main process, before the traffic has left: put it after the waits"
	}
	return " ends the process that answers it, before the traffic has left: call something that starts draining and returns"
}

// problem is the mistake in step n.
func (s *Script) problem(n int, one *Step) config.Problem {
	one.Err = one.secrets.Error(one.Err)
	return config.Problem{Name: fmt.Sprintf("step %d (%s)", n+1, grammar.Begun(one.Line)), Text: one.Err.Error()}
}
