package hook

import (
	"fmt"
	"time"

	"github.com/prestop/prestop/internal/config"
)

// The grace periods of pods that do not say one.
const (
	DefaultGrace    = 30 * time.Second  // Kubernetes' terminationGracePeriodSeconds
	DefaultECKGrace = 180 * time.Second // of the pods that ECK makes
)

const minReserve = 5 * time.Second

// budget sets the grace period and the reserve. asked is the grace period that the API server names; 0: it names none.
func (s *Script) budget(p *Plan, asked time.Duration) {
	p.Grace = s.config.GracePeriod.V
	switch {
	case asked > 0:
		p.Grace = asked
	case !s.config.GracePeriod.IsSet():
		p.Grace = s.assumeGrace()
		p.warn("grace-not-set", NoStep, "the grace period is not known, and is taken to be %s: set PRE_STOP_GRACE_PERIOD_SECONDS to the pod's terminationGracePeriodSeconds", p.Grace)
	}
	var fits bool
	p.Reserve, fits = s.reserveWithin(p.Grace)
	tooLarge := config.Problem{Name: "PRE_STOP_RESERVE_SECONDS", Text: fmt.Sprintf("expected less than the grace period of %s, got %s; %s is used", p.Grace, s.config.Reserve.V, p.Reserve)}
	switch {
	case fits:
	case asked > 0: // the API server said so: nobody made a mistake
		p.warn("reserve-too-large", NoStep, "%v", tooLarge)
	default:
		p.Problems = append(p.Problems, config.Problem{Name: s.config.Reserve.By, Text: tooLarge.Text}) // mistakes are named as they were made
	}
}

// reserveWithin is the reserve for a grace period. If the reserve that was set would leave no time, it does not fit, and the default counts.
func (s *Script) reserveWithin(grace time.Duration) (reserve time.Duration, fits bool) {
	isSet := s.config.Reserve.IsSet()
	if reserve = s.config.Reserve.V; isSet && reserve < grace {
		return reserve, true
	}
	return reserveOf(grace), !isSet
}

func reserveOf(grace time.Duration) time.Duration {
	return min(grace/2, max(minReserve, grace/6)).Round(time.Millisecond)
}

// DefaultBudget is the time from a hook's start to its deadline, where nobody set a reserve and no report is sent.
func DefaultBudget(grace time.Duration) time.Duration { return grace - reserveOf(grace) }

// assumeGrace is the grace period if nobody set it. It is the default, or longer if a wait that was asked for needs more.
func (s *Script) assumeGrace() time.Duration {
	grace := DefaultGrace
	if s.config.ECK.Cluster != "" {
		grace = DefaultECKGrace
	}
	wait := s.explicitWait()
	reserve := max(minReserve, wait/5) // a sixth of wait + wait/5
	if s.config.Reserve.IsSet() {
		reserve = s.config.Reserve.V
	}
	if wait > 0 {
		grace = max(grace, wait+reserve)
	}
	return grace
}

// explicitWait is the additional wait or the waits among the steps, whichever is longer, if somebody set them.
func (s *Script) explicitWait() time.Duration {
	var floor, steps time.Duration
	if s.config.AdditionalWait.IsSet() {
		floor = s.config.AdditionalWait.V
	}
	for _, one := range s.Steps {
		switch n := &one.Needs; {
		case n.Guard && !n.Default:
			floor = max(floor, n.Most)
		case n.Waits:
			steps += n.Least
		}
	}
	return max(floor, steps)
}

// floor is the additional wait. If there are steps, it applies only if somebody set it, or tried to. If neither it nor the grace
// period is set, it is cut to the budget.
func (s *Script) floor(budget time.Duration) time.Duration {
	wait := s.config.AdditionalWait.V
	switch {
	case s.config.AdditionalWait.IsSet():
		return wait
	case s.hasLines() && !s.config.WaitMistaken():
		return 0
	case s.config.GracePeriod.IsSet():
		return wait
	default:
		return min(wait, budget)
	}
}

// SettledBudget is the least budget that the settings alone leave. The API server's answer plays no part.
func (s *Script) SettledBudget() time.Duration {
	grace := DefaultGrace
	if s.config.GracePeriod.IsSet() {
		grace = s.config.GracePeriod.V
	}
	reserve, _ := s.reserveWithin(grace)
	return grace - reserve
}
