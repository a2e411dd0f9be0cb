package lint

import (
	"fmt"
	"strings"
	"time"

	"github.com/prestop/prestop/prestop"
)

// grace compares what the hook takes the grace period to be with what it is.
func (c *checker) grace(h *hook) {
	asks := h.reading.Settings[askVariable].Value == "true"
	if c.pod.graceWrong || asks || h.guessed(graceVariable) || h.mistaken(graceVariable) {
		return
	}
	taken, pods := h.reading.Plan.Grace, c.pod.grace
	where := fmt.Sprintf("the pod's %s is %d", graceKey, seconds(pods))
	if !c.pod.graceNode.there() {
		where = fmt.Sprintf("the pod's %s is not set, which means %d", graceKey, seconds(pods))
	}
	if _, set := h.reading.Settings[graceVariable]; !set {
		switch {
		case taken > pods:
			c.found("grace-not-set", h.command(), graceVariable+" is not set: the hook takes the grace period to be "+short(taken)+", and "+where+", so that it would be killed before it is done", graceLines(taken))
		case taken < pods:
			c.suspected("grace-not-set", h.command(), graceVariable+" is not set: the hook takes the grace period to be "+short(taken)+", and "+where+", so that it ends early", variableLine(graceVariable, pods))
		}
		return
	}
	at := h.setting(graceVariable)
	switch {
	case taken > pods:
		c.found("grace-differs", at, fmt.Sprintf("%s is %d, and %s: the hook would be killed before it is done, and the app with it", h.said(graceVariable), seconds(taken), where), graceLines(taken))
	case taken < pods:
		c.suspected("grace-differs", at, fmt.Sprintf("%s is %d, and %s: the hook ends earlier than it could", h.said(graceVariable), seconds(taken), where), variableLine(graceVariable, pods))
	}
	c.probeGrace(h)
}

func variableLine(name string, d time.Duration) string {
	return fmt.Sprintf("- {name: %s, value: \"%d\"}", name, seconds(d))
}

// probeGrace finds probes that have a shorter grace period than the hook believes.
func (c *checker) probeGrace(h *hook) {
	for _, probe := range []string{"livenessProbe", "startupProbe"} {
		n := h.container.at(probe, graceKey)
		if s, ok := n.number(); ok && time.Duration(s)*time.Second < h.reading.Plan.Grace {
			c.found("probe-grace-shorter", n, fmt.Sprintf("when the %s fails, the hook has %d seconds, and %s tells it %d", probe, s, graceVariable, seconds(h.reading.Plan.Grace)),
				"remove it from the probe, or set PRE_STOP_ASK_API to true, so that the hook asks for its true grace period")
		}
	}
}

// plan finds what does not fit into the hook's time.
func (c *checker) plan(h *hook) {
	if h.timesUnknown() {
		return
	}
	p := h.reading.Plan
	slots := p.Timeline()
	c.tooShort(h, slots)
	for i, s := range slots {
		if i >= len(p.Entries) || !s.FromStart || s.Yields || s.Most == 0 || h.reading.Steps[i].Guess {
			continue
		}
		switch {
		case p.Entries[i].Least > max(s.Most, time.Second):
			c.found("max-before-begin", h.step(i), s.Line+": its max is shorter than its min", "max="+short(s.Earliest+p.Entries[i].Least)+", or more")
		case s.Earliest >= s.Most:
			c.found("max-before-begin", h.step(i), s.Line+": its max of "+short(s.Most)+" counts from the hook's start, and is over before the step begins after "+short(s.Earliest),
				"max="+short(s.Earliest+s.Most)+", or more")
		case s.Ends+prestop.Engine < s.Most:
			c.found("max-past-deadline", h.step(i), s.Line+": its max of "+short(s.Most)+" is cut to "+short(s.Ends)+": the grace period of "+short(p.Grace)+" less the reserve of "+short(p.Reserve)+", and what comes after it, leave no more",
				c.moreGrace(h, s.Most-s.Ends, fmt.Sprintf("max=%ds, or more time:\n", int(s.Ends/time.Second))))
		}
	}
}

// timesUnknown: what the plan's times are made of is not in the input.
func (h *hook) timesUnknown() bool {
	for _, name := range []string{graceVariable, waitVariable, reserveVariable, stepsVariable} {
		if h.env.has(name) && h.guessed(name) {
			return true
		}
	}
	return false
}

// tooShort finds waits that are shortened. They are shortened alike, so all steps of a hook are one finding, at the last.
func (c *checker) tooShort(h *hook, slots []prestop.Slot) {
	p, last := h.reading.Plan, len(slots)-1
	why := ": the grace period of " + short(p.Grace) + " less the reserve of " + short(p.Reserve) + " leaves " + short(p.Budget())
	var lines []string
	var lack time.Duration
	at := h.at
	for i, s := range slots[:last] {
		if s.Short > 0 {
			lines, lack, at = append(lines, lineWith(s)), lack+s.Short, h.step(i)
		}
	}
	if len(lines) > 0 {
		verb := " lacks "
		if len(lines) > 1 {
			verb = " lack "
		}
		c.found("grace-too-short", at, strings.Join(lines, " and ")+verb+short(lack)+why, c.moreGrace(h, lack, ""))
		return
	}
	floor := slots[last]
	if floor.Short == 0 {
		return
	}
	text := lineWith(floor) + " lacks " + short(floor.Short) + why
	if _, set := h.reading.Settings[waitVariable]; set {
		c.found("grace-too-short", h.setting(waitVariable), text, c.moreGrace(h, floor.Short, ""))
	} else if !h.env.Open && !h.mistaken("") {
		c.suspected("grace-too-short", h.command(), "the default "+text,
			c.moreGrace(h, floor.Short, variableLine(waitVariable, p.Budget().Truncate(time.Second))+"\nor more time:\n"))
	}
}

func lineWith(s prestop.Slot) string {
	if s.Step == nil && s.Line != prestop.FloorLine {
		return s.Line
	}
	return s.Line + " of " + short(s.Least)
}

// moreGrace is the grace period that has room for so much more, if the reserve stays the share that it is.
func (c *checker) moreGrace(h *hook, more time.Duration, instead string) string {
	p := h.reading.Plan
	grace := p.Grace + more
	if _, set := h.reading.Settings[reserveVariable]; !set {
		grace = max(grace, (p.Budget()+more)*6/5)
	}
	return instead + graceLines((grace + 5*time.Second - 1).Truncate(5*time.Second))
}

// sleeps finds hooks that sleep the grace period away.
func (c *checker) sleeps(h *hook) {
	if c.pod.graceWrong {
		return
	}
	at, slept := h.command(), time.Duration(0)
	if n := h.at.at("sleep", "seconds"); n.there() {
		s, _ := n.number()
		at, slept = n, time.Duration(s)*time.Second
	} else {
		slept = h.script.slept(h.env)
	}
	if slept == 0 || slept < c.pod.grace {
		return
	}
	length := short(slept)
	if slept == forever {
		length = "for ever"
	}
	unset := ""
	if !c.pod.graceNode.there() {
		unset = ", which goes where " + graceKey + " is not set"
	}
	c.found("sleep-fills-grace", at, "the hook sleeps "+length+", and the grace period is "+short(c.pod.grace)+unset+": SIGTERM comes when it is used up, and SIGKILL 2 s later",
		fmt.Sprintf("%s: %d, or a shorter sleep", graceKey, seconds(min(slept, 24*time.Hour)*6/5+5*time.Second)/5*5))
}
