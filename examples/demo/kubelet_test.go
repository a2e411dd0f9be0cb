package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestTerminateBeyondGrace(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes three seconds")
	}
	var text bytes.Buffer
	out, ctx := newTimeline(t.Context(), &text)
	ignores := make(chan struct{})
	command := exec.CommandContext(ctx, "/bin/sh", "-c", `trap "" TERM; echo ready; exec sleep 30`)
	container, err := start(command, func(string) { close(ignores) }, func(string) {})
	if err != nil {
		t.Skip(err)
	}
	defer container.kill()
	<-ignores
	began := time.Now()
	hook := exec.CommandContext(ctx, "/bin/sh", "-c", "exec sleep 30")
	end, err := kubelet{out, time.Second}.terminate(ctx, container, hook)
	if err != nil {
		t.Fatal(err)
	}
	if end.hookErr != errEndless || end.left != leastGrace || end.appErr == nil || end.app < leastGrace {
		t.Errorf("expected SIGTERM after 1 s, 2 s left, and then SIGKILL; got %+v", end)
	}
	if took := time.Since(began); took < 3*time.Second || took > 6*time.Second || hook.ProcessState == nil {
		t.Errorf("took %s, expected 3 s and the hook to be gone with its container", took)
	}
}

func TestTerminateAfterFailure(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	out, ctx := newTimeline(t.Context(), &text)
	container, err := start(exec.CommandContext(ctx, "/bin/sh", "-c", "exec sleep 30"), func(string) {}, func(string) {})
	if err != nil {
		t.Skip(err)
	}
	defer container.kill()
	hook := exec.CommandContext(ctx, "/bin/sh", "-c", "echo broken >&2; exit 3")
	end, err := kubelet{out, grace}.terminate(ctx, container, hook)
	if err != nil {
		t.Fatal(err)
	}
	if end.hookErr == nil || end.left != grace || end.app >= grace {
		t.Errorf("expected SIGTERM with all of the grace period, got %+v", end)
	}
	for _, want := range []string{"stderr: broken", "exit status 3", "FailedPreStopHook"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("expected %q in\n%s", want, &text)
		}
	}
}

func TestRemaining(t *testing.T) {
	t.Parallel()
	k := kubelet{grace: 20 * time.Second}
	for hook, want := range map[time.Duration]time.Duration{
		0:                       20 * time.Second,
		999 * time.Millisecond:  20 * time.Second,
		4900 * time.Millisecond: 16 * time.Second,
		18 * time.Second:        2 * time.Second,
		19 * time.Second:        2 * time.Second,
		time.Hour:               2 * time.Second,
	} {
		if got := k.remaining(hook); got != want {
			t.Errorf("a hook of %s leaves %s, expected %s", hook, got, want)
		}
	}
}
