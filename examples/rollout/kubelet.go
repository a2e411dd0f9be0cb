package main

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// leastGrace is what a kubelet leaves to a container after its hook, whatever the hook took.
const leastGrace = 2 * time.Second

var errEndless = errors.New("ran on beyond the grace period")

// A kubelet does what Kubernetes' own does to a container whose pod is deleted.
type kubelet struct{ grace time.Duration }

// A termination is how a container ended.
type termination struct {
	begun            time.Time     // the hook's start, or SIGTERM without one
	hook             time.Duration // how long the hook ran
	hookErr          error         // of its end
	sigterm, sigkill time.Time     // sigkill: zero unless it was needed
	left             time.Duration // of the grace period, at SIGTERM
	ended            time.Time
}

// terminate runs the hook, if there is one, and then ends the container with what is left of the grace period. A hook that
// goes on is never signalled: it dies with its container.
func (k kubelet) terminate(ctx context.Context, container *process, hook *exec.Cmd) (termination, error) {
	t := termination{begun: time.Now()}
	if hook != nil {
		p, err := start(hook)
		if err != nil {
			return t, err
		}
		defer p.kill()
		if err := within(ctx, k.grace, p); err != nil {
			return t, err
		}
		t.hook, t.hookErr = time.Since(t.begun), errEndless
		if p.ended() {
			t.hookErr = p.err
		}
	}
	t.sigterm, t.left = time.Now(), k.remaining(t.hook)
	container.signal(syscall.SIGTERM)
	if err := within(ctx, t.left, container); err != nil {
		return t, err
	}
	if !container.ended() {
		t.sigkill = time.Now()
		container.kill()
	}
	t.ended = time.Now()
	return t, nil
}

// remaining is what a hook leaves of the grace period: only its whole seconds count.
func (k kubelet) remaining(hook time.Duration) time.Duration {
	return max(leastGrace, k.grace-hook.Truncate(time.Second))
}

// within waits for the end of p for as long as d. The error is ctx's.
func within(ctx context.Context, d time.Duration, p *process) error {
	select {
	case <-p.done:
	case <-time.After(d):
	case <-ctx.Done():
	}
	return context.Cause(ctx)
}
