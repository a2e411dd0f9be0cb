package lint

import (
	"fmt"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// timeRules are about the grace period, and what fits into it.
func timeRules() []Rule {
	return []Rule{
		{"grace-too-short", Error, "what the hook has to do does not fit into the grace period", plans(graceTooShort)},
		{"grace-differs", Error, "PRE_STOP_GRACE_PERIOD_SECONDS is not the pod's terminationGracePeriodSeconds", plans(graceDiffers)},
		{"grace-not-set", Error, "PRE_STOP_GRACE_PERIOD_SECONDS is not set, and what is assumed is not the pod's", plans(graceNotSet)},
		{"sleep-fills-grace", Error, "a hook sleeps as long as the grace period, or longer", foreign(sleepFillsGrace)},
		{"probe-grace-shorter", Warning, "a probe's own grace period is shorter than the hook takes the pod's to be", plans(probeGraceShorter)},
		{"max-past-deadline", Warning, "an until has a max= that the deadline cuts", steps(maxPastDeadline)},
		{"max-before-begin", Warning, "an until has a max= that is over before it begins", steps(maxBeforeBegin)},
		{"timeout-not-reached", Warning, "timeout= is longer than one try ever has", steps(func(_ *hook, s *step, say report) {
			if s.calls() && s.deed.timeout > web.MaxTry {
				say(s.at, s.Line+": timeout="+short(s.deed.timeout)+", and one try has "+short(web.MaxTry)+" at most, and is made again after that",
					"let the app answer 202 with a Location, which is polled until it is done, or wait for it with until")
			}
		})},
	}
}

// takesGrace tells whether the hook takes its grace period from what is known.
func (h *hook) takesGrace() bool {
	return !h.pod.graceWrong && h.reading.Settings[askVariable].Value != "true" && !h.guessed(graceVariable) && !h.mistaken(graceVariable)
}

func (h *hook) setsGrace() bool { _, set := h.reading.Settings[graceVariable]; return set }

// graceSaid says what the pod's grace period is.
func (p *pod) graceSaid() string {
	if !p.graceNode.there() {
		return fmt.Sprintf("the pod's %s is not set, which means %d", graceKey, seconds(p.grace))
	}
	return fmt.Sprintf("the pod's %s is %d", graceKey, seconds(p.grace))
}

func graceNotSet(h *hook, say report) {
	taken, pods := h.reading.Plan.Grace, h.pod.grace
	if !h.takesGrace() || h.setsGrace() {
		return
	}
	text := graceVariable + " is not set: the hook takes the grace period to be " + short(taken) + ", and " + h.pod.graceSaid()
	switch {
	case taken > pods:
		say(h.command(), text+", so that it would be killed before it is done", graceLines(taken))
	case taken < pods:
		say(h.command(), text+", so that it ends early", variableLine(graceVariable, pods)).warn()
	}
}

func graceDiffers(h *hook, say report) {
	taken, pods := h.reading.Plan.Grace, h.pod.grace
	if !h.takesGrace() || !h.setsGrace() {
		return
	}
	text := fmt.Sprintf("%s is %d, and %s: the hook ", h.said(graceVariable), seconds(taken), h.pod.graceSaid())
	switch {
	case taken > pods:
		say(h.setting(graceVariable), text+"would be killed before it is done, and the app with it", graceLines(taken))
	case taken < pods:
		say(h.setting(graceVariable), text+"ends earlier than it could", variableLine(graceVariable, pods)).warn()
	}
}

func probeGraceShorter(h *hook, say report) {
	if !h.takesGrace() || !h.setsGrace() {
		return
	}
	for _, p := range h.probes() {
		if s := p.TerminationGracePeriodSeconds; s != nil && p.field != "readinessProbe" && time.Duration(*s)*time.Second < h.reading.Plan.Grace {
			say(h.at(p.field, graceKey), fmt.Sprintf("when the %s fails, the hook has %d seconds, and %s tells it %d", p.field, *s, graceVariable, seconds(h.reading.Plan.Grace)),
				"remove it from the probe, or set PRE_STOP_ASK_API to true, so that the hook asks for its true grace period")
		}
	}
}

// bounded tells whether a step has a max of its own that can be judged.
func (s *step) bounded(h *hook) bool {
	return !h.timesUnknown() && s.FromStart && !s.Yields && s.Most > 0 && !s.source.Guess
}

func maxBeforeBegin(h *hook, s *step, say report) {
	least := h.reading.Plan.Entries[s.index].Least
	switch {
	case !s.bounded(h):
	case least > max(s.Most, time.Second):
		say(s.at, s.Line+": its max is shorter than its min", "max="+short(s.Earliest+least)+", or more")
	case s.Earliest >= s.Most:
		say(s.at, s.Line+": its max of "+short(s.Most)+" counts from the hook's start, and is over before the step begins after "+short(s.Earliest), "max="+short(s.Earliest+s.Most)+", or more")
	}
}

func maxPastDeadline(h *hook, s *step, say report) {
	p := h.reading.Plan
	if !s.bounded(h) || p.Entries[s.index].Least > max(s.Most, time.Second) || s.Earliest >= s.Most || s.Ends+prestop.Engine >= s.Most {
		return
	}
	say(s.at, s.Line+": its max of "+short(s.Most)+" is cut to "+short(s.Ends)+": the grace period of "+short(p.Grace)+" less the reserve of "+short(p.Reserve)+", and what comes after it, leave no more",
		h.moreGrace(s.Most-s.Ends, fmt.Sprintf("max=%ds, or more time:\n", int(s.Ends/time.Second))))
}

// graceTooShort finds waits that are shortened. They are shortened alike, so all steps of a hook are one finding, at the last.
func graceTooShort(h *hook, say report) {
	if h.timesUnknown() {
		return
	}
	p := h.reading.Plan
	why := ": the grace period of " + short(p.Grace) + " less the reserve of " + short(p.Reserve) + " leaves " + short(p.Budget())
	var lines []string
	var lack time.Duration
	at := h.place
	for _, s := range h.steps {
		if s.Short > 0 {
			lines, lack, at = append(lines, lineWith(s.Slot)), lack+s.Short, s.at
		}
	}
	if len(lines) > 0 {
		verb := map[bool]string{true: " lacks ", false: " lack "}[len(lines) == 1]
		say(at, strings.Join(lines, " and ")+verb+short(lack)+why, h.moreGrace(lack, ""))
		return
	}
	slots := p.Timeline()
	floor := slots[len(slots)-1]
	_, set := h.reading.Settings[waitVariable]
	text := lineWith(floor) + " lacks " + short(floor.Short) + why
	switch {
	case floor.Short == 0:
	case set:
		say(h.setting(waitVariable), text, h.moreGrace(floor.Short, ""))
	case !h.env.Open && !h.mistaken(""):
		say(h.command(), "the default "+text, h.moreGrace(floor.Short, variableLine(waitVariable, p.Budget().Truncate(time.Second))+"\nor more time:\n")).warn()
	}
}

func lineWith(s prestop.Slot) string {
	if s.Step == nil && s.Line != prestop.FloorLine {
		return s.Line
	}
	return s.Line + " of " + short(s.Least)
}

// moreGrace is the grace period that has room for so much more, if the reserve stays the share that it is.
func (h *hook) moreGrace(more time.Duration, instead string) string {
	p := h.reading.Plan
	grace := p.Grace + more
	if _, set := h.reading.Settings[reserveVariable]; !set {
		grace = max(grace, (p.Budget()+more)*6/5)
	}
	return instead + graceLines((grace + 5*time.Second - 1).Truncate(5*time.Second))
}

func sleepFillsGrace(h *hook, say report) {
	at, slept := h.command(), h.script.slept(h.env)[0]
	if h.Sleep != nil {
		at, slept = h.place.at("sleep", "seconds"), time.Duration(min(h.Sleep.Seconds, 1<<32))*time.Second
	}
	if h.pod.graceWrong || slept <= 0 || slept < h.pod.grace {
		return
	}
	length, unset := short(slept), ""
	if slept == forever {
		length = "for ever"
	}
	if !h.pod.graceNode.there() {
		unset = ", which goes where " + graceKey + " is not set"
	}
	say(at, "the hook sleeps "+length+", and the grace period is "+short(h.pod.grace)+unset+": SIGTERM comes when it is used up, and SIGKILL 2 s later",
		fmt.Sprintf("%s: %d, or a shorter sleep", graceKey, seconds(min(slept, 24*time.Hour)*6/5+5*time.Second)/5*5))
}

// short writes a duration as people write it.
func short(d time.Duration) string {
	s := d.Round(100 * time.Millisecond).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// seconds writes a duration as Kubernetes does, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// graceLines are those that say a grace period in both places.
func graceLines(grace time.Duration) string {
	return fmt.Sprintf("%s: %d\nenv:\n%s", graceKey, seconds(grace), variableLine(graceVariable, grace))
}

func variableLine(name string, d time.Duration) string {
	return fmt.Sprintf("- {name: %s, value: \"%d\"}", name, seconds(d))
}

const (
	graceVariable   = "PRE_STOP_GRACE_PERIOD_SECONDS"
	waitVariable    = "PRE_STOP_ADDITIONAL_WAIT_SECONDS"
	reserveVariable = "PRE_STOP_RESERVE_SECONDS"
	stepsVariable   = "PRE_STOP_STEPS"
	askVariable     = "PRE_STOP_ASK_API"
	variablePrefix  = "PRE_STOP_"
)
