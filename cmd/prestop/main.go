// Command prestop is a container's exec preStop hook: it tells the process that it is about to stop, waits until
// traffic has gone, and is finished before the grace period is.
//
// internal/config reads what it is told, internal/hook makes a plan of that, package prestop carries the plan out. The
// files here join them: hook.go runs the plan, say.go says how it went, dryrun.go shows it instead, ask.go asks the API
// server about the pod; clear.go and install.go are subcommands. What one of them needs that is a thing of its own has a room in
// internal: docs/design.md has the list. main connects run, which is the program, to the process.
package main

import (
	"context"
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

// Exit statuses. In a preStop hook Kubernetes only makes a FailedPreStopHook event of anything but 0. A
// run that a signal ended exits with 128 + its number.
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

// memoryLimit is how much memory the Go runtime uses before it collects garbage more often. What the hook takes is taken from
// the app: both are in one container.
const memoryLimit = 10 << 20

// growth is by how many percent memory grows before garbage is collected, half of what is usual: the hook makes little.
const growth = 50

// processors is how many the Go runtime uses at a time, on a node with hundreds too. It starts a thread for each, and dies where it
// may start no more: a pod's limit of processes may leave as few as eight. With one alone, all would stand still while a child waits
// for its program's file.
const processors = 2

// mainBelow is main for a pod whose files are below root, which is empty but for tests.
func mainBelow(root string) {
	start := started()
	debug.SetMemoryLimit(memoryLimit)
	debug.SetGCPercent(growth)
	runtime.GOMAXPROCS(processors)
	log.SetOutput(io.Discard)                               // net/http tells stderr what servers send unasked
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // and that is all: a closed log must not end the hook
	os.Exit(run(&invocation{context.Background(), start, os.Args[1:], environment(os.Environ()), os.Stdout, os.Stderr, root, true}))
}

// started is when this process was. Where the app uses up the container's share of the processors, that may be long before main:
// the kubelet counts from there. The kernel knows it to 10 ms. A process that was another program before tells nothing.
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

// withSignals ends the context at a signal, for a run that has something to put in order first. A second one ends
// the process at once, and so does any that is not named here.
func withSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT)
	go func() {
		if s, ok := (<-signals).(syscall.Signal); ok {
			signal.Stop(signals) // before anybody can know, so that no second one is lost
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

// subcommands are not verbs of steps, and no verb is one of them.
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
	ctx            context.Context
	start          time.Time
	args           []string
	env            map[string]string
	stdout, stderr io.Writer
	root           string // of the files that a kubelet mounts; empty but for tests
	alone          bool   // the process is this run's own, and has no children but the programs of its steps
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

func (i *invocation) usage(err error) int {
	switch err {
	case config.ErrHelp:
		i.args = nil
		return printHelp(i)
	case config.ErrVersion:
		i.args = nil
		return printVersion(i)
	}
	return i.complain("%v (see prestop --help)", err)
}

func printHelp(i *invocation) int {
	help.Write(i.stdout)
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
