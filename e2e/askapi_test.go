package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/e2e/kube"
)

// What only the API server knows: the true grace period, and why the pod stops.

const asks = "12 API server"

// asking is a pod whose hook asks the API server, with the service account of examples/ask-api.yaml. The grace period that the hook is told
// is wrong on purpose.
func asking(steps ...string) pod {
	return pod{
		Hook: append([]string{"/prestop"}, steps...), Told: 50, Grace: 20,
		Env:  map[string]string{"PRE_STOP_ASK_API": "true", "PRE_STOP_RESERVE_SECONDS": "2"},
		Spec: "{serviceAccountName: web, automountServiceAccountToken: true}",
	}
}

// allow applies the roles that the example has, without some of its lines.
func (c *tcase) allow(without ...string) {
	c.Helper()
	text, err := os.ReadFile("../examples/ask-api.yaml")
	c.must(err)
	manifest := string(text)
	for _, line := range without {
		c.want(strings.Contains(manifest, line), "%q in the example", line)
		manifest = strings.ReplaceAll(manifest, line, "")
	}
	c.apply(manifest)
}

// warned counts the hook's warnings.
func (s stop) warned() (n int) {
	for _, l := range s.log().hook() {
		if l.field("log.level") == "warn" && l.field("message") != "prestop ends" {
			n++
		}
	}
	return n
}

func TestAskAPI(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		pod      pod
		without  []string // of the example's roles
		grace    int      // of the deletion; -1: the pod's
		lasts    func(stop) stop
		says     string
		warnings int
	}{
		{"deleted", asking("wait 60s"), nil, -1, func(s stop) stop { return s.usedUp(18 * time.Second) }, "is deleted; its grace period is 20s", 1}, // the warning is that the wait is shortened
		{"deleted with --grace-period=8", asking("wait 60s"), nil, 8, func(s stop) stop { return s.usedUp(6 * time.Second) }, "is deleted; its grace period is 8s", 1},
		{"deleted, until quiet", asking("until quiet 8080 min=1s for=1s"), nil, -1, func(s stop) stop { return s.lasted(time.Second, time.Second+busy) }, "is deleted; its grace period is 20s", 0},
		{"without the verb get on pods", asking("wait 3s"), []string{"- apiGroups: [\"\"]\n  resources: [pods]\n  verbs: [get]\n"}, -1, func(s stop) stop { return s.waited(3 * time.Second) }, "expected a Role in the namespace", 1},
		{"without a token", func() pod { p := asking("wait 3s"); p.Spec = ""; return p }(), nil, -1, func(s stop) stop { return s.waited(3 * time.Second) }, "the settings count", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := begin(t, asks, test.name)
			c.allow(test.without...)
			r := c.launch(test.pod)
			s := test.lasts(r.stoppedBy(r.delete(test.grace), 0).ordinary()).says(test.says)
			n := s.warned()
			c.want(n == test.warnings, "%d warnings, got %d", test.warnings, n)
			c.saw("%s; %q; %d warnings", s, test.says, n)
		})
	}
}

// An eviction is a deletion with a reason.
func TestAskAPIEvicted(t *testing.T) {
	t.Parallel()
	c := begin(t, asks, "evicted")
	c.allow()
	r := c.launch(asking("wait 3s"))
	at := time.Now()
	c.must(lab.api.Create(c.Context(), c.path("pods/app/eviction"), kube.Object{
		"apiVersion": "policy/v1", "kind": "Eviction", "metadata": kube.Object{"name": "app"}}, nil))
	s := r.stoppedBy(at, 0).ordinary().waited(3 * time.Second).says("evicted by the API")
	c.saw("%s; the log says that it is evicted by the API", s)
}

// seat is a resource of which a node has one.
const seat = "prestop.test/seat"

// A pod of higher priority wants the place of one of lower: the scheduler preempts it.
func TestAskAPIPreempted(t *testing.T) {
	t.Parallel()
	c := begin(t, asks, "preempted")
	if lab.cluster == nil {
		c.skip("the nodes are not ours to change")
	}
	c.allow()
	class := kube.Object{"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": kube.Object{"name": c.ns}, "value": 1000}
	const classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
	c.must(lab.api.Create(c.Context(), classes, class, nil))
	defer lab.api.Delete(c.Context(), classes+"/"+c.ns, nil)
	node := nodes(t)[0].Metadata.Name
	c.must(lab.api.Patch(c.Context(), "/api/v1/nodes/"+node+"/status", kube.Object{"status": kube.Object{"capacity": kube.Object{seat: "1"}}}))
	const takesSeat = "resources: {limits: {" + seat + ": 1}}"
	low := asking("wait 3s")
	low.Container = takesSeat
	r := c.launch(low)
	high := pod{Name: "high", Container: takesSeat, Spec: "priorityClassName: " + c.ns}
	at := time.Now()
	c.create(kube.Object{"apiVersion": "v1", "kind": "Pod", "metadata": kube.Object{"name": "high"}, "spec": high.spec(c)})
	s := r.stoppedBy(at, 0).ordinary().waited(3 * time.Second).says("preempted")
	c.saw("%s; the log says that it is preempted", s)
}

// A probe restarts the container: the pod is not deleted, and the probe has a grace period of its own.
func TestAskAPIRestart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, undeleted string
		lasts           func(hook []line) (least, most time.Duration)
		says            string
	}{
		{"restarted by a probe with a grace of 6: waits", "wait", func(hook []line) (_, _ time.Duration) { return atDeadline(4*time.Second, hook) }, "its grace period is 6s"},
		{"restarted by a probe, if-not-deleted=skip: no wait", "skip", func([]line) (_, _ time.Duration) { return 0, 3 * time.Second }, "no wait is made"},
	} {
		t.Run(test.undeleted, func(t *testing.T) {
			t.Parallel()
			c := begin(t, asks, test.name)
			c.allow()
			p := asking("post http://127.0.0.1:8081/drain", "wait 60s")
			p.Env["PRE_STOP_IF_NOT_DELETED"] = test.undeleted
			p.Container = `livenessProbe: {httpGet: {path: /live, port: 8081}, periodSeconds: 1, failureThreshold: 1, terminationGracePeriodSeconds: 6}`
			r := c.launch(p)
			first := r.log()
			r.order("sick")
			c.until(30*time.Second, "the container is started again", func() bool { return r.now().container("app").RestartCount == 1 })
			first.end(c)
			hook := first.hook()
			if len(hook) == 0 {
				c.want(false, "the hook's lines")
				return
			}
			took := hook[len(hook)-1].elapsed()
			_, called := first.find("app: drains")
			_, said := first.find(test.says)
			_, undeleted := first.find("not being deleted")
			least, most := test.lasts(hook)
			c.want(took >= least && took <= most, "a hook of %s to %s, got %s", short(least), short(most), short(took))
			c.want(called && said && undeleted, "the call, %q and that the pod is not being deleted", test.says)
			c.saw("hook %s, call made; the log says that the pod is not being deleted", short(took))
		})
	}
}

// The shutdown type auto: remove only where the pod will not come back.
func TestShutdownTypeAuto(t *testing.T) {
	t.Parallel()
	c := begin(t, asks, "shutdown type auto: scaled to 2, to 0, and back to 3")
	c.allow()
	node := member()
	node.Spec = "{serviceAccountName: web, automountServiceAccountToken: true}"
	node.Env["PRE_STOP_ASK_API"], node.Env["PRE_STOP_SHUTDOWN_TYPE"] = "true", "auto"
	all := c.fakeCluster(node)
	es2, es1 := c.followLog("es-2", "app"), c.followLog("es-1", "app")

	c.scale("es", 2)
	es2.end(c)
	c.logHas(es2, "shutdown type auto is remove: ordinal 2, StatefulSet es with 2 replicas from 0 on")
	c.scale("es", 0)
	es1.end(c)
	c.logHas(es1, "shutdown type auto is restart: ordinal 1, StatefulSet es with 0 replicas from 0 on, scaled to none")
	c.scale("es", 3)

	var types []string
	left := make(map[string]bool)
	for _, l := range all.lines() {
		what := elasticsearchStep(l.text)
		step, name, _ := strings.Cut(what, " ")
		switch step {
		case "registered":
			kind := "restart"
			if strings.Contains(l.text, `"remove"`) {
				kind = "remove"
			}
			types, left[name] = append(types, name+" "+kind), true
		case "cleared":
			delete(left, name)
		}
	}
	slices.Sort(types)
	types = slices.Compact(types)
	got := strings.Join(types, ", ")
	c.want(got == "es-0 restart, es-1 restart, es-2 remove", "es-0 restart, es-1 restart, es-2 remove, got %s", got)
	c.want(len(left) == 0, "no record, got those of %v", left)
	c.saw("registered %s; no record is left when all are back", got)
}

// A Role that lacks the StatefulSets: what is not known is no reason to remove a node.
func TestShutdownTypeAutoRefused(t *testing.T) {
	t.Parallel()
	c := begin(t, asks, "shutdown type auto without the verb get on statefulsets")
	c.allow("- apiGroups: [apps]\n  resources: [statefulsets]\n  verbs: [get]\n")
	node := member()
	node.Spec = "{serviceAccountName: web, automountServiceAccountToken: true}"
	node.Env["PRE_STOP_ASK_API"], node.Env["PRE_STOP_SHUTDOWN_TYPE"] = "true", "auto"
	all := c.fakeCluster(node)
	es2 := c.followLog("es-2", "app")
	c.scale("es", 2)
	es2.end(c)
	c.logHas(es2, "shutdown type auto is restart, since the pod's StatefulSet cannot be read")
	_, removed := all.find(`"remove"`)
	c.want(!removed, "a restart, got a remove")
	c.saw("scaled to 2: registered as restart, with a warning that names the Role")
}

func (c *tcase) logHas(l *logged, text string) {
	c.Helper()
	_, ok := l.find(text)
	c.want(ok, "%q in the hook's log", text)
}

// scale returns when the StatefulSet has so many pods.
func (c *tcase) scale(name string, replicas int) {
	c.Helper()
	c.must(lab.api.Patch(c.Context(), c.path("statefulsets/"+name), kube.Object{"spec": kube.Object{"replicas": replicas}}))
	c.awaitStatefulSet(name, replicas)
}
