// Command demo shows what prestop does in a pod, without a cluster:
//
//	go run ./examples/demo
//
// It builds prestop, starts an example app and a fake Elasticsearch on loopback, sends requests to the app, and then
// stops it as a kubelet does: it runs the hook, subtracts its whole seconds from the grace period and sends
// SIGTERM. All that happens is printed with the time since the pod was deleted, and at the end what was promised and
// whether it was kept. The exit code is 1 if something was not.
//
// It takes about ten seconds, needs no privileges and no network but loopback (and what the go command needs for the build),
// and leaves nothing behind. It is no kubelet: there is no container, and no API server that could be asked.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const (
	grace = 20 * time.Second // terminationGracePeriodSeconds
	wait  = 8 * time.Second  // PRE_STOP_ADDITIONAL_WAIT_SECONDS
	lag   = 6 * time.Second  // requests come for so long after the deletion: it takes time to get around
	limit = 30 * time.Second // for all of it, the build aside

	appArgument = "app" // makes this program the example app
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a reader that goes away is an error of its write
	program := demo
	if len(os.Args) == 2 && os.Args[1] == appArgument {
		program = runApp
	}
	if err := program(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

func demo(ctx context.Context, stdout io.Writer) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("prestop runs on Linux alone, and this is %s: try it in a container of the golang image", runtime.GOOS)
	}
	dir, err := os.MkdirTemp("", "prestop-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	out, ctx := newTimeline(ctx, stdout)
	hook := filepath.Join(dir, "prestop")
	if err := build(ctx, out, hook); err != nil {
		return err
	}
	result, err := play(ctx, out, hook, dir)
	if err != nil {
		return err
	}
	return out.judge(result.promises())
}

// build makes the program as it is released.
func build(ctx context.Context, out *timeline, to string) error {
	out.title("A pod with an app and a node of Elasticsearch")
	out.say(isGo, "builds ./cmd/prestop; the first time takes a minute")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-gcflags=github.com/miekg/dns=-l", "-ldflags", "-s -w",
		"-o", to, "github.com/prestop/prestop/cmd/prestop")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("failed to build prestop: %w\n%s", err, text)
	}
	info, err := os.Stat(to)
	if err != nil {
		return err
	}
	out.say(isGo, "one static binary of %.1f MB", float64(info.Size())/1e6)
	return nil
}

// play is the story: a pod in service is deleted, and its container ends.
func play(ctx context.Context, out *timeline, hook, dir string) (outcome, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("not done in 30 s"))
	defer cancel()

	p, err := startPod(ctx, out)
	if err != nil {
		return outcome{}, err
	}
	defer p.close()
	k := kubelet{out, grace}
	k.probe(ctx, p.app.url+"/ready", http.StatusOK)
	for _, s := range p.settings() {
		out.say(isHook, "env %s", s)
	}
	sendFor(ctx, out, p.app.url+"/work", time.Second/2)

	out.title("kubectl delete pod %s", podName)
	end, clients, err := p.delete(ctx, k, p.hook(ctx, hook, dir))
	if err != nil {
		return outcome{}, err
	}
	return outcome{out.calls(), end, clients, time.Since(began)}, context.Cause(ctx)
}
