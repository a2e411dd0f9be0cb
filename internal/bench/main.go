// Command bench measures what a run of prestop costs, against a hook of bash and curl that makes the same calls:
//
//	go run ./internal/bench [-markdown] [-runs N]
//
// Both hooks stop the same app and the same node of a fake Elasticsearch (over TLS, with a private CA and basic
// authentication) on loopback. Each number is printed with its goal and whether that is reached. A goal that is missed
// is no failure: the exit status is 1 only where something could not be measured that should have been. Without bash or
// curl there is nothing to compare with, and without the right to make cgroups no memory of a container: the output says so.
//
// How it is measured. Time: the hooks run one after the other, in turn, and nothing looks at them meanwhile. CPU time is what
// the kernel accounted to the process and all below it; the first byte is timed when a server reads it. Memory: in
// runs of its own, the largest sum of VmHWM over the processes that live at the same time, looked at each
// millisecond; and the peak of a cgroup, with all files in the page cache already. Libraries: what a program that
// uses the standard library as prestop does grows by when it uses the library as prestop does.
//
// It takes less than a minute. On a busy machine all times are longer.
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
	if status, ok := isolate(ctx); ok {
		os.Exit(status)
	}
	if settle() != nil {
		os.Exit(refused)
	}
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
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
