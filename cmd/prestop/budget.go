package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/line"
)

const (
	defaultGrace    = 30 * time.Second // Kubernetes' terminationGracePeriodSeconds
	defaultECKGrace = 180 * time.Second
	minReserve      = 5 * time.Second
)

// budget is the grace period and the reserve. wait is what was asked for explicitly.
func (b *builder) budget(wait time.Duration) (grace, reserve time.Duration) {
	grace = time.Duration(b.grace)
	switch {
	case b.asked.grace > 0:
		grace = b.asked.grace
	case !b.given("PRE_STOP_GRACE_PERIOD_SECONDS"):
		grace = b.assumeGrace(wait)
	}
	reserve, fits := b.reserveWithin(grace)
	tooLarge := problem{"PRE_STOP_RESERVE_SECONDS", fmt.Sprintf("expected less than the grace period of %s, got %s; %s is used", grace, time.Duration(b.reserve), reserve)}
	switch {
	case fits:
	case b.asked.grace > 0: // which is nobody's mistake
		b.warnings = append(b.warnings, tooLarge.Error())
	default:
		b.problems = append(b.problems, tooLarge)
	}
	return grace, reserve
}

// reserveWithin is the reserve for a grace period. It does not fit where the one that was set would leave nothing.
func (b *builder) reserveWithin(grace time.Duration) (reserve time.Duration, fits bool) {
	if !b.given("PRE_STOP_RESERVE_SECONDS") {
		return reserveOf(grace), true
	}
	if set := time.Duration(b.reserve); set < grace {
		return set, true
	}
	return reserveOf(grace), false
}

func reserveOf(grace time.Duration) time.Duration {
	return min(grace/2, max(minReserve, grace/6))
}

// assumeGrace is the grace period where nobody said it: the default, raised for an explicit wait alone.
func (b *builder) assumeGrace(wait time.Duration) time.Duration {
	grace := defaultGrace
	if b.eck.Cluster != "" {
		grace = defaultECKGrace
	}
	reserve := max(minReserve, wait/5) // a sixth of wait + wait/5
	if b.given("PRE_STOP_RESERVE_SECONDS") {
		reserve = time.Duration(b.reserve)
	}
	if wait > 0 {
		grace = max(grace, wait+reserve)
	}
	b.warnings = append(b.warnings, fmt.Sprintf("PRE_STOP_GRACE_PERIOD_SECONDS is not set: the grace period is taken to be %s; set it to the pod's terminationGracePeriodSeconds", grace))
	return grace
}

// explicitWait is the additional wait or the waits among the steps, whichever is longer, if somebody set them.
func (b *builder) explicitWait(lines []string) time.Duration {
	var floor, steps time.Duration
	if b.given("PRE_STOP_ADDITIONAL_WAIT_SECONDS") {
		floor = time.Duration(b.additionalWait)
	}
	for _, text := range lines {
		words, err := line.Split(text, b.lookup)
		if err != nil || len(words) < 2 {
			continue
		}
		switch words[0].Text {
		case "wait":
			d, _ := parseSeconds(words[1].Text)
			steps += d
		case "until":
			floor = max(floor, maxOf(words))
		}
	}
	return max(floor, steps)
}

// maxOf is the max of an until that has one.
func maxOf(words []line.Word) time.Duration {
	d, _ := parseSeconds(optionOf(words, "max"))
	return d
}

// optionOf is the value of an option; empty without it.
func optionOf(words []line.Word, name string) string {
	_, options := line.Options(words)
	o, _ := parsed{options: options}.option(name)
	return o.Value
}

// floor is the additional wait. With steps it applies only if it was set, and where neither it nor the grace
// period was, it is what fits.
func (b *builder) floor(lines []string, budget time.Duration) time.Duration {
	wait := time.Duration(b.additionalWait)
	switch {
	case b.given("PRE_STOP_ADDITIONAL_WAIT_SECONDS"):
		return wait
	case len(lines) > 0 && !b.waitMistaken():
		return 0
	case b.given("PRE_STOP_GRACE_PERIOD_SECONDS"):
		return wait
	default:
		return min(wait, budget)
	}
}

// waitMistaken tells whether somebody may have set the additional wait to what cannot be read, or by a flag that
// there is not: then the default stands for it, with steps too.
func (b *builder) waitMistaken() bool {
	return slices.ContainsFunc(b.problems, func(p problem) bool {
		return p.name == "PRE_STOP_ADDITIONAL_WAIT_SECONDS" || p.name == "--additional-wait" || p.name == "arguments"
	})
}
