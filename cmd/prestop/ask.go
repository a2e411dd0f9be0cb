package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/kube"
)

// askTime is the longest that all questions to the API server may take together. If the budget is small, they have a third of it.
const askTime = 2 * time.Second

// ask asks the API server about our own pod, if PRE_STOP_ASK_API is set. An error becomes a warning, and the settings count instead.
func (r *hookRun) ask(ctx context.Context) {
	if !r.config.AskAPI.V {
		return
	}
	most := min(askTime, r.script.SettledBudget()/3)
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("no answer in time (%s)", most.Round(time.Millisecond)))
	defer cancel()
	dir := filepath.Join(r.root, kube.Account)
	api := &kube.API{
		Host: r.env["KUBERNETES_SERVICE_HOST"], Port: r.env["KUBERNETES_SERVICE_PORT"], Dir: dir,
		Token: r.secrets.File(filepath.Join(dir, "token")), Dial: r.world.Dial,
	}
	mounts, _ := os.ReadFile(filepath.Join(r.root, "/proc/self/mountinfo"))
	pod := r.config.Pod
	r.world.Asked = api.Ask(ctx, kube.Question{
		Self: kube.Self{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, Mounts: string(mounts)},
		Skip: r.config.IfNotDeleted.V == config.Skip, Auto: r.script.WantsAuto(), InECK: r.config.ECK.Cluster != "",
	})
}
