package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A container that ends though its pod does not, and a hook that is delivered twice.

const restart = "05 restart"

// The kubelet restarts the container, and the pod stays. Its hook has the probe's own grace period.
func TestLivenessRestart(t *testing.T) {
	t.Parallel()
	for _, plan := range []struct {
		name     string
		told     int
		hook     []string
		failures int
	}{
		{"hook told 5, wait: ends by the deadline", 5, []string{"/prestop", "wait 60s"}, 0},
		{"hook told 5, until quiet: ends as it is quiet", 5, []string{"/prestop", "until quiet 8080 min=0 for=1s"}, 0},
		{"hook told the pod's 30: the kubelet goes on without it", 30, []string{"/prestop", "wait 60s"}, 1},
	} {
		t.Run(plan.name, func(t *testing.T) {
			t.Parallel()
			c := begin(t, restart, "liveness restart, probe's grace 5 of the pod's 30, "+plan.name)
			r := c.launch(pod{Told: plan.told, Hook: plan.hook, Container: `
livenessProbe: {httpGet: {path: /live, port: 8081}, periodSeconds: 1, failureThreshold: 1, terminationGracePeriodSeconds: 5}`})
			first := r.log()
			r.order("sick")
			c.until(30*time.Second, "the container is started again", func() bool { return r.now().container("app").RestartCount == 1 })
			first.end(c)
			term, _ := first.find("app: SIGTERM")
			hook := first.hook()
			c.want(len(hook) > 0, "the hook's lines in the log of the container before")
			if len(hook) == 0 {
				return
			}
			after := term.at.Sub(hook[0].at)
			c.want(after > 0 && after < 5*time.Second+busy, "SIGTERM within 5 s, got %s", short(after))
			n := c.hookFailures("app", "app", plan.failures)
			c.want(n == plan.failures, "%d FailedPreStopHook, got %d", plan.failures, n)
			c.saw("SIGTERM at %s, restarted, pod not deleted, %d FailedPreStopHook", short(after), n)

			// What the hook noted in the old container must not be believed by the hook in the new one.
			r.logs["app"] = c.followLog("app", "app")
			c.until(30*time.Second, "the new container is ready", func() bool { return r.now().ready() })
			s := r.stopped(plan.failures) // the failures are those of the hook in the old container
			c.want(s.took >= time.Second, "the hook of the new container to wait anew, got %s", short(s.took))
			c.saw("deleted then: hook %s", short(s.took))
		})
	}
}

// The kubelet runs a hook a second time if it is itself restarted meanwhile. This case does not run at the same time as others: their hooks
// would die too.
func TestKubeletRestart(t *testing.T) {
	if lab.cluster == nil {
		c := begin(t, restart, "kubelet restarted in mid-hook")
		c.skip("the kubelet is not ours")
	}
	// A wait goes on. An until looks anew, since it cannot know of what it has not seen meanwhile.
	plans := []struct {
		name, wait  string
		least, most time.Duration // of the second delivery, by its own clock
	}{
		{"wait 12s goes on, call not repeated", "wait 12s", 0, 9 * time.Second},
		{"until quiet min=12s begins anew, call not repeated", "until quiet 8080 min=12s for=1s", 12 * time.Second, 13*time.Second + busy},
	}
	var all []*running
	for _, plan := range plans {
		for _, n := range nodes(t) {
			c := begin(t, restart, fmt.Sprintf("kubelet restarted in mid-hook: %s (%s)", plan.name, n.runtime()))
			hook := []string{"/prestop", "post http://127.0.0.1:8081/drain", plan.wait}
			all = append(all, c.launch(pod{Hook: hook, Spec: "nodeName: " + n.Metadata.Name}))
		}
	}
	var deleted []time.Time
	for _, r := range all {
		deleted = append(deleted, r.delete(-1))
	}
	for _, r := range all {
		r.until(10*time.Second, "the hook runs", func() bool { _, ok := r.log().find("app: drains"); return ok })
	}
	pause(t.Context(), 4*time.Second)
	for _, n := range lab.cluster.Nodes {
		n.StopKubelet()
	}
	for _, n := range lab.cluster.Nodes {
		if err := n.StartKubelet(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range all { // their logs went through the kubelet
		r.until(20*time.Second, "the log can be had again", func() bool {
			_, err := lab.api.Text(r.Context(), "GET", r.path("pods/app/log?tailLines=1"))
			return err == nil
		})
		r.logs["app"] = r.followLog("app", "app")
	}
	for i, r := range all {
		plan := plans[i/len(nodes(t))]
		s := r.stoppedBy(deleted[i], 0).ordinary().lasted(plan.least, plan.most)
		begins, calls := 0, 0
		for _, l := range s.log().lines() {
			if l.field("message") == "prestop begins" {
				begins++
			}
			if strings.HasPrefix(l.text, "app: drains") {
				calls++
			}
		}
		s.want(begins == 2, "two deliveries, got %d", begins)
		s.want(calls == 1, "one call, got %d", calls)
		whole := s.outcome.reported()
		s.want(whole >= 12*time.Second, "12 s at least from the first delivery on, got %s", short(whole))
		s.saw("%d deliveries, %d call, the second took %s, both %s, SIGTERM at %s, %d FailedPreStopHook",
			begins, calls, short(s.took), short(whole), short(s.term), s.events)
	}
}

// The hook dies with the container's first process; the kubelet calls that a failure of the hook.
func TestFirstProcessEnds(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"wait 20s", "until quiet 8080 min=20s"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := begin(t, restart, fmt.Sprintf("first process ends by itself 2 s into the hook (%s)", step))
			r := c.launch(pod{Hook: []string{"/prestop", step}})
			deleted := r.delete(-1)
			c.until(10*time.Second, "the hook runs", func() bool { return len(r.log().hook()) > 1 })
			pause(c.Context(), 2*time.Second)
			r.order("end")
			s := r.stoppedBy(deleted, 1)
			gone := r.goneAt().Sub(deleted)
			c.want(gone < 10*time.Second+busy, "the pod gone with its process, got %s", short(gone))
			c.saw("pod gone %s after the deletion, not after 20 s, %d FailedPreStopHook (the kubelet's, spurious)", short(gone), s.events)
		})
	}
}
