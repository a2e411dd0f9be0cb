package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/prestop/prestop/internal/lint"
)

const lintUsage = `kubectl prestop lint says what will go wrong with the preStop hooks of manifests, prestop's and others'. Each hook of
prestop's is shown with its times.

  kubectl prestop lint -f FILE|-       files may be arguments as well: kubectl prestop lint web.yaml
  helm template CHART | kubectl prestop lint -
  kubectl get deployment web -o yaml | kubectl prestop lint -

Manifests are YAML or JSON, and may hold several documents and Lists. Services, ConfigMaps and Secrets in the same input are taken
into account.

Flags
`

const lintStatuses = `
Exit status
  0      nothing was found, or warnings alone
  1      errors were found
  2      something cannot be read, or the command line is wrong
`

// A lintCommand is what lint was told.
type lintCommand struct {
	files  []string
	output string
	list   bool
}

// Outputs of lint.
const (
	outputText = "text"
	outputJSON = "json"
)

func (c *lintCommand) flags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("lint", pflag.ContinueOnError)
	flags.Usage = func() {}
	flags.SortFlags = false
	flags.StringArrayVarP(&c.files, "filename", "f", nil, "a `file`, or - for standard input; may be repeated")
	flags.StringVarP(&c.output, "output", "o", outputText, "`text|json`")
	flags.BoolVar(&c.list, "list", false, "list what is looked for")
	return flags
}

func lintManifests(i invocation) int {
	var c lintCommand
	flags := c.flags()
	err := flags.Parse(i.args)
	c.files = append(c.files, flags.Args()...)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		io.WriteString(i.stdout, lintUsage+flags.FlagUsages()+lintStatuses)
		return exitDone
	case err != nil:
		return i.complain("lint", "%v", err)
	case c.list:
		writeRules(i.stdout, lint.Rules())
		return exitDone
	case c.output != outputText && c.output != outputJSON:
		return i.complain("lint", "-o: expected text or json, got %q", c.output)
	case len(c.files) == 0:
		return i.complain("lint", "expected files, or - for standard input, as in: kubectl get deployment web -o yaml | kubectl prestop lint -")
	}
	files, unreadable := readManifests(c.files, i.stdin)
	result := lint.Check(files)
	result.Unreadable = append(unreadable, result.Unreadable...)
	if c.output == outputJSON {
		writeJSON(i.stdout, result)
	} else {
		writeText(i.stdout, files, result)
	}
	switch {
	case len(result.Unreadable) > 0:
		return exitMistake
	case result.Errors():
		return exitFound
	}
	return exitDone
}

// standardInput is how findings name it.
const standardInput = "stdin"

func readManifests(names []string, stdin io.Reader) (files []lint.File, unreadable []lint.Unreadable) {
	for _, name := range names {
		content, err := readManifest(name, stdin)
		if name == "-" {
			name = standardInput
		}
		if err != nil {
			if failed, ok := errors.AsType[*os.PathError](err); ok {
				err = failed.Err // which has the name once more
			}
			unreadable = append(unreadable, lint.Unreadable{File: name, Text: err.Error()})
			continue
		}
		files = append(files, lint.File{Name: name, Content: content})
	}
	return files, unreadable
}

// readManifest reads one byte more than lint takes, which says so.
func readManifest(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, lint.MaxFile+1))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, lint.MaxFile+1))
}
