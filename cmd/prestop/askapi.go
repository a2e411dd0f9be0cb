package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/kube"
	"github.com/prestop/prestop/internal/line"
)

// askTime is what all questions to the API server take at most together; of a small budget it is a third.
const askTime = 2 * time.Second

var errAsk = errors.New("no answer in time")

const (
	auto      = "auto"
	restart   = "restart"
	skipWaits = "skip"
)

// asked is what the API server said. Its zero value is that it was not asked or did not answer.
type asked struct {
	grace time.Duration // of the pod, as the kubelet counts it; 0: not known
	why   string        // the pod stops; empty: not known
	// skip: the pod is certainly not being deleted, and then no wait is to be made.
	skip bool
	kind string   // what the shutdown type auto comes to; empty: restart
	said []string // for the log and the dry run, a sentence each
}

// ask reads our own pod, and the StatefulSet for the type auto, if that is set. Whatever goes wrong is a warning, and then
// the settings count. root is empty but for tests.
func (b *builder) ask(ctx context.Context, root string) {
	if !bool(b.askAPI) {
		return
	}
	most := b.askTime()
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("%w (%s)", errAsk, most.Round(time.Millisecond)))
	defer cancel()
	dir := filepath.Join(root, kube.Account)
	api := &kube.API{
		Host: b.env["KUBERNETES_SERVICE_HOST"], Port: b.env["KUBERNETES_SERVICE_PORT"], Dir: dir,
		Token: b.hide.file(filepath.Join(dir, "token")), Connect: b.connect,
	}
	mounts, _ := os.ReadFile(filepath.Join(root, "/proc/self/mountinfo"))
	pod, err := api.Pod(ctx, kube.Self{Namespace: b.pod.namespace, Name: b.pod.name, UID: b.pod.uid, Mounts: string(mounts)})
	if err != nil {
		instead := "the settings count"
		if b.wantsAuto() {
			instead += " and the shutdown type auto is restart"
		}
		b.warnings = append(b.warnings, "PRE_STOP_ASK_API: this pod cannot be read, so "+instead+": "+err.Error())
		return
	}
	b.asked = asked{grace: pod.Grace(), why: pod.Why()}
	b.say("the pod %s is %s; its grace period is %s", pod, b.asked.why, b.asked.grace)
	if !pod.Certain {
		b.say("that it is this pod says its name alone: POD_UID would make it certain")
	}
	b.skipUndeleted(pod)
	b.decide(ctx, api, pod)
}

func (b *builder) say(format string, args ...any) {
	b.asked.said = append(b.asked.said, "API server: "+fmt.Sprintf(format, args...))
}

// askTime is a third of what there is at least, by the settings alone.
func (b *builder) askTime() time.Duration {
	grace := defaultGrace
	if b.given("PRE_STOP_GRACE_PERIOD_SECONDS") {
		grace = time.Duration(b.grace)
	}
	reserve, _ := b.reserveWithin(grace)
	return min(askTime, (grace-reserve)/3)
}

func (b *builder) skipUndeleted(pod *kube.Pod) {
	switch {
	case b.ifNotDeleted.word != skipWaits || pod.Deleted():
	case !pod.Certain:
		b.say("the waits are kept, since that needs to be certain")
	default:
		b.asked.skip = true
		b.say("PRE_STOP_IF_NOT_DELETED is skip: no wait is made")
	}
}

// decide says what the shutdown type auto comes to. In an ECK pod the operator registers what it removes.
func (b *builder) decide(ctx context.Context, api *kube.API, pod *kube.Pod) {
	switch {
	case !b.wantsAuto():
		return
	case b.eck.Cluster != "":
		b.say("shutdown type auto is restart: in an ECK pod it is the operator who removes nodes")
		return
	}
	set, err := api.Owner(ctx, pod)
	if err != nil {
		b.warnings = append(b.warnings, "shutdown type auto is restart, since the pod's StatefulSet cannot be read: "+err.Error())
		return
	}
	beyond, why := set.Beyond(pod)
	if beyond {
		b.asked.kind = "remove"
	}
	b.say("shutdown type auto is %s: %s", b.kind(auto), why)
}

// wantsAuto tells whether anything in the plan has the type auto.
func (b *builder) wantsAuto() bool {
	lines := b.stepLines()
	if len(lines) == 0 {
		return b.shutdownType.word == auto
	}
	return slices.ContainsFunc(lines, func(text string) bool {
		words, err := line.Split(text, b.lookup)
		return err == nil && len(words) > 0 && words[0].Text == "elasticsearch" && cmp.Or(optionOf(words, "type"), b.shutdownType.word) == auto
	})
}

// kind is a shutdown type as others know it.
func (b *builder) kind(word string) string {
	switch {
	case word != auto:
		return word
	case b.asked.kind != "":
		return b.asked.kind
	default:
		return restart
	}
}

// attrs are for the log's first line.
func (a asked) attrs() []any {
	if a.why == "" {
		return nil
	}
	return []any{"stops", a.why, "api_grace", a.grace}
}
