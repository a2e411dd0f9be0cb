package inject

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/verbs"
)

// The first line of steps that inject writes, by which it knows them again. To prestop each is a comment. Other steps are somebody's own,
// and are kept.
const (
	DefaultMark  = "# " + InjectAnnotation              // of the default step
	StepsMark    = "# " + StepsAnnotation               // of the annotation's steps
	ReplacedMark = DefaultMark + ": instead of a sleep" // of the step that replaces a sleep, and is kept as well
)

// DurationPattern matches what the annotations take for a duration: seconds, or as in 1m30s. Nothing that it matches is too long for
// prestop, which takes a year at most.
const DurationPattern = `^([0-9]{1,7}s?|[0-9]{1,3}h([0-9]{1,5}m)?([0-9]{1,7}s)?|[0-9]{1,5}m([0-9]{1,7}s)?)$`

// NotZeroPattern matches a duration that is not zero. A default step that waits for no time at most would wait for nothing.
const NotZeroPattern = `[1-9]`

var (
	duration = regexp.MustCompile(DurationPattern)
	notZero  = regexp.MustCompile(NotZeroPattern)
)

func marked(v corev1.EnvVar) bool {
	return strings.HasPrefix(v.Value, DefaultMark+"\n") || strings.HasPrefix(v.Value, StepsMark+"\n")
}

// QuietWindow is how long there must be silence, by default, before an until quiet is met. It is in seconds, rounded up.
func QuietWindow() int {
	_, spec, _, err := parse.Line(verbs.All(), "until quiet", func(string) (string, bool) { return "", false })
	if err != nil {
		panic(err) // the grammar no longer has what is put into pods
	}
	return int((spec.Needs().Quiet.For + time.Second - 1) / time.Second)
}

// Annotations are those that inject reads.
func Annotations() []string {
	return []string{InjectAnnotation, StepsAnnotation, MaxAnnotation, WaitAnnotation}
}

// readAnnotations reads what the annotations tell the pod's containers.
func (e *editor) readAnnotations() {
	for _, name := range slices.Sorted(maps.Keys(e.Annotations)) {
		if strings.HasPrefix(name, Domain) && !slices.Contains(Annotations(), name) {
			text := "inject knows no such annotation, and leaves it out" + phrase.DidYouMean(name, Annotations())
			e.result.Warnings = append(e.result.Warnings, Problem{name, text})
		}
	}
	allow := e.probes()
	text := e.Annotations[StepsAnnotation]
	lines := stepLines(text)
	limit, limited := e.Annotations[MaxAnnotation]
	switch {
	case !limited:
	case !duration.MatchString(limit):
		e.problem(MaxAnnotation, durationExpected, limit)
		limited = false
	case !notZero.MatchString(limit):
		e.problem(MaxAnnotation, "expected 1 s at least; "+InjectAnnotation+`: "false" leaves the pod without a hook`, limit)
		limited = false
	}
	switch {
	case len(lines) > 0:
		e.steps, e.given = StepsMark+"\n"+strings.ReplaceAll(text, "$", "$$"), true
		e.checkSteps(lines)
		if limited {
			e.problem(MaxAnnotation, "expected no "+StepsAnnotation+" beside it: it is for the default step", limit)
		}
	case limited:
		e.steps = fmt.Sprintf("%s\nuntil quiet max=%s allow=%d", DefaultMark, limit, allow)
	default:
		e.steps = fmt.Sprintf("%s\nuntil quiet max=%ds allow=%d", DefaultMark, int(min(e.with.Max, e.budget())/time.Second), allow)
	}
	if wait, ok := e.Annotations[WaitAnnotation]; ok {
		if duration.MatchString(wait) {
			e.wait = wait
		} else {
			e.problem(WaitAnnotation, durationExpected, wait)
		}
	}
}

const durationExpected = "expected seconds, as 50, or a duration, as 1m30s"

func (e *editor) problem(annotation, expected, got string) {
	e.result.Problems = append(e.result.Problems, Problem{annotation, fmt.Sprintf("%s, got %q", expected, got)})
}

// stepLines are the lines of an annotation that are steps.
func stepLines(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// checkSteps says which steps cannot be read, and adds up what the others take at least. What a variable holds is not known here.
func (e *editor) checkSteps(lines []string) {
	for n, line := range lines {
		known := true
		_, spec, _, err := parse.Line(verbs.All(), line, func(string) (string, bool) { known = false; return "1", true })
		if err != nil && known {
			e.result.Problems = append(e.result.Problems, Problem{StepsAnnotation, fmt.Sprintf("step %d: %s", n+1, err)})
		}
		if err == nil && known {
			e.least += spec.Needs().Least
		}
	}
}

// checkTimes says which annotations ask for more time than the hook has.
func (e *editor) checkTimes() {
	seconds := func(annotation string) time.Duration {
		d, _ := grammar.ParseDuration(e.Annotations[annotation])
		return d
	}
	for _, one := range []struct {
		annotation string
		wants      time.Duration
		what       string
	}{
		{StepsAnnotation, e.least, "its steps take at least"},
		{MaxAnnotation, seconds(MaxAnnotation), "it is"},
		{WaitAnnotation, seconds(WaitAnnotation), "it is"},
	} {
		if one.wants > e.budget() {
			text := fmt.Sprintf("%s %s, but the pod's grace period of %d s leaves a hook %s: it ends then", one.what, one.wants, e.grace(), e.budget())
			e.result.Warnings = append(e.result.Warnings, Problem{one.annotation, text})
		}
	}
}

// probes is the most connections with payload that kubelet's probes can make to the pod within the window of until quiet.
//
// Only readiness probes are made while a pod ends: the kubelet stops the others when it begins to end it. A probe of a TCP socket
// carries no payload, and one that runs a program makes no connection that is known.
func (e *editor) probes() int {
	sum := 0
	for _, c := range e.Spec.InitContainers {
		if sidecar(c) {
			sum += probed(c.ReadinessProbe)
		}
	}
	for _, c := range e.Spec.Containers {
		sum += probed(c.ReadinessProbe)
	}
	return sum
}

// sidecar tells whether an init container is a native sidecar.
func sidecar(c corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// DefaultPeriod is a probe's periodSeconds.
const DefaultPeriod = 10

func probed(p *corev1.Probe) int {
	if p == nil || p.HTTPGet == nil && p.GRPC == nil {
		return 0
	}
	period := DefaultPeriod
	if p.PeriodSeconds > 0 {
		period = int(p.PeriodSeconds)
	}
	return QuietWindow()/period + 1
}

// replaceable is how long a container's hook sleeps, if that is all that it does, and whether it is to be replaced.
func (e *editor) replaceable(c corev1.Container) (slept time.Duration, replace bool) {
	switch h := hookOf(c); {
	case h == nil:
	case h.Sleep != nil:
		slept = time.Duration(min(max(h.Sleep.Seconds, 0), 1<<30)) * time.Second
	case h.Exec != nil:
		slept, _ = lint.Sleeps(h.Exec.Command)
	}
	return slept, e.with.ReplaceSleep && slept > 0
}

// insteadOf is the step that replaces a sleep. What the annotation says counts more.
func (e *editor) insteadOf(slept time.Duration) string {
	if e.given {
		return e.steps
	}
	longest, shortest := e.sleepTimes(slept)
	return fmt.Sprintf("%s\nuntil quiet min=%ds max=%ds allow=%d", ReplacedMark, int(shortest/time.Second), int(longest/time.Second), e.probes())
}

// sleepTimes are the max and the min of the step that replaces a sleep, in whole seconds. Both end by the deadline.
func (e *editor) sleepTimes(slept time.Duration) (longest, shortest time.Duration) {
	whole := (min(slept, 1<<30*time.Second) + time.Second - 1).Truncate(time.Second)
	longest = min(whole, e.budget())
	return longest, min(longest, e.with.Min.Truncate(time.Second))
}

// howLong is a duration in words. A sleep without an end is longer than any.
func howLong(d time.Duration) string {
	if d > MostGrace*time.Second {
		return "more than a year"
	}
	return d.String()
}

// replacement says what became of a sleep.
func (e *editor) replacement(slept time.Duration, steps string) string {
	if e.given {
		return fmt.Sprintf("its hook that slept %s is replaced by the steps of the annotation", howLong(slept))
	}
	longest, shortest := e.sleepTimes(slept)
	advice := "give a larger --min"
	if shortest == longest {
		advice = "make the sleep or the grace period longer, since the hook waits no longer than they allow"
	}
	const text = "its hook that slept %s is replaced by %q; where a load balancer takes longer than %s to stop sending, %s"
	return fmt.Sprintf(text, howLong(slept), strings.TrimPrefix(steps, ReplacedMark+"\n"), shortest, advice)
}
