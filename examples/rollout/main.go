// Command rollout shows what each way to stop a pod costs in failed requests and in seconds:
//
//	go run ./examples/rollout
//
// It is a small cluster on loopback. The replicas of an app and their preStop hooks are real processes, stopped as a
// kubelet stops them. Each node's proxy learns late, by its own lag, that a replica is to go. Clients send requests
// meanwhile. Each [strategy] replaces all replicas once. All strategies run at the same time, with the same seed. A
// table says what came of each, and how long a hook would have taken that knows when the last request is over. The last
// lines say which strategy to take, and an SVG draws it all. The exit code is 1 if something was not as prestop
// promises.
//
// It takes less than a minute, needs no privileges and no network but loopback (and what the go command needs for the
// build), and leaves nothing but the drawing. It is no Kubernetes: there are no containers and no API server. A proxy
// chooses the pod in the client, where kube-proxy does so in the kernel.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// limit is how long all of it may take, without the build.
const limit = 5 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a reader that goes away is an error of its write
	var err error
	if len(os.Args) == 3 && os.Args[1] == appArgument {
		err = runApp(ctx, os.Args[2])
	} else {
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "rollout:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	seed, seeds uint64
	csv         bool
	svg         string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("rollout", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Uint64Var(&o.seed, "seed", 1, "draws the lags of the proxies and what the clients do")
	f.Uint64Var(&o.seeds, "seeds", 0, "check so many seeds, from -seed on, with the strategies that say something about prestop's promises")
	f.BoolVar(&o.csv, "csv", false, "print comma-separated values in place of the table")
	f.StringVar(&o.svg, "svg", "", "write the timeline to this file")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("expected flags alone, got %q", f.Arg(0))
	case o.seeds > 0 && o.svg != "":
		return o, errors.New("-svg draws one seed: expected it without -seeds")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		return fmt.Errorf("prestop runs on Linux alone, and this is %s: try it in a container of the golang image", runtime.GOOS)
	}
	dir, err := os.MkdirTemp("", "prestop-rollout-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	hook := filepath.Join(dir, "prestop")
	stop := show{stderr, "building prestop, the first time takes a minute", 0}.progress(ctx)
	err = build(ctx, hook)
	stop()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done in %s", limit))
	defer cancel()
	if o.seeds > 0 {
		return check(ctx, o, hook, dir, stdout)
	}
	return demonstrate(ctx, o, hook, dir, stdout, stderr)
}

// demonstrate plays all strategies with one seed.
func demonstrate(ctx context.Context, o options, hook, dir string, stdout, stderr io.Writer) error {
	fmt.Fprintf(stderr, "%d ways to stop a pod, at the same time: each replaces %d replicas, while clients send requests\n", len(strategies), replicas)
	stop := show{stderr, "rolling out", longest()}.progress(ctx)
	results, err := playAll(ctx, strategies, o.seed, hook, dir)
	stop()
	if err != nil {
		return err
	}
	if err := printResults(stdout, results, o.csv); err != nil {
		return err
	}
	if o.svg != "" {
		if err := os.WriteFile(o.svg, drawing(results), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(stderr, "drawn to", o.svg)
	}
	if err := judge(results); err != nil || o.csv {
		return err
	}
	_, err = fmt.Fprint(stdout, "\n", advice(results))
	return err
}

// build makes the program.
func build(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w",
		"-o", to, "github.com/prestop/prestop/cmd/prestop")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("failed to build prestop: %w\n%s", err, text)
	}
	return nil
}
