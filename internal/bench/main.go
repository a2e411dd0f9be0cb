// Command bench measures what a run of prestop costs, against a hook of bash and curl that makes the same calls:
//
//	go run ./internal/bench [-markdown] [-runs N]
//
// Both hooks stop the same app and the same node of a fake Elasticsearch (over TLS, with a private CA and basic
// authentication) on loopback. Each number is printed with its goal, and whether it reaches the goal. A missed goal
// is no failure: the exit status is 1 only if something that should be measured could not be measured. Without bash or
// curl there is nothing to compare with. Without the right to make cgroups, no memory of a container is measured. The output says so.
//
// How it is measured. Time: the hooks run one after the other, in turn, and nothing looks at them meanwhile. CPU time is what
// the kernel accounted to the process and all processes below it. The first byte is timed when a server reads it. Memory is
// measured in separate runs: the largest sum of VmHWM over the processes that live at the same time, read every
// millisecond, and the peak of a cgroup, with all files already in the page cache. Looks of until quiet: a process does
// nothing else, and each connection has carried a request and its answer. Its CPU clock is read every
// second, and its VmHWM before it ends. The VmHWM of a run without connections is subtracted. One run asks the kernel about
// sockets by netlink. Another run uses /proc, since a seccomp filter refuses netlink. Elasticsearch: what the node's listener sends, TLS
// included, from the question to the next question. Rollouts: examples/rollout with its first seed. Libraries: a program uses the
// standard library as prestop does. It is measured by how much it grows when it also uses the library as prestop does.
// Manifests: the plugin's commands on a thousand Deployments in a folder, by the wall clock.
//
// It takes two and a half minutes at most. On a busy machine all times are longer.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if done, err := role(os.Args[1:]); done {
		exit(err)
	}
	if status, ok := isolate(ctx); ok {
		os.Exit(status)
	}
	if settle() != nil {
		os.Exit(refused)
	}
	exit(run(ctx, os.Args[1:], os.Stdout))
}

func exit(err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// role is what the program does if it has started itself for a role.
func role(args []string) (done bool, err error) {
	if len(args) == 0 {
		return false, nil
	}
	switch args[0] {
	case crowdRole:
		return true, beClients(args[1:])
	case sandboxRole:
		return true, beSandboxed(args[1:])
	}
	return false, nil
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	markdown := flags.Bool("markdown", false, "print Markdown")
	runs := flags.Int("runs", 15, "runs of each hook")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *runs < 1 || flags.NArg() > 0 {
		return fmt.Errorf("expected -runs of 1 at least and no arguments, got %d and %q", *runs, flags.Args())
	}
	dir, err := os.MkdirTemp("", "prestop-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := prepare(ctx, dir, *runs)
	if err != nil {
		return err
	}
	found, err := b.results(ctx)
	if err != nil {
		return err
	}
	found.write(stdout, *markdown)
	return nil
}
