package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/prestop"
)

// timeRules are about the grace period, and what fits into it.
var timeRules = []Rule{
	{"grace-too-short", Error, "what the hook has to do does not fit into the grace period", all(plans(graceTooShort), containers(waitOfECK))},
	{"grace-differs", Error, "PRE_STOP_GRACE_PERIOD_SECONDS is not the pod's terminationGracePeriodSeconds", plans(graceTaken(true))},
	{"grace-not-set", Error, "PRE_STOP_GRACE_PERIOD_SECONDS is not set, and what is assumed is not the pod's", plans(graceTaken(false))},
	{"sleep-fills-grace", Error, "a hook sleeps as long as the grace period, or longer", all(foreign(sleepFillsGrace), pods(proxyFillsGrace))},
	{"may-fill-grace", Warning, "a hook has a limit of its own, as by timeout, that is no shorter than the grace period", foreign(mayFillGrace)},
	{"sleep-unreadable", Error, "a sleep without a length, or with one that is none", foreign(sleepUnreadable)},
	{"probe-grace-shorter", Warning, "a probe's own grace period is shorter than the hook lasts, or than the hook takes the pod's to be", hooks(probeGraceShorter)},
	asWarned("max-past-deadline", "a step has a max= that the deadline cuts",
		(*preStop).graceForMax, (*preStop).unjudged, (*preStop).shortened),
	{"default-ends-early", Warning, "an until without max= ends long before the deadline, by the additional wait", steps(defaultEndsEarly)},
	asWarned("max-before-begin", "an until has a max= that is over before it begins", (*preStop).longerMax, (*preStop).unjudged),
	asWarned("never-met", "an until has a max= that leaves it less time than it must look",
		(*preStop).longerMax, (*preStop).unjudged),
	asWarned("timeout-not-reached", "timeout= is longer than one try ever has",
		(*preStop).longerTimeout, (*preStop).unjudged, (*preStop).shortened),
}

// takesGrace tells whether it is known which grace period the hook assumes.
func (h *preStop) takesGrace() bool {
	return !h.pod.graceWrong && !h.reading.config.AskAPI.V && !h.guessed(graceVariable) && !h.mistaken(graceVariable)
}

func (h *preStop) setsGrace() bool { return h.reading.config.GracePeriod.IsSet() }

// graceSaid says what the pod's grace period is.
func (p *pod) graceSaid() string {
	if !p.graceNode.there() {
		return fmt.Sprintf("the pod's %s is not set, which means %d", graceKey, seconds(p.grace))
	}
	return fmt.Sprintf("the pod's %s is %d", graceKey, seconds(p.grace))
}

// graceTaken finds a grace period that the hook takes to be another than the pod's.
func graceTaken(set bool) func(*preStop, report) {
	return func(h *preStop, say report) {
		taken, pods := h.reading.plan.Grace, h.pod.grace
		if !h.takesGrace() || h.setsGrace() != set {
			return
		}
		at, fix := h.command(), variableLine(graceVariable, pods)
		text, killed, early := graceVariable+" is not set: the hook takes the grace period to be "+short(taken)+", and "+h.pod.graceSaid()+", so that it ",
			"would be killed before it is done", "ends early"
		if set {
			at, fix = h.setting(graceVariable), h.settingFix(graceVariable, pods)
			text, killed, early = fmt.Sprintf("%s is %d, and %s: the hook ", h.reading.config.GracePeriod.By, seconds(taken), h.pod.graceSaid()),
				killed+", and the app with it", "ends earlier than it could"
		}
		switch {
		case taken > pods:
			say(at, text+killed, h.graceFix(taken))
		case taken < pods:
			say(at, text+early, fix).warn()
		}
	}
}

func probeGraceShorter(h *preStop, say report) {
	takes, text, fix := h.shortest(), "it lasts ", "remove it from the probe; or a shorter hook"
	if h.reading != nil {
		if !h.planned() || !h.takesGrace() || !h.setsGrace() {
			return
		}
		takes, text = h.reading.plan.Grace, graceVariable+" tells it "
		fix = "remove it from the probe; or set PRE_STOP_ASK_API to true, so that the hook asks for its true grace period"
	}
	for _, p := range h.probes() {
		if s := p.TerminationGracePeriodSeconds; s != nil && p.field != "readinessProbe" && time.Duration(*s)*time.Second < takes {
			say(h.at(p.field, graceKey), fmt.Sprintf("when the %s fails, the hook has %d s, and %s%d s", p.field, *s, text, seconds(takes)), fix)
		}
	}
}

// unjudged tells whether the times of the plan, or of an entry, are not known.
func (h *preStop) unjudged(e *entry) bool { return h.timesUnknown() || e.guess }

// longerMax is a wait with a max= that is long enough for it.
func (h *preStop) longerMax(e *entry) string {
	longer := whole(max(e.Earliest, e.needs.Least, e.needs.Looks) + max(e.Most, time.Second))
	return h.stepFix(e, e.with("max="+longer), "max="+longer+", or more")
}

// defaultEndsEarly finds waits that end by the additional wait, though the deadline leaves them more than twice as long.
func defaultEndsEarly(h *preStop, s *entry, say report) {
	p := h.reading.plan
	if !h.unjudged(s) && s.needs.Default && h.reading.config.AdditionalWait.IsSet() && !h.guessed(waitVariable) && 2*s.Ends < p.Budget() {
		say(s.at, s.Line+": without max= it ends at the additional wait, "+short(s.Ends)+" after the hook began, though the grace period of "+short(p.Grace)+" leaves "+short(p.Budget()),
			h.stepFix(s, s.with("max="+whole(p.Budget())), "max="+whole(p.Budget())))
	}
}

// graceForMax is a grace period with room for a max=.
func (h *preStop) graceForMax(e *entry) string {
	has := e.Ends
	if !e.FromStart {
		has -= e.Earliest
	}
	return h.moreGrace(e.Most-has) + " # or in the step: max=" + whole(has)
}

// graceTooShort finds waits that are shortened. All of a hook's waits are shortened alike, so they make one finding, at the last step.
func graceTooShort(h *preStop, say report) {
	p := h.reading.plan
	var texts []string
	var lack time.Duration
	last := h.place
	h.warned("grace-too-short", func(at node, text string, e *entry) {
		switch {
		case h.timesUnknown() || h.pod.noGrace(): // which is a finding of its own
		case e != nil:
			texts, lack, last = append(texts, text), lack+e.Short, at
		case len(texts) > 0 && h.reading.config.AdditionalWait.IsSet(): // more time for the steps is more time for the additional wait too
			lack = max(lack, h.floor().Short)
		case len(texts) > 0:
		case h.reading.config.AdditionalWait.IsSet():
			say(h.setting(waitVariable), text, h.moreGrace(h.floor().Short))
		case !h.env.open && !h.mistaken(""):
			say(h.command(), "the default "+text, variableLine(waitVariable, p.Budget().Truncate(time.Second))+" # or more time for it").warn()
		}
	})
	if len(texts) > 0 {
		say(last, strings.Join(texts, "; "), h.moreGrace(lack))
	}
}

// waitOfECK finds an additional wait of ECK's own hook that is as long as the grace period.
func waitOfECK(c *container, say report) {
	i := slices.IndexFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == waitVariable })
	if i < 0 || c.hook != nil || c.pod.cluster == "" || c.Name != "elasticsearch" {
		return
	}
	if wait := slept([]string{c.Env[i].Value}); c.pod.filledBy(wait) {
		say(c.at("env", i), "ECK's own hook lasts "+short(wait)+" at least"+c.pod.graceIs()+usedUp, longerThan(wait, "wait"))
	}
}

// floor is the additional wait's slot in the plan.
func (h *preStop) floor() prestop.Slot {
	slots := h.reading.plan.Timeline()
	return slots[len(slots)-1]
}

// moreGrace is a grace period with room for so much more time. The reserve keeps its share of it, unless the reserve is set.
func (h *preStop) moreGrace(more time.Duration) string {
	p := h.reading.plan
	grace := max(p.Grace+more, h.pod.grace) // the hook may take it to be shorter than it is
	if !h.reading.config.Reserve.IsSet() {
		grace = max(grace, (p.Budget()+more)*6/5)
	}
	return h.graceFix((grace + 5*time.Second - 1).Truncate(5 * time.Second))
}

// shortened tells whether steps get less time than they ask for, which is a finding of its own.
func (h *preStop) shortened(*entry) bool {
	return slices.ContainsFunc(h.reading.plan.Warnings, func(w hook.Warning) bool {
		return w.ID == "grace-too-short" && w.Step != hook.NoStep && w.Setting == ""
	})
}

// longerTimeout is more time for the step: by its max=, which bounds it in any case, or by the grace period. A step without max= gets a
// shorter timeout=.
func (h *preStop) longerTimeout(s *entry) string {
	timeout := s.needs.Calls[len(s.needs.Calls)-1].Timeout // the calls before it are conditions
	longer, shorter := "max="+whole(timeout), min(s.Most, s.Ends-s.Earliest)
	switch bounded := s.Most > 0 && s.Most < timeout; {
	case bounded && isStep(s.with(longer)):
		return h.stepFix(s, s.with(longer), longer)
	case bounded && shorter >= time.Second: // its max is the verb's own
		option := "timeout=" + whole(shorter)
		return h.stepFix(s, s.with(option), option)
	}
	return h.moreGrace(timeout - (s.Ends - s.Earliest))
}

// whole is a duration in whole seconds, as steps are written.
func whole(d time.Duration) string { return strconv.Itoa(int(d/time.Second)) + "s" }

// graceFix sets the pod's grace period, and tells the hook the same.
func (h *preStop) graceFix(grace time.Duration) string {
	lines := fmt.Sprintf("%s: %d", graceKey, seconds(grace))
	if h.reading == nil || h.reading.config == nil || h.pod.cluster != "" && !h.setsGrace() {
		return lines
	}
	if _, byFlag := h.flagOf(graceVariable); byFlag {
		return lines + "\n" + h.settingFix(graceVariable, grace)
	}
	return lines + "\nenv:\n" + variableLine(graceVariable, grace)
}

// flagOf is the flag that gives a setting in the hook's command.
func (h *preStop) flagOf(name string) (flag string, ok bool) {
	if s, set := h.reading.set[name]; set {
		flag = s.By()
	}
	return flag, strings.HasPrefix(flag, "--")
}

// settingFix sets a setting where it counts: in its flag, if the hook's command has the flag; else in its variable.
func (h *preStop) settingFix(name string, d time.Duration) string {
	flag, ok := h.flagOf(name)
	if !ok {
		return variableLine(name, d)
	}
	value, words := strconv.Itoa(seconds(d)), slices.Clone(h.words)
	for i, word := range words {
		if strings.HasPrefix(word, flag+"=") {
			words[i] = flag + "=" + value
		} else if i > 0 && words[i-1] == flag {
			words[i] = value
		}
	}
	return commandFix(words, flag+"="+value)
}

func sleepFillsGrace(h *preStop, say report) {
	at, slept := h.command(), h.script.slept()[0]
	if h.Sleep != nil {
		at, slept = h.place.at("sleep", "seconds"), time.Duration(min(h.Sleep.Seconds, 1<<32))*time.Second
	}
	if h.pod.graceWrong || h.pod.noGrace() {
		return
	}
	if slept <= 0 || slept < h.pod.grace {
		h.beginsLate(say)
		return
	}
	length, then := short(slept), usedUp
	if slept == forever {
		length = "for ever"
	}
	if h.Sleep != nil && slept > h.pod.grace {
		then = "Kubernetes refuses a sleep action that is longer"
	}
	say(at, "the hook sleeps "+length+h.pod.graceIs()+then, longerThan(slept, "sleep"))
}

// filledBy tells whether a hook of this length leaves nothing of the grace period, which is one that a hook can be run in.
func (p *pod) filledBy(hook time.Duration) bool {
	return hook >= p.grace && !p.graceWrong && !p.noGrace()
}

// proxyFillsGrace looks at the annotation by which Linkerd gives its proxy a hook that sleeps.
func proxyFillsGrace(p *pod, say report) {
	const annotation = "config.alpha.linkerd.io/proxy-wait-before-exit-seconds"
	if wait := slept([]string{p.Annotations[annotation]}); p.filledBy(wait) {
		say(p.place.at("metadata", "annotations", annotation), "the hook of Linkerd's proxy sleeps "+short(wait)+p.graceIs()+usedUp, longerThan(wait, "sleep"))
	}
}

const usedUp = "SIGTERM comes when it is used up, and SIGKILL 2 s later"

// graceIs is the part of a message between how long a hook lasts, and what comes of it.
func (p *pod) graceIs() string {
	unset := ""
	if !p.graceNode.there() {
		unset = ", which goes where " + graceKey + " is not set"
	}
	return ", and the grace period is " + short(p.grace) + unset + ": "
}

// mayFillGrace finds hooks that end before the grace period only if what they wait for comes soon.
func mayFillGrace(h *preStop, say report) {
	if limit := h.script.limit(); h.pod.filledBy(limit) && !h.pod.filledBy(h.script.slept()[0]) {
		say(h.command(), "the hook may last "+short(limit)+h.pod.graceIs()+usedUp, longerThan(limit, "limit in the hook"))
	}
}

// beginsLate finds prestop behind a sleep. It counts its time from its own beginning.
func (h *preStop) beginsLate(say report) {
	slept := h.script.slept()
	for i, c := range h.script.commands {
		if before := slept[0] - slept[i]; c.most > 0 && before+c.most > h.pod.grace && !h.script.branches {
			say(h.command(), "prestop begins "+short(before)+" after the hook, and may last "+short(c.most)+" from then: the grace period of "+short(h.pod.grace)+" is over before, and prestop and the app are killed",
				"wait "+short(before)+" as prestop's first step, instead of the sleep").warn()
		}
	}
}

func sleepUnreadable(h *preStop, say report) {
	sleep := h.place.at("sleep")
	switch at := sleep.at("seconds"); {
	case h.Sleep == nil:
	case h.Sleep.Seconds < 0:
		say(at, "a sleep of "+at.text()+" s, which Kubernetes refuses", secondsFix(at, "seconds"))
	case len(sleep.Content) == 0 || at.Node != nil && !at.there():
		say(sleep, "sleep has no seconds, which means 0: the hook does nothing", below(int(h.pod.someSeconds()/time.Second), "seconds"))
	}
	if h.place.at("exec", "args").Node != nil || !h.asWritten() {
		return // the length may be in args, or beside &&, which are findings of their own
	}
	unreadable := func(word string) bool {
		variable := h.script.shell == "" && strings.Contains(word, "$") // which is a finding of its own
		_, ok := sleepTime(word)
		return word != "" && !variable && !ok && !strings.HasPrefix(word, "--")
	}
	for _, c := range h.script.commands {
		if c.program() != "sleep" || h.script.lost > 0 || len(c.operands) > 0 && !slices.ContainsFunc(c.operands, unreadable) {
			continue
		}
		fix := "sleep and a number of seconds"
		meant := stopDuration(strings.ReplaceAll(strings.TrimPrefix(strings.Join(c.words[1:], ""), "-"), " ", ""))
		if meant >= time.Second && h.script.shell == "" {
			fix = commandFix([]string{c.words[0], strconv.Itoa(int(meant / time.Second))}, fix)
		}
		say(h.command(), "sleep has no length that it takes: it fails at once, and the hook with it", fix)
		return
	}
}

// longerThan is a grace period for a hook that sleeps, and for the app after it.
func longerThan(slept time.Duration, or string) string {
	if slept > 24*time.Hour {
		return "a " + or + " of some seconds, shorter than the grace period"
	}
	return fmt.Sprintf("%s: %d # or a shorter %s", graceKey, seconds(slept*6/5+5*time.Second)/5*5, or)
}

// short writes a duration as people write it.
func short(d time.Duration) string {
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(d.Round(100 * time.Millisecond).String())
}

// seconds writes a duration as Kubernetes does, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

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
