package kube

import (
	"context"
	"fmt"
	"time"
)

// A Question is what the hook wants to know besides its grace period.
type Question struct {
	Self  Self
	Skip  bool // whether to make no wait because the pod is certainly not being deleted
	Auto  bool // what the shutdown type auto stands for
	InECK bool // ECK's operator registers what it removes, so auto is always restart
}

// An Answer is what the API server said. Its zero value means that nothing is known.
type Answer struct {
	Grace  time.Duration // of the pod, as the kubelet counts it; 0: not known
	Why    string        // why the pod stops
	Skip   bool          // the pod is certainly not being deleted, and no wait is to be made
	Remove bool          // auto stands for remove; else for restart
	Texts  []string      // a sentence each, for people
	Wrong  []string      // what could not be learnt, and what counts instead
}

func (a *Answer) say(format string, args ...any) {
	a.Texts = append(a.Texts, "API server: "+fmt.Sprintf(format, args...))
}

func (a *Answer) wrong(format string, args ...any) {
	a.Wrong = append(a.Wrong, fmt.Sprintf(format, args...))
}

// Ask reads our own pod, and also its StatefulSet if the answer depends on it. The answer says what went wrong.
func (a *API) Ask(ctx context.Context, q Question) (answer Answer) {
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
		answer.say("only its name says that it is this pod: POD_UID would make it certain")
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
		a.decide(ctx, pod, q.InECK, &answer)
	}
	return answer
}

// decide says what the shutdown type auto stands for.
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
