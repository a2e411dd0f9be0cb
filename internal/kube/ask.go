package kube

import (
	"context"
	"fmt"
	"time"
)

// A Question is what the hook wants to know beside its grace period.
type Question struct {
	Self  Self
	Skip  bool // whether no wait is to be made, since the pod is certainly not being deleted
	Auto  bool // what the shutdown type auto comes to
	InECK bool // its operator registers what it removes, so that auto is always restart
}

// An Answer is what the API server said. Its zero value is that nothing is known.
type Answer struct {
	Grace  time.Duration // of the pod, as the kubelet counts it
	Why    string        // the pod stops
	Skip   bool
	Remove bool     // what auto comes to; else restart
	Texts  []string // a sentence each, for people
	Wrong  []string // what could not be learnt, and what counts instead
}

func (a *Answer) say(format string, args ...any) {
	a.Texts = append(a.Texts, "API server: "+fmt.Sprintf(format, args...))
}

func (a *Answer) wrong(format string, args ...any) {
	a.Wrong = append(a.Wrong, fmt.Sprintf(format, args...))
}

// Ask reads our own pod, and its StatefulSet where that decides. Whatever goes wrong is said in the answer.
func (a *API) Ask(ctx context.Context, q Question) *Answer {
	answer := &Answer{}
	pod, err := a.Pod(ctx, q.Self)
	if err != nil {
		instead := "the settings count"
		if q.Auto {
			instead += " and the shutdown type auto is restart"
		}
		answer.wrong("PRE_STOP_ASK_API: this pod cannot be read, so %s: %v", instead, err)
		return answer
	}
	answer.Grace, answer.Why = pod.Grace(), pod.Why()
	answer.say("the pod %s is %s; its grace period is %s", pod, answer.Why, answer.Grace)
	if !pod.Certain {
		answer.say("that it is this pod says its name alone: POD_UID would make it certain")
	}
	switch {
	case !q.Skip || pod.Deleted():
	case !pod.Certain:
		answer.say("the waits are kept, since that needs to be certain")
	default:
		answer.Skip = true
		answer.say("PRE_STOP_IF_NOT_DELETED is skip: no wait is made")
	}
	if q.Auto {
		a.decide(ctx, pod, q.InECK, answer)
	}
	return answer
}

// decide says what the shutdown type auto comes to.
func (a *API) decide(ctx context.Context, pod *Pod, inECK bool, answer *Answer) {
	if inECK {
		answer.say("shutdown type auto is restart: in an ECK pod it is the operator who removes nodes")
		return
	}
	set, err := a.Owner(ctx, pod)
	if err != nil {
		answer.wrong("shutdown type auto is restart, since the pod's StatefulSet cannot be read: %v", err)
		return
	}
	beyond, why := set.Beyond(pod)
	kind := "restart"
	if answer.Remove = beyond; beyond {
		kind = "remove"
	}
	answer.say("shutdown type auto is %s: %s", kind, why)
}
