package e2e

import (
	"strings"
	"testing"
	"time"
)

// What a hook leaves behind when it fails, and where it says how it went.

const failure = "03 outcome"

func TestFailureIsAnEvent(t *testing.T) {
	t.Parallel()
	c := begin(t, failure, "a call that fails: FailedPreStopHook, and the wait is kept")
	s := c.launch(pod{Hook: []string{"/prestop", "post http://127.0.0.1:8081/none", "wait 3s"}}).stopped(1).ordinary().waited(3 * time.Second)
	c.saw("%s", s)
}

func TestConfigurationMistake(t *testing.T) {
	t.Parallel()
	c := begin(t, failure, "a step that cannot be read: the additional wait in its place, FailedPreStopHook")
	s := c.launch(pod{Hook: []string{"/prestop", "pots http://127.0.0.1:8081/drain"}, Env: map[string]string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS": "4"}}).
		stopped(1).ordinary().waited(4 * time.Second)
	c.saw("%s", s)
}

func TestTerminationMessage(t *testing.T) {
	t.Parallel()
	c := begin(t, failure, "termination message, container not writable")
	r := c.launch(pod{Hook: []string{"/prestop", "post http://127.0.0.1:8081/drain", "wait 2s"}, Container: hardened, Env: map[string]string{"PRE_STOP_TERMINATION_LOG": "on"}})
	r.delete(-1)
	var message string
	c.until(30*time.Second, "the container's end in the pod's status", func() bool {
		if t := r.now().container("app").State.Terminated; t != nil {
			message = t.Message
		}
		return message != "" || !r.goneAt().IsZero()
	})
	r.awaitGone(30 * time.Second)
	c.want(strings.Contains(message, "drain") && strings.Contains(message, "wait 2s"), "a line for each step in the message, got %q", message)
	c.saw("%q", strings.TrimSpace(message))
}
