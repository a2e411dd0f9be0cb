package kube

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// A Pod is the pod that the caller runs in, as the API server has it. Its fields have the same names as there, except for upper and
// lower case: encoding/json ignores the case.
type Pod struct {
	Metadata metadata
	Spec     struct {
		TerminationGracePeriodSeconds *int64
		Containers, InitContainers    []container
	}
	Status struct {
		Conditions []struct{ Type, Status, Reason string }
	}

	// Certain: the pod's uid was compared. Otherwise it is known by its name alone.
	Certain   bool   `json:"-"`
	container string // our container; empty: not known
}

type metadata struct {
	Name, Namespace, UID       string
	DeletionTimestamp          *string
	DeletionGracePeriodSeconds *int64
	Labels                     struct {
		Index string `json:"apps.kubernetes.io/pod-index"`
	}
	OwnerReferences []owner
}

type owner struct {
	APIVersion, Kind, Name, UID string
	Controller                  bool
}

type container struct {
	Name                        string
	LivenessProbe, StartupProbe struct{ TerminationGracePeriodSeconds *int64 }
}

// Pod reads the pod that self describes. An answer about another pod is an error too.
func (a *API) Pod(ctx context.Context, self Self) (*Pod, error) {
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	id := self.identify(token, a.namespace())
	if id.namespace == "" || id.name == "" {
		return nil, errors.New("the pod's name and namespace are not known: expected POD_NAME and POD_NAMESPACE")
	}
	p := new(Pod)
	if err := a.get(ctx, token, object{"v1", "pods", id.namespace, id.name}, p); err != nil {
		return nil, err
	}
	if err := id.check(&p.Metadata); err != nil {
		return nil, err
	}
	if p.Grace() == 0 {
		return nil, errors.New("the answer names no grace period: expected deletionGracePeriodSeconds, or spec.terminationGracePeriodSeconds")
	}
	p.Certain, p.container = len(id.uids) > 0, id.container
	return p, nil
}

// String is the namespace and the name.
func (p *Pod) String() string { return p.Metadata.Namespace + "/" + p.Metadata.Name }

// Deleted tells whether the pod is being deleted. If not, the container is restarted, or the kubelet ends the pod by itself and
// tells the API server afterwards.
func (p *Pod) Deleted() bool { return p.Metadata.DeletionTimestamp != nil }

// Grace is the grace period that the kubelet gives the container from the start of its hook. If the pod is being deleted, it is the
// period that the deletion asked for. If not, a probe with a grace period of its own may have failed. Then Grace is the
// shortest possible period: for our container, or for any container if ours is not known. It is at least 1 s, as the kubelet
// counts it, or 0 where the API server names none.
func (p *Pod) Grace() time.Duration {
	if p.Deleted() {
		return least(p.Metadata.DeletionGracePeriodSeconds)
	}
	if p.Spec.TerminationGracePeriodSeconds == nil {
		return 0
	}
	all := []*int64{p.Spec.TerminationGracePeriodSeconds}
	for _, c := range p.ours() {
		all = append(all, c.LivenessProbe.TerminationGracePeriodSeconds, c.StartupProbe.TerminationGracePeriodSeconds)
	}
	return least(all...)
}

// ours is our container, or all containers if ours is not known.
func (p *Pod) ours() []container {
	all := slices.Concat(p.Spec.InitContainers, p.Spec.Containers)
	if n := slices.IndexFunc(all, func(c container) bool { return c.Name == p.container }); n >= 0 {
		return all[n : n+1]
	}
	return all
}

// maxGrace is a year, which is more than any clock here has to hold.
const maxGrace = 366 * 24 * 60 * 60

// least is the smallest of some numbers of seconds, at least 1 s; 0: there are none.
func least(all ...*int64) time.Duration {
	all = slices.DeleteFunc(all, func(s *int64) bool { return s == nil })
	if len(all) == 0 {
		return 0
	}
	shortest := slices.MinFunc(all, func(a, b *int64) int { return cmp.Compare(*a, *b) })
	return time.Duration(max(1, min(*shortest, maxGrace))) * time.Second
}

// Why says in words why the container stops. The reasons are those of Kubernetes 1.26 and later.
func (p *Pod) Why() string {
	reason := "" // of the condition that says who ends the pod
	for _, c := range p.Status.Conditions {
		if c.Type == "DisruptionTarget" && c.Status == "True" {
			reason = c.Reason
			break
		}
	}
	why := map[string]string{
		"EvictionByEvictionAPI":  "evicted by the API, as a drain of the node does",
		"PreemptionByScheduler":  "preempted by the scheduler",
		"TerminationByKubelet":   "ended by the kubelet: evicted, or its node shuts down",
		"DeletionByTaintManager": "deleted for a taint of its node",
		"DeletionByPodGC":        "deleted by the pod garbage collector",
	}[reason]
	switch {
	case why == "" && reason != "":
		why = "disrupted"
	case why == "" && p.Deleted():
		return "deleted"
	case why == "":
		return "not being deleted: a probe failed, the kubelet evicts it, or its node shuts down"
	}
	why += " (" + reason + ")"
	if !p.Deleted() {
		why += ", not being deleted yet"
	}
	return why
}
