// Command kubectl-prestop is a plugin of kubectl for people who bring preStop hooks to many workloads: kubectl prestop COMMAND.
//
// lint.go says what will go wrong with the hooks of manifests, and cluster.go with the hooks of a cluster. inject.go puts hooks into
// manifests. Each command is a file, and print.go prints what is found. main hands the process over to the function run, which is the program.
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/prestop/prestop/internal/flagset"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/terminal"
	"github.com/prestop/prestop/internal/timeline"
	versions "github.com/prestop/prestop/internal/version"
)

// Exit statuses.
const (
	exitDone    = 0 // nothing found, or only warnings
	exitFound   = 1 // errors found, or a cluster that cannot be read
	exitMistake = 2 // a mistake in the command line, or input that cannot be read
)

// version is set by the linker. Without it the build knows the version of the module.
var version = ""

func main() {
	env := map[string]string{}
	for _, name := range []string{"COLUMNS", "NO_COLOR", "TERM"} {
		env[name] = os.Getenv(name)
	}
	os.Exit(run(invocation{args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, page: terminal.Page(os.Stdout, env)}))
}

// An invocation is what a run was given.
type invocation struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	page           timeline.Page // what stdout is like for text
}

// A command is a command of the plugin.
type command struct {
	name, does string
	run        func(invocation) int
	flags      func() *flagset.Set // the flags that it takes, for completion; nil: none
}

func commands() []command {
	return []command{
		{"lint", "says what will go wrong with the preStop hooks of manifests or a cluster, and when each hook does what", lintManifests, new(lintCommand).flags},
		{"inject", "puts a hook into the pods of manifests", injectHooks, new(injectCommand).flags},
		{"completion", "prints a script that completes what is typed", printCompletion, nil},
		{"version", "prints the plugin's version", printVersion, nil},
		{"help", "prints this", printHelp, nil},
	}
}

// run is the program. It returns the exit status. If the output is not whole, nobody should go on with it.
func run(i invocation) int {
	out := &written{to: i.stdout}
	i.stdout = out
	status := do(i)
	if out.err != nil {
		fmt.Fprintf(i.stderr, "kubectl prestop: the output cannot be written: %v\n", out.err)
		return exitMistake
	}
	return status
}

// A written output keeps the first error of its writes.
type written struct {
	to  io.Writer
	err error
}

func (o *written) Write(text []byte) (int, error) {
	n, err := o.to.Write(text)
	o.err = cmp.Or(o.err, err)
	return n, err
}

// do carries out the command.
func do(i invocation) int {
	if len(i.args) == 0 {
		writeHelp(i.stderr)
		return exitMistake
	}
	name := i.args[0]
	switch name {
	case "-h", "--help":
		name = "help"
	case "--version":
		name = "version"
	case "__complete":
		i.args = i.args[1:]
		return complete(i)
	}
	all := commands()
	at := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if at < 0 {
		var names []string
		for _, c := range all {
			names = append(names, c.name)
		}
		return i.complain("", "expected one of the commands %s, got %q%s", strings.Join(names, ", "), name, phrase.DidYouMean(name, names))
	}
	i.args = i.args[1:]
	return all[at].run(i)
}

// complain says in one line why nothing was done.
func (i invocation) complain(command, format string, args ...any) int {
	name := "kubectl prestop"
	if command != "" {
		name += " " + command
	}
	fmt.Fprintf(i.stderr, "%s: %s (see %s --help)\n", name, fmt.Sprintf(format, args...), name)
	return exitMistake
}

func printVersion(i invocation) int {
	if len(i.args) > 0 {
		return i.complain("", "version takes no arguments, got %q", i.args[0])
	}
	fmt.Fprintln(i.stdout, "kubectl-prestop", versions.Name(version))
	return exitDone
}

// printHelp prints the plugin's help, or the help of a command.
func printHelp(i invocation) int {
	if len(i.args) > 0 && !strings.HasPrefix(i.args[0], "-") && i.args[0] != "help" {
		i.args = []string{i.args[0], "--help"} // do refuses an unknown command
		return do(i)
	}
	writeHelp(i.stdout)
	return exitDone
}

func writeHelp(w io.Writer) {
	fmt.Fprint(w, "kubectl prestop is for people who bring preStop hooks to many workloads.\n\n  kubectl prestop COMMAND\n\nCommands\n")
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(t, "  %s\t%s\n", c.name, c.does)
	}
	t.Flush()
	fmt.Fprint(w, "\nkubectl prestop COMMAND --help says more.\n")
}
