package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/e2e/kube"
)

// The hook against the grace period that the kubelet counts.

const deadline = "04 deadline"

// endless are plans that would go on for a minute, since clients ask all the time. A wait is shortened beforehand. An until that the
// deadline cuts has not been met, which is a failure.
var endless = []struct {
	kind     string
	hook     []string
	failures int
}{
	{"wait", []string{"/prestop", "wait 60s"}, 0},
	{"until quiet", []string{"/prestop", "until quiet 8080 min=0 max=60s"}, 1},
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	for _, grace := range []struct{ seconds, reserve time.Duration }{{5, 2500 * time.Millisecond}, {30, 5 * time.Second}} {
		for _, plan := range endless {
			t.Run(fmt.Sprint(int(grace.seconds), plan.kind), func(t *testing.T) {
				t.Parallel()
				c := begin(t, deadline, fmt.Sprintf("grace %2d, %s for a minute: ends by the deadline", int(grace.seconds), plan.kind))
				r := c.launch(pod{Grace: int(grace.seconds), Args: "serve -on-term=ignore", Hook: plan.hook})
				r.busy()
				end := grace.seconds*time.Second - grace.reserve
				s := r.stopped(plan.failures).ordinary().usedUp(end)
				c.want(s.kill > grace.seconds*time.Second-time.Second && s.kill < grace.seconds*time.Second+3*time.Second+busy, "SIGKILL at the grace period's end, got %s", short(s.kill))
				c.saw("%s", s)
			})
		}
	}
}

// The hook cannot know of a grace period that is given with the deletion: its environment is from the container's start.
func TestDeadlineGivenWithDeletion(t *testing.T) {
	t.Parallel()
	for _, n := range runtimes(t) {
		t.Run(n.runtime(), func(t *testing.T) {
			t.Parallel()
			c := begin(t, deadline, "--grace-period=2 on a pod of 30, hook told 30: the kubelet goes on without it ("+n.runtime()+")")
			r := c.launch(pod{Args: "serve -on-term=ignore", Hook: []string{"/prestop", "wait 60s"}, Spec: "nodeName: " + n.Metadata.Name})
			s := r.stoppedBy(r.delete(2), 1)
			c.want(s.term > time.Second && s.term < 3*time.Second+busy, "SIGTERM at 2 s, got %s", short(s.term))
			c.want(s.kill > 3*time.Second && s.kill < 5*time.Second+2*busy, "SIGKILL 2 s later, got %s", short(s.kill))
			c.saw("SIGTERM at %s, SIGKILL at %s, the hook with it, %d FailedPreStopHook", short(s.term), short(s.kill), s.events)
		})
	}
}

func TestDeadlineTwoSeconds(t *testing.T) {
	t.Parallel()
	for _, plan := range endless {
		t.Run(plan.kind, func(t *testing.T) {
			t.Parallel()
			c := begin(t, deadline, "--grace-period=2, hook told 2, "+plan.kind+": ends by the deadline")
			r := c.launch(pod{Told: 2, Hook: plan.hook})
			r.busy()
			s := r.stoppedBy(r.delete(2), plan.failures)
			s.ordinary().lasted(0, 1200*time.Millisecond) // half of the grace period, in which no wait is made
			c.saw("%s", s)
		})
	}
}

// With force, as the API server calls it, the object is deleted at once. The question is what the kubelet does with the pod that it still
// has.
func TestForced(t *testing.T) {
	t.Parallel()
	for _, n := range runtimes(t) {
		t.Run(n.runtime(), func(t *testing.T) {
			t.Parallel()
			forced(t, n)
		})
	}
}

func forced(t *testing.T, n nodeObject) {
	c := begin(t, deadline, "--force --grace-period=0 on a pod of 30 ("+n.runtime()+")")
	r := c.launch(pod{Args: "serve -on-term=ignore", Hook: []string{"/prestop", "wait 60s"}, Spec: "nodeName: " + n.Metadata.Name})
	deleted := r.delete(0)
	c.until(5*time.Second+busy, "the object is gone", func() bool { return !r.goneAt().IsZero() })
	gone := r.goneAt().Sub(deleted)
	select { // the log has been followed all the time, so that it shows the container to its end
	case <-r.log().ended:
	case <-time.After(60 * time.Second):
		c.must(errors.New("the container runs a minute after its pod was deleted by force"))
	}
	hook := r.log().hook()
	c.want(len(hook) > 0, "the hook to be run, got no line of it")
	if len(hook) == 0 {
		return
	}
	term, _ := r.log().find("app: SIGTERM")
	kill, _ := r.log().last("app: is still there")
	start := hook[0].at
	c.saw("object gone after %s, hook began %s after the deletion, SIGTERM at %s, SIGKILL at %s of the hook's time, %d FailedPreStopHook",
		short(gone), short(start.Sub(deleted)), short(term.at.Sub(start)), short(kill.at.Sub(start)), c.hookFailures("app", "app", 1))
	if lab.cluster != nil {
		for _, entry := range kubeletEntries(c, "not completed in grace period") {
			_, grace, _ := strings.Cut(strings.TrimSpace(entry), "gracePeriod=")
			c.want(grace == "1", "the kubelet to count 1 s, got %q", grace)
			c.saw("the kubelet counts a grace period of %s s, not the spec's 30", grace)
		}
	}
}

// busy has clients ask the pod's port all the time, until the case ends.
func (r *running) busy() {
	r.Helper()
	ip := r.now().Status.PodIP
	spec := pod{Name: "load", Args: "load -clients 2 -pause 100ms http://" + ip + ":8080/"}.spec(r.tcase)
	spec["terminationGracePeriodSeconds"] = 0
	r.create(kube.Object{"apiVersion": "v1", "kind": "Pod", "metadata": kube.Object{"name": "load"}, "spec": spec})
	r.until(30*time.Second, "clients ask", func() bool {
		text, err := lab.api.Text(r.Context(), "GET", r.path("pods/"+r.name+":8081/proxy/served"))
		return err == nil && text != "0\n"
	})
}
