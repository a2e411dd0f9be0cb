package e2e

import (
	"fmt"
	"testing"
	"time"
)

// A rolling update of a Deployment behind a ClusterIP, under load. It does not run at the same time as other cases.

const rollouts = "09 rollout"

// A way is what is done about a pod's end. The application exits at once on SIGTERM, whatever is under way.
type way struct {
	name string
	pod  pod
}

var (
	noHook = way{"no hook", pod{}}
	sleeps = way{"preStop.sleep 5 s", pod{Container: `lifecycle: {preStop: {sleep: {seconds: 5}}}`}}
	fixed  = way{"app told to drain, fixed wait of 5 s", pod{Hook: []string{"/prestop"}, Env: map[string]string{
		"PRE_STOP_APP_URL": "http://localhost:8081/drain", "PRE_STOP_ADDITIONAL_WAIT_SECONDS": "5",
	}}}
	untilQuiet = way{"app told to drain, until quiet", pod{Grace: 60, Hook: []string{"/prestop", "post http://localhost:8081/drain", "until quiet 8080"}}}
)

// roll updates a Deployment so many times under load, and gives what failed for clients that keep connections and others.
func roll(c *tcase, w way, times int) (keeping, others tally, each time.Duration) {
	c.Helper()
	d := c.deploy("web", 2, w.pod)
	keep, other := d.load()
	start := time.Now()
	for range times {
		d.rollout()
	}
	each = time.Since(start) / time.Duration(times)
	pause(d.Context(), 2*time.Second)
	return keep.end(), other.end(), each
}

func TestRollout(t *testing.T) {
	for i, x := range []struct {
		way
		times      int
		failsKept  bool
		failsOther bool
	}{
		{noHook, 2, true, true},
		{sleeps, 2, true, false}, // nobody tells those who keep their connections
		{fixed, 2, false, false},
		{untilQuiet, 20, false, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := begin(t, rollouts, fmt.Sprintf("%d %2d rolling updates under load: %s", i+1, x.times, x.name))
			keeping, others, each := roll(c, x.way, x.times)
			c.want((keeping.Failed > 0) == x.failsKept, "requests of clients that keep connections to fail: %t", x.failsKept)
			c.want((others.Failed > 0) == x.failsOther, "requests over new connections to fail: %t", x.failsOther)
			c.saw("keep-alive: %s; new connections: %s; %s each", keeping, others, each.Round(100*time.Millisecond))
		})
	}
}

// On a large cluster kube-proxy may write its rules seldom. Here it writes them every 15 s at most.
func TestRolloutSlowProxy(t *testing.T) {
	name := "kube-proxy writes its rules each 15 s at most: "
	if lab.cluster == nil {
		c := begin(t, rollouts, "5 "+name)
		c.skip("kube-proxy is not ours")
	}
	setProxies := func(minSync time.Duration) {
		for _, n := range lab.cluster.Nodes {
			if err := n.StartProxy(minSync); err != nil {
				t.Fatal(err)
			}
		}
	}
	setProxies(15 * time.Second)
	defer setProxies(time.Second)
	for i, x := range []struct {
		way
		fails bool
	}{{sleeps, true}, {untilQuiet, false}} {
		t.Run(x.name, func(t *testing.T) {
			c := begin(t, rollouts, fmt.Sprintf("%d %s%s, 2 updates", i+5, name, x.name))
			keeping, others, each := roll(c, x.way, 2)
			c.want((others.Failed > 0) == x.fails, "requests over new connections to fail: %t", x.fails)
			c.want((keeping.Failed > 0) == x.fails, "requests of clients that keep connections to fail: %t", x.fails)
			c.saw("keep-alive: %s; new connections: %s; %s each", keeping, others, each.Round(100*time.Millisecond))
		})
	}
}
