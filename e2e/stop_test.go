package e2e

import (
	"fmt"
	"strings"
	"time"
)

// A stop is how a container was stopped, as its log has it.
type stop struct {
	*running
	deleted time.Time
	start   time.Time     // of the hook, by its first line
	end     time.Duration // of the hook, by its last line; a busy node may have brought either line late
	took    time.Duration // by the hook's own clock, in its last line
	outcome line
	term    time.Duration // from the hook's start to SIGTERM; 0: none was seen
	kill    time.Duration // to the last sign of an application that ignores SIGTERM
	events  int           // FailedPreStopHook
}

// stopped deletes a pod with its own grace period, and tells how it went.
func (r *running) stopped(failures int) stop { return r.stoppedBy(r.delete(-1), failures) }

// stoppedBy tells how a pod went that was deleted before. failures is how many events FailedPreStopHook are expected.
func (r *running) stoppedBy(deleted time.Time, failures int) stop {
	r.Helper()
	r.awaitGone(150 * time.Second)
	s := stop{running: r, deleted: deleted, events: r.hookFailures(r.name, "app", failures)}
	if lines := r.log().hook(); len(lines) > 0 {
		s.start, s.outcome = lines[0].at, lines[len(lines)-1]
		s.end, s.took = s.outcome.at.Sub(s.start), s.outcome.elapsed()
	} else {
		s.start = deleted
	}
	if l, ok := r.log().find("app: SIGTERM"); ok {
		s.term = l.at.Sub(s.start)
	}
	if l, ok := r.log().last("app: is still there"); ok {
		s.kill = l.at.Sub(s.start)
	}
	r.want(s.events == failures, "%d FailedPreStopHook, got %d", failures, s.events)
	return s
}

// busy is how late a node may be that has all the cases to do, two processors, and a Kubernetes of its own.
const busy = 5 * time.Second

// ordinary fails the case unless the log has the hook's lines, with the outcome last, and SIGTERM came right after the hook's end, and not
// only at the end of the grace period.
func (s stop) ordinary() stop {
	s.Helper()
	s.want(len(s.log().hook()) >= 2, "the hook's lines in the container's log, got %d", len(s.log().hook()))
	s.want(s.outcome.field("message") == "prestop ends", "the outcome in the hook's last line, got %q", s.outcome.field("message"))
	s.want(s.term >= s.end-50*time.Millisecond && s.term-s.end < busy, "SIGTERM right after the hook's %s, got %s", short(s.end), short(s.term))
	return s
}

// lasted fails the case unless the hook took from least to most by its own clock. If a hook waits for something, it may see that late.
func (s stop) lasted(least, most time.Duration) stop {
	s.Helper()
	s.want(s.took >= least && s.took <= most, "a hook of %s to %s, got %s", least, most, short(s.took))
	return s
}

// waited fails the case unless the hook took that long, up to a second more.
func (s stop) waited(d time.Duration) stop {
	s.Helper()
	return s.lasted(d, d+time.Second)
}

// usedUp fails the case unless the hook ended at its deadline.
func (s stop) usedUp(deadline time.Duration) stop {
	s.Helper()
	least, most := atDeadline(deadline, s.log().hook())
	return s.lasted(least, most)
}

// atDeadline is how long a hook that ends at its deadline takes, by its own clock. The engine keeps 50 ms for its end. It also keeps the
// time by which the processor was late before the hook's first line, up to a quarter of the budget. If the processor stands still, the end
// is late by 0.2 s at most.
func atDeadline(deadline time.Duration, hook []line) (least, most time.Duration) {
	var late time.Duration
	if len(hook) > 0 {
		late = min(hook[0].elapsed(), deadline/4)
	}
	return deadline - late - 100*time.Millisecond, deadline + 200*time.Millisecond
}

// says fails the case unless one of the hook's lines holds the text.
func (s stop) says(text string) stop {
	s.Helper()
	for _, l := range s.log().hook() {
		if strings.Contains(l.text, text) {
			return s
		}
	}
	s.want(false, "a hook's line with %q", text)
	return s
}

func (s stop) String() string {
	text := fmt.Sprintf("hook %s, %d log lines", short(s.took), len(s.log().hook()))
	if s.term > 0 {
		text += ", SIGTERM at " + short(s.term)
	}
	if s.kill > 0 {
		text += ", SIGKILL at " + short(s.kill)
	}
	return fmt.Sprintf("%s, %d FailedPreStopHook", text, s.events)
}

func short(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
