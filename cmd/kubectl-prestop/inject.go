package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/flagset"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/manifest"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/terminal"
)

const injectUsage = `kubectl prestop inject puts prestop's hook into the pods of manifests. By default the hook waits until traffic has left, for 60s at most
or as long as the grace period allows. The manifests go to stdout. What was done, or why nothing was done, goes to stderr.

  kubectl prestop inject --image IMAGE -f FILE|DIRECTORY|-
  Helm 3: helm install web ./web --post-renderer kubectl-prestop --post-renderer-args inject --post-renderer-args --image=IMAGE
  kustomize: as a KRM function, see deploy/kustomize

Left alone: hooks that are there, Jobs, pods that use the host's network, and containers that declare no ports. Annotations of a pod
change what it gets: prestop.github.io/inject: "false", prestop.github.io/steps (one a line), prestop.github.io/max,
prestop.github.io/additional-wait (a floor). A second run changes nothing more.

Flags
`

const injectStatuses = `
Exit status
  0      done
  1      with --diff: something would change
  2      something cannot be read, or the command line is wrong: nothing is written;
         or the output cannot be written
`

// image is prestop's own image, with its digest. In a release, the linker sets it.
var image = ""

// An injectCommand is what inject was told.
type injectCommand struct {
	fileFlags
	diff       bool
	parameters inject.Parameters
	min, max   string
}

func injectHooks(i invocation) int {
	c := injectCommand{parameters: inject.Parameters{Image: image}}
	flags := c.flags()
	err := flags.Parse(i.args)
	c.take(flags.Args())
	if errors.Is(err, flagset.ErrHelp) {
		io.WriteString(i.stdout, injectUsage+flags.FlagUsages()+injectStatuses)
		return exitDone
	}
	if err != nil {
		return i.complain("inject", "%s", flagset.Text(flags, err))
	}
	if len(c.names) == 0 {
		if terminal.Is(i.stdin) {
			return i.complain("inject", "expected -f with a file, a directory, or - for standard input")
		}
		c.names = []string{"-"} // a post-renderer or a KRM function gets manifests on stdin
	}
	if wrong := c.wrong("inject"); wrong != "" {
		return i.complain("inject", "%s", wrong)
	}
	named := new(clusterCommand)
	if named.take(c.names); len(named.names) > 0 {
		return i.complain("inject", "%[1]s is a workload of a cluster: expected manifests, as in: kubectl get %[1]s --output=yaml | kubectl prestop inject --image=IMAGE -f -", named.names[0])
	}
	inputs := c.read(i.stdin)
	for _, in := range inputs {
		if len(in.files)+len(in.unreadable) == 0 && !in.again {
			return i.complain("inject", "%s: expected .yaml, .yml or .json files in this directory, found none", in.name)
		}
	}
	if err := c.settings(flags, filesOf(inputs)); err != nil {
		return i.complain("inject", "%v", err)
	}
	return c.write(i, inputs)
}

// settings adds what the caller of a KRM function sets, unless a flag sets it already, and checks everything.
func (c *injectCommand) settings(flags *flagset.Set, files []lint.File) error {
	for _, f := range files {
		for name, text := range manifest.FunctionConfig(f) {
			flag := flags.Lookup(name)
			switch {
			case !slices.Contains(ofFunction, name):
				return fmt.Errorf("%s: functionConfig: expected %s, got %s", f.Name, phrase.OneOf(ofFunction), name)
			case flag.Changed:
			default:
				if err := flags.Set(name, text); err != nil {
					return fmt.Errorf("%s: functionConfig: %s", f.Name, flagset.Text(flags, err))
				}
			}
		}
	}
	if err := inject.CheckImage(c.parameters.Image); err != nil {
		return fmt.Errorf("--image: %w", err)
	}
	if err := c.durations(); err != nil {
		return err
	}
	if flags.Changed("min") && !c.parameters.ReplaceSleep {
		return errors.New("--min: expected --replace-sleep beside it: it is for the steps that replace sleeps")
	}
	return nil
}

// ofFunction are the flags that the caller of a KRM function may set.
var ofFunction = []string{"image", "init-container", "max", "replace-sleep", "min"}

func (c *injectCommand) flags() *flagset.Set {
	flags := flagset.New("inject")
	c.fileFlags.add(flags)
	flags.StringVar(&c.parameters.Image, "image", c.parameters.Image, "prestop's `image`, best with its digest")
	flags.BoolVar(&c.parameters.Installer, "init-container", false, "an init container copies the binary, for Kubernetes before 1.35; else prestop's image is mounted")
	flags.StringVar(&c.max, "max", inject.DefaultMax.String(), "the longest `duration` that the default hook waits")
	flags.BoolVar(&c.parameters.ReplaceSleep, "replace-sleep", false, "replace hooks that only sleep; the new hook is never longer than the sleep")
	flags.StringVar(&c.min, "min", inject.DefaultMin.String(), "with --replace-sleep: the shortest `duration` to wait")
	flags.BoolVar(&c.diff, "diff", false, "show what would change, and write no manifests")
	return flags
}

func (c *injectCommand) durations() error {
	for _, d := range []struct {
		flag, text string
		into       *time.Duration
	}{{"--max", c.max, &c.parameters.Max}, {"--min", c.min, &c.parameters.Min}} {
		v, ok := grammar.ParseDuration(d.text)
		if !ok || v < time.Second || v%time.Second != 0 {
			return fmt.Errorf("%s: expected whole seconds, from 1 to a year, as 50 or 1m30s, got %q", d.flag, d.text)
		}
		*d.into = v
	}
	return nil
}

// write writes all files with their hooks. If anything is wrong with one file, it writes none.
func (c *injectCommand) write(i invocation, inputs []input) int {
	outs, reports, errs := c.inject(inputs)
	if len(errs) > 0 {
		for _, e := range errs {
			fmt.Fprintln(escape.Writer{To: i.stderr}, e)
		}
		return exitMistake
	}
	for _, r := range reports {
		fmt.Fprintf(escape.Writer{To: i.stderr}, "%s:%d: %s: %s\n", r.File, r.Line, place(r.Object, r.Container), r.Text)
	}
	for _, in := range inputs {
		if in.nothingOnStdin() {
			fmt.Fprintln(i.stderr, in.name+": no object is in it, and no hook is put anywhere")
		}
	}
	if c.diff {
		return c.show(i.stdout, filesOf(inputs), outs)
	}
	join(i.stdout, outs)
	return exitDone
}

// inject gives the files their hooks. It returns a text for each file of inputs, in the order of filesOf.
func (c *injectCommand) inject(inputs []input) (outs [][]byte, reports []manifest.Report, errs []*lint.Unreadable) {
	for _, in := range inputs {
		before := len(reports) + len(errs)
		for _, f := range in.files {
			out, said, wrong := manifest.Inject(f, c.parameters)
			outs, reports, errs = append(outs, out), append(reports, said...), append(errs, wrong...)
		}
		if len(reports)+len(errs) == before && !in.nothingOnStdin() {
			result := lint.Options{}.Check(in.files)
			in.unreadable = append(in.unreadable, result.Unreadable...)
			in.expectObjects(result)
		}
		for _, u := range in.unreadable {
			errs = append(errs, &u)
		}
	}
	return outs, reports, errs
}

// join writes manifests as the documents of one file. A single one stays as it is, byte for byte.
func join(w io.Writer, outs [][]byte) {
	for n, out := range outs {
		if len(outs) > 1 {
			out = lint.UTF8(out) // one output cannot have several encodings
		}
		if n > 0 && !strings.HasPrefix(string(out), "---") {
			io.WriteString(w, "---\n")
		}
		w.Write(out)
		if len(out) > 0 && out[len(out)-1] != '\n' && n < len(outs)-1 {
			io.WriteString(w, "\n")
		}
	}
}

// show writes what would change, as a patch.
func (c *injectCommand) show(w io.Writer, files []lint.File, outs [][]byte) int {
	status := exitDone
	for n, f := range files {
		// For git and patch, a file's name ends at a tab.
		if d := diff.Diff(f.Name+"\t", lint.UTF8(f.Content), f.Name+"\twith hooks", lint.UTF8(outs[n])); d != nil {
			status = exitFound
			io.WriteString(w, escape.Patch(string(d)))
		}
	}
	return status
}
