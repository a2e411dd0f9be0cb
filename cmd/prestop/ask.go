package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/kube"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// askTime is what all questions to the API server take at most together; of a small budget it is a third.
const askTime = 2 * time.Second

var errAsk = errors.New("no answer in time")

// answers are what the API server said, for the log and the dry run.
type answers struct {
	why      string   // the pod stops; empty: not known
	texts    []string // a sentence each
	warnings []hook.Warning
}

func (a *answers) say(format string, args ...any) {
	a.texts = append(a.texts, "API server: "+fmt.Sprintf(format, args...))
}

func (a *answers) warn(id, text string) {
	a.warnings = append(a.warnings, hook.Warning{ID: id, Step: hook.NoStep, Text: text})
}

// ask reads our own pod, and the StatefulSet for the type auto, if that is set. Whatever goes wrong is a warning, and then
// the settings count.
func (r *hookRun) ask(ctx context.Context) (a answers) {
	if !r.config.AskAPI.V {
		return a
	}
	most := min(askTime, r.script.SettledBudget()/3)
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("%w (%s)", errAsk, most.Round(time.Millisecond)))
	defer cancel()
	dir := filepath.Join(r.root, kube.Account)
	api := &kube.API{
		Host: r.env["KUBERNETES_SERVICE_HOST"], Port: r.env["KUBERNETES_SERVICE_PORT"], Dir: dir,
		Token: r.secrets.File(filepath.Join(dir, "token")),
		Connect: func(t web.TLS, auth web.Auth) web.Connect {
			return request.Connect(step.Means{Dial: r.world.Dial, Keep: func(func()) {}}, t, auth)
		},
	}
	mounts, _ := os.ReadFile(filepath.Join(r.root, "/proc/self/mountinfo"))
	pod, err := api.Pod(ctx, kube.Self{Namespace: r.config.Pod.Namespace, Name: r.config.Pod.Name, UID: r.config.Pod.UID, Mounts: string(mounts)})
	if err != nil {
		instead := "the settings count"
		if r.script.WantsAuto() {
			instead += " and the shutdown type auto is restart"
		}
		a.warn("api-not-read", "PRE_STOP_ASK_API: this pod cannot be read, so "+instead+": "+err.Error())
		return a
	}
	a.why = pod.Why()
	r.world.Asked = hook.Asked{Grace: pod.Grace()}
	a.say("the pod %s is %s; its grace period is %s", pod, a.why, pod.Grace())
	if !pod.Certain {
		a.say("that it is this pod says its name alone: POD_UID would make it certain")
	}
	switch {
	case r.config.IfNotDeleted.V != config.Skip || pod.Deleted():
	case !pod.Certain:
		a.say("the waits are kept, since that needs to be certain")
	default:
		r.world.Asked.Skip = true
		a.say("PRE_STOP_IF_NOT_DELETED is skip: no wait is made")
	}
	r.decideType(ctx, api, pod, &a)
	return a
}

// decideType says what the shutdown type auto comes to. In an ECK pod the operator registers what it removes.
func (r *hookRun) decideType(ctx context.Context, api *kube.API, pod *kube.Pod, a *answers) {
	switch {
	case !r.script.WantsAuto():
		return
	case r.config.ECK.Cluster != "":
		a.say("shutdown type auto is restart: in an ECK pod it is the operator who removes nodes")
		return
	}
	set, err := api.Owner(ctx, pod)
	if err != nil {
		a.warn("api-not-read", "shutdown type auto is restart, since the pod's StatefulSet cannot be read: "+err.Error())
		return
	}
	beyond, why := set.Beyond(pod)
	r.world.Asked.Type = step.TypeRestart
	if beyond {
		r.world.Asked.Type = step.TypeRemove
	}
	a.say("shutdown type auto is %s: %s", r.world.Asked.Type, why)
}
