package main

import (
	"errors"
	"io"
	"slices"

	"github.com/prestop/prestop/internal/flagset"
	"github.com/prestop/prestop/internal/lint"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/timeline"
)

const lintUsage = `kubectl prestop lint says what will go wrong with the preStop hooks of manifests, prestop's and others', or of a cluster.

  kubectl prestop lint -f FILE|DIRECTORY|-   files may be arguments as well: kubectl prestop lint web.yaml
  helm template CHART | kubectl prestop lint -
  kubectl prestop lint -n shop               what is in a namespace; -A: in all
  kubectl prestop lint deploy/web            a workload, as kubectl names it

Manifests are YAML or JSON, and may hold several documents and Lists. Services, ConfigMaps and Secrets in the same input are taken
into account. In a directory lint reads all .yaml, .yml and .json files, also those further down.

In a cluster lint reads workloads, Services, and the ConfigMaps that hooks may use, and never a Secret. It names what you may not
list, and reads the rest. An argument that is the name of a file means the file; deployment/web and deploy/web are the same.

A fix is YAML to paste, each line where its key belongs: terminationGracePeriodSeconds into the pod's spec, env and lifecycle into the
container. Each finding has a page in https://github.com/prestop/prestop/blob/main/docs/lint/README.md.

Flags
`

const clusterFlags = `
Flags for a cluster, as kubectl has them
`

const lintStatuses = `
Exit status
  0      nothing was found, or warnings alone
  1      errors were found; or the cluster cannot be read, as with kubectl
  2      something cannot be read, the command line is wrong, or the output cannot
         be written
`

// A lintCommand is what lint was told.
type lintCommand struct {
	fileFlags
	output         string
	quiet, verbose bool
	list           bool
	nodes          string // the nodes' Kubernetes version; empty: not known, or the API server's
	cluster        clusterCommand
	page           timeline.Page // for text output
}

func (c *lintCommand) flags() *flagset.Set {
	flags := c.ownFlags()
	flags.AddFlagSet(c.cluster.flags())
	return flags
}

func (c *lintCommand) ownFlags() *flagset.Set {
	flags := flagset.New("lint")
	c.fileFlags.add(flags)
	flags.StringVarP(&c.output, "output", "o", "text", "the `format`: "+phrase.OneOf(outputNames())+"; github is for annotations of a workflow")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "print findings, and nothing else")
	flags.BoolVarP(&c.verbose, "verbose", "v", false, "show the times of all hooks of prestop's, not only of those with findings")
	flags.StringVar(&c.nodes, "kubernetes-version", "", "the nodes' `version`, as 1.36.3, to find also what depends on it; of a cluster, the API server's is known")
	flags.BoolVar(&c.list, "list", false, "list what is looked for")
	return flags
}

func lintManifests(i invocation) int {
	c := lintCommand{page: i.page}
	flags := c.flags()
	err := flags.Parse(i.args)
	if errors.Is(err, flagset.ErrHelp) {
		io.WriteString(i.stdout, lintUsage+c.ownFlags().FlagUsages()+clusterFlags+c.cluster.flags().FlagUsages()+lintStatuses)
		return exitDone
	}
	if err != nil {
		return i.complain("lint", "%s", flagset.Text(flags, err))
	}
	arguments, alone := c.cluster.take(flags.Args())
	c.take(arguments)
	asked := c.cluster.asked(flags)
	files := c.fileFlags.wrong("lint")
	wrong := lint.Options{Kubernetes: c.nodes}.Valid()
	switch {
	case c.list:
		writeRules(i.stdout, lint.Rules())
		return exitDone
	case !slices.Contains(outputNames(), c.output):
		return i.complain("lint", "-o: expected %s, got %q%s", phrase.OneOf(outputNames()), c.output, phrase.DidYouMean(c.output, outputNames()))
	case wrong != nil:
		return i.complain("lint", "--kubernetes-version: %v", wrong)
	case files != "":
		return i.complain("lint", "%s", files)
	case asked != "" && len(c.names) > 0:
		return i.mixed(c.names[0], asked)
	case asked != "":
		return c.lintCluster(i)
	case alone != "":
		return i.complain("lint", "expected TYPE/NAME, as %s/web, or a whole namespace, as in: kubectl prestop lint -n shop", alone)
	case len(c.names) == 0:
		return i.complain("lint", "expected files, - for standard input, or what is in a cluster, as in: kubectl prestop lint -n shop")
	}
	inputs := c.read(i.stdin)
	result := lint.Options{Kubernetes: c.nodes}.Check(filesOf(inputs))
	for n := range inputs {
		inputs[n].expectObjects(result)
		result.Unreadable = append(result.Unreadable, inputs[n].unreadable...)
	}
	c.write(i.stdout, inputs, result)
	return status(result)
}

func status(result lint.Result) int {
	switch {
	case len(result.Unreadable) > 0:
		return exitMistake
	case result.Errors():
		return exitFound
	}
	return exitDone
}
