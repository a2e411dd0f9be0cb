package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"syscall"
	"time"
)

const sigterm = "SIGTERM"

// leastGrace is what a kubelet leaves to a container after its hook, whatever the hook took.
const leastGrace = 2 * time.Second

var errEndless = errors.New("ran on beyond the grace period")

// A kubelet does what Kubernetes' own does to a container whose pod is deleted.
type kubelet struct {
	*timeline
	grace time.Duration
}

// A termination is how a container ended.
type termination struct {
	hook    time.Duration // how long the hook ran
	hookErr error         // of its end
	left    time.Duration // of the grace period, for SIGTERM
	app     time.Duration // from SIGTERM to the container's end
	appErr  error         // of its end
}

// terminate runs the hook, and then ends the container with what is left of the grace period.
func (k kubelet) terminate(ctx context.Context, container *process, hook *exec.Cmd) (termination, error) {
	k.say(isKubelet, "runs the preStop hook; %.0f s of grace from now on", k.grace.Seconds())
	began := time.Now()
	p, err := start(hook, k.hookSays, func(line string) { k.say(isHook, "stderr: %s", line) })
	if err != nil {
		return termination{}, err
	}
	defer p.kill() // a hook that is still there dies with its container
	if err := within(ctx, k.grace, p); err != nil {
		return termination{}, err
	}
	end := termination{hook: time.Since(began)}
	end.hookErr = k.hookEnd(p, end.hook)

	end.left = k.remaining(end.hook)
	k.called(isKubelet, sigterm, "to the app; SIGKILL would follow in "+seconds(end.left)+" s")
	began = time.Now()
	container.signal(syscall.SIGTERM)
	if err := within(ctx, end.left, container); err != nil {
		return termination{}, err
	}
	if !container.ended() {
		k.called(isKubelet, "SIGKILL", "to the app")
		container.kill()
	}
	end.app, end.appErr = time.Since(began), container.err
	k.say(isKubelet, "the container has ended: %s", status(end.appErr))
	return end, nil
}

// remaining is what a hook leaves of the grace period: only its whole seconds count.
func (k kubelet) remaining(hook time.Duration) time.Duration {
	return max(leastGrace, k.grace-hook.Truncate(time.Second))
}

// hookEnd tells how the hook ended. If it has not, the kubelet goes on without it.
func (k kubelet) hookEnd(p *process, took time.Duration) error {
	if !p.ended() {
		k.say(isKubelet, "the hook is not done within the grace period")
		return errEndless
	}
	k.say(isKubelet, "the hook has ended after %.2f s: %s", took.Seconds(), status(p.err))
	if p.err != nil {
		k.say(isKubelet, "event FailedPreStopHook: the container is stopped just the same")
	}
	return p.err
}

// within waits for the end of p for as long as d. The error is ctx's.
func within(ctx context.Context, d time.Duration, p *process) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
	}
	return context.Cause(ctx) // its end kills the process
}

// probe asks for readiness each second until it is answered with this status.
func (k kubelet) probe(ctx context.Context, url string, want int) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		if got := ask(ctx, &client, url); got == want {
			k.say(isKubelet, "readiness probe: %d %s", got, http.StatusText(got))
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// ask is the status of a GET, 0 if there was no answer.
func ask(ctx context.Context, client *http.Client, url string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0
	}
	return answer.StatusCode
}

func status(err error) string {
	if err != nil {
		return err.Error()
	}
	return "exit status 0"
}
