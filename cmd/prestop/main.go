// Command prestop is a container's exec preStop hook. It tells the process that it is about to stop, waits until
// traffic has gone, and ends before the grace period does.
//
// internal/config reads the configuration, internal/hook makes a plan of it, and package prestop carries out the plan. The
// files here join these packages. hook.go runs the plan, say.go reports how it went, dryrun.go shows the plan instead, and
// ask.go asks the API server about the pod. clear.go and install.go are subcommands. Parts that stand on their own are packages
// in internal: docs/design.md has the list. main hands the process over to the function run, which is the program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/help"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/terminal"
	versions "github.com/prestop/prestop/internal/version"
)

// Exit statuses. If a preStop hook exits with anything but 0, Kubernetes makes a FailedPreStopHook event and does nothing else. A
// run that a signal ended exits with 128 plus the number of the signal.
const (
	exitDone          = 0 // warnings included
	exitFailed        = 1 // a call failed, a wait could not see, or the deadline cut a step
	exitConfiguration = 2 // a mistake in the configuration
	exitSignal        = 128
)

// version is set by the linker. Without it the build knows the version of the module.
var version = ""

func main() {
	mainBelow("")
}

// memoryLimit is how much memory the Go runtime uses before it collects garbage more often. The hook's memory is taken from
// the app, since both are in one container.
const memoryLimit = 10 << 20

// growth is by how many percent memory grows before garbage is collected. It is half of Go's default, since the hook makes little garbage.
const growth = 50

// processors is how many processors the Go runtime uses at a time, also on a node with hundreds of them. Go starts threads for each,
// and dies if it may not start one: a pod's limit of processes may leave as few as eight. The start of a program takes one more.
const processors = 1

// mainBelow is main for a pod whose files are below root. Root is empty except in tests.
func mainBelow(root string) {
	start := started()
	debug.SetMemoryLimit(memoryLimit)
	debug.SetGCPercent(growth)
	runtime.GOMAXPROCS(processors)
	log.SetOutput(io.Discard)                               // net/http tells stderr what servers send unasked
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // and nothing reads it: a closed log must not end the hook
	os.Exit(run(&invocation{ctx: context.Background(), start: start, args: os.Args[1:], env: environment(os.Environ()), stdout: os.Stdout, stderr: os.Stderr, root: root, alone: true}))
}

// started is when this process was started, and the kubelet counts from there. If the app uses up the container's share of the
// processors, that may be long before main. The kernel knows the time to 10 ms. A process that ran another program before
// (exec) may be much older, so an age of a second or more does not count.
func started() time.Time {
	const tick, most = 10 * time.Millisecond, time.Second
	if self, err := proc.Read("", "self"); err == nil {
		if age, err := self.Age(); err == nil && tick < age && age < most {
			return time.Now().Add(tick - age)
		}
	}
	return time.Now()
}

// ended is the cause of a context that a signal ended.
type ended struct{ signal syscall.Signal }

func (e ended) Error() string { return "ended by signal " + e.signal.String() }

// withSignals returns a context that ends at a signal, so that a run can put things in order first. A second signal ends
// the process at once, and so does a signal that is not named here.
func withSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT,
		syscall.SIGTRAP, syscall.SIGSYS, syscall.SIGILL, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGSTKFLT) // faults of our own still end in Go's dump
	go func() {
		if s, ok := (<-signals).(syscall.Signal); ok {
			signal.Stop(signals) // before anybody can see the end of ctx, so that no second signal is lost
			cancel(ended{s})
		}
	}()
	return ctx, func() { signal.Stop(signals); close(signals); cancel(nil) }
}

func environment(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, pair := range list {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

// subcommands are the subcommands by their names. No verb of a step has the name of one.
func subcommands() map[string]func(*invocation) int {
	return map[string]func(*invocation) int{
		"elasticsearch-clear": clearElasticsearch,
		"install":             installSelf,
		"lint":                movedLint,
		"version":             printVersion,
		"help":                printHelp,
	}
}

func subcommandNames() []string { return slices.Sorted(maps.Keys(subcommands())) }

// invocation is what a run was given.
type invocation struct {
	ctx            context.Context // its end ends the run
	start          time.Time       // of the process
	args           []string
	env            map[string]string
	stdout, stderr io.Writer
	root           string // of the files that a kubelet mounts; empty except in tests
	alone          bool   // the process belongs to this run alone, and its only children are the programs of its steps
}

// run is the program. It returns the exit status.
func run(i *invocation) int {
	if len(i.args) > 0 {
		if do, ok := subcommands()[i.args[0]]; ok {
			if i.args = i.args[1:]; len(i.args) > 0 && (i.args[0] == "--help" || i.args[0] == "-h") {
				return printHelp(i)
			}
			return do(i)
		}
	}
	return hookOrDryRun(i)
}

// terminal tells whether somebody is there to read or type.
func (i *invocation) terminal() bool {
	return terminal.Is(os.Stdin) || terminal.Is(i.stdout) || terminal.Is(i.stderr)
}

// inPod tells a hook from somebody at a terminal.
func (i *invocation) inPod() bool { return i.env["KUBERNETES_SERVICE_HOST"] != "" && !i.terminal() }

// complain says in one line why nothing was done.
func (i *invocation) complain(format string, args ...any) int {
	fmt.Fprintf(i.stderr, "prestop: %s\n", secret.Abridged(fmt.Sprintf(format, args...)))
	return exitConfiguration
}

// usage prints what err of [config.Read] asks for.
func (i *invocation) usage(err error) int {
	if errors.Is(err, config.ErrVersion) {
		i.args = nil
		return printVersion(i)
	}
	return printHelp(i)
}

func printHelp(i *invocation) int {
	help.Write(i.stdout, i.args...)
	return exitDone
}

func movedLint(i *invocation) int {
	return i.complain("lint is a command of the kubectl plugin: kubectl prestop lint -f FILE")
}

func printVersion(i *invocation) int {
	if len(i.args) > 0 {
		return i.complain("version takes no arguments, got %q", i.args[0])
	}
	fmt.Fprintln(i.stdout, "prestop", versions.Text(version))
	return exitDone
}
