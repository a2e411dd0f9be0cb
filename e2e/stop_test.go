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
	hook    time.Duration // that it took, by its last line
	outcome line
	term    time.Duration // from the hook's start to SIGTERM; 0: none was seen
	kill    time.Duration // to the last sign of an application that ignores SIGTERM
	events  int           // FailedPreStopHook
}

// stopped deletes a pod with its own grace period, and tells how it went.
func (r *running) stopped(failures int) stop { return r.stoppedBy(r.delete(-1), failures) }

// stoppedBy tells how a pod went that was deleted before, where so many FailedPreStopHook are expected.
func (r *running) stoppedBy(deleted time.Time, failures int) stop {
	r.Helper()
	r.awaitGone(150 * time.Second)
	s := stop{running: r, deleted: deleted, events: r.hookFailures(r.name, "app", failures)}
	if lines := r.log().hook(); len(lines) > 0 {
		s.start, s.outcome = lines[0].at, lines[len(lines)-1]
		s.hook = s.outcome.at.Sub(s.start)
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

// ordinary fails the case unless the hook's lines are in the log, and SIGTERM came right after it.
func (s stop) ordinary() stop {
	s.Helper()
	s.want(len(s.log().hook()) >= 2, "the hook's lines in the container's log, got %d", len(s.log().hook()))
	s.want(s.term >= s.hook-50*time.Millisecond && s.term-s.hook < time.Second, "SIGTERM right after the hook's %s, got %s", short(s.hook), short(s.term))
	return s
}

// took fails the case unless the hook took as long as that, and not much longer. Its first line comes a little after its start.
func (s stop) took(least, most time.Duration) stop {
	s.Helper()
	s.want(s.hook >= least-200*time.Millisecond && s.hook <= most, "a hook of %s to %s, got %s", least, most, short(s.hook))
	return s
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
	text := fmt.Sprintf("hook %s, %d log lines", short(s.hook), len(s.log().hook()))
	if s.term > 0 {
		text += ", SIGTERM at " + short(s.term)
	}
	if s.kill > 0 {
		text += ", SIGKILL at " + short(s.kill)
	}
	return fmt.Sprintf("%s, %d FailedPreStopHook", text, s.events)
}

func short(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
