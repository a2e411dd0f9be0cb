package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prestop/prestop/e2e/kube"
)

// A pod is what a case says about its pod; the rest is the same for all.
type pod struct {
	Name      string // app
	Args      string // serve
	Hook      []string
	Grace     int // terminationGracePeriodSeconds, and what the hook is told of it; 30
	Told      int // what the hook is told, if that is something else; -1 for nothing
	Env       map[string]string
	Container string // YAML, merged into the container
	Spec      string // YAML, merged into the pod's spec
}

// spec gives the pod's spec, also for a template.
func (p pod) spec(c *tcase) kube.Object {
	c.Helper()
	if p.Args == "" {
		p.Args = "serve"
	}
	if p.Grace == 0 {
		p.Grace = 30
	}
	if p.Told == 0 {
		p.Told = p.Grace
	}
	container := kube.Object{
		"name": "app", "image": lab.app, "imagePullPolicy": "IfNotPresent", "args": words(p.Args),
		"env": []any{fieldEnv("POD_NAME", "metadata.name"), fieldEnv("POD_IP", "status.podIP"), fieldEnv("POD_UID", "metadata.uid")},
	}
	if strings.HasPrefix(p.Args, "serve") {
		container["readinessProbe"] = kube.Object{"httpGet": kube.Object{"path": "/ready", "port": 8081}, "periodSeconds": 1}
	}
	if p.Hook != nil {
		container["lifecycle"] = kube.Object{"preStop": kube.Object{"exec": kube.Object{"command": p.Hook}}}
		if p.Told > 0 {
			container["env"] = append(container["env"].([]any), env("PRE_STOP_GRACE_PERIOD_SECONDS", strconv.Itoa(p.Told)))
		}
	}
	for name, value := range p.Env {
		container["env"] = append(container["env"].([]any), env(name, value))
	}
	spec := kube.Object{"terminationGracePeriodSeconds": p.Grace, "automountServiceAccountToken": false}
	merge(c, container, p.Container)
	spec["containers"] = []any{container}
	merge(c, spec, p.Spec)
	return spec
}

func merge(c *tcase, into kube.Object, text string) {
	c.Helper()
	parts, err := kube.Parse(text)
	c.must(err)
	for _, part := range parts {
		kube.Merge(into, part)
	}
}

func words(text string) []any {
	var all []any
	for _, w := range strings.Fields(text) {
		all = append(all, w)
	}
	return all
}

func env(name, value string) kube.Object { return kube.Object{"name": name, "value": value} }

func fieldEnv(name, path string) kube.Object {
	return kube.Object{"name": name, "valueFrom": kube.Object{"fieldRef": kube.Object{"fieldPath": path}}}
}

type podObject struct {
	Metadata struct {
		Name                       string
		UID                        string
		DeletionTimestamp          *time.Time
		DeletionGracePeriodSeconds *int
		ResourceVersion            string
	}
	Spec   struct{ NodeName string }
	Status struct {
		Phase, Reason, PodIP  string
		Conditions            []struct{ Type, Status string }
		ContainerStatuses     []containerStatus
		InitContainerStatuses []containerStatus
	}
}

type containerStatus struct {
	Name             string
	RestartCount     int
	ContainerID      string
	State, LastState struct {
		Waiting    *struct{ Reason, Message string }
		Terminated *terminated
	}
}

type terminated struct {
	ExitCode              int
	Reason, Message       string
	StartedAt, FinishedAt time.Time
}

func (p podObject) ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

func (p podObject) container(name string) containerStatus {
	for _, s := range append(p.Status.ContainerStatuses, p.Status.InitContainerStatuses...) {
		if s.Name == name {
			return s
		}
	}
	return containerStatus{}
}

// running is a pod that a case watches.
type running struct {
	*tcase
	name string
	logs map[string]*logged // by container

	mu   sync.Mutex
	last podObject
	gone time.Time // when its object went
}

// launch creates a pod, and returns when it is ready and has settled, with its logs followed.
func (c *tcase) launch(p pod) *running {
	c.Helper()
	if p.Name == "" {
		p.Name = "app"
	}
	spec := p.spec(c)
	c.create(kube.Object{"apiVersion": "v1", "kind": "Pod", "metadata": kube.Object{"name": p.Name, "labels": kube.Object{"app": p.Name}}, "spec": spec})
	return c.watch(p.Name)
}

// watch follows a pod that exists, or soon will.
func (c *tcase) watch(name string) *running {
	c.Helper()
	r := &running{tcase: c, name: name, logs: map[string]*logged{}}
	go r.follow(c.Context())
	c.Cleanup(func() {
		if c.Failed() {
			r.tell()
		}
	})
	c.until(60*time.Second, "pod "+name+" is ready", func() bool { return r.now().ready() })
	for _, s := range r.now().Status.ContainerStatuses {
		r.logs[s.Name] = c.followLog(name, s.Name)
	}
	for _, s := range r.now().Status.InitContainerStatuses {
		if s.State.Terminated == nil {
			r.logs[s.Name] = c.followLog(name, s.Name)
		}
	}
	// The kubelet looks at its containers once a second: in a pod younger than that a hook starts late.
	pause(c.Context(), 1500*time.Millisecond)
	return r
}

func (r *running) now() podObject {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// follow keeps what the API server says of the pod.
func (r *running) follow(ctx context.Context) {
	for ctx.Err() == nil && r.goneAt().IsZero() {
		kube.Watch(ctx, lab.api, r.path("pods?fieldSelector=metadata.name="+r.name), func(change kube.Change[podObject]) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.last = change.Object
			if change.Type == "DELETED" {
				r.gone = change.At
			}
			return r.gone.IsZero()
		})
	}
}

func (r *running) goneAt() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gone
}

// delete deletes the pod, and gives the time of the deletion. grace is the deletion's own grace period; negative: it has none.
func (r *running) delete(grace int) time.Time {
	r.Helper()
	var options any
	if grace >= 0 {
		options = kube.Object{"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": grace}
	}
	at := time.Now()
	r.must(lab.api.Delete(r.Context(), r.path("pods/"+r.name), options))
	return at
}

// awaitGone returns when the pod's object is gone and its logs have ended.
func (r *running) awaitGone(limit time.Duration) {
	r.Helper()
	r.until(limit, "pod "+r.name+" is gone", func() bool { return !r.goneAt().IsZero() })
	for _, l := range r.logs {
		l.end(r.tcase)
	}
}

// order tells the application something: POST /drain.
func (r *running) order(what string) {
	r.Helper()
	_, err := lab.api.Text(r.Context(), "POST", r.path(fmt.Sprintf("pods/%s:8081/proxy/%s", r.name, what)))
	r.must(err)
}

func (r *running) log() *logged { return r.logs["app"] }

func (r *running) tell() {
	state, _ := json.Marshal(r.now().Status)
	r.Logf("pod %s: %s", r.name, state)
	for name, l := range r.logs {
		for _, line := range l.lines() {
			r.Logf("%s/%s %s %s", r.name, name, line.at.Format("15:04:05.000"), line.text)
		}
	}
}
