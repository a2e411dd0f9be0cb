package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"github.com/prestop/prestop/internal/lint"
)

// lintManifests reads manifests, and says for each preStop hook when it would do what, and what will go wrong. Exit 0: nothing,
// or warnings alone; 1: errors; 2: not all could be read.
func lintManifests(i invocation) int {
	flags := pflag.NewFlagSet("lint", pflag.ContinueOnError)
	flags.Usage = func() {}
	output := choice{outputText, []string{outputText, outputJSON}}
	flags.Var(&output, "output", "")
	list := flags.Bool("list", false, "")
	switch err := flags.Parse(i.args); {
	case err == pflag.ErrHelp:
		return printHelp(i)
	case err != nil:
		return i.complain("lint: %v (see prestop --help)", err)
	case *list:
		listRules(i.stdout)
		return exitDone
	case flags.NArg() == 0:
		return i.complain("lint: expected files, or - for standard input: kubectl get deployment web -o yaml | prestop lint -")
	}
	files, unreadable := readManifests(flags.Args())
	result := lint.Check(files, readHook)
	result.Unreadable = append(unreadable, result.Unreadable...)
	if output.word == outputJSON {
		writeLintJSON(i.stdout, result)
	} else {
		writeLint(i.stdout, files, result)
	}
	switch {
	case len(result.Unreadable) > 0:
		return exitConfiguration
	case result.Errors():
		return exitFailed
	}
	return exitDone
}

func listRules(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, r := range lint.Rules() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.ID, r.Severity, r.Summary)
	}
	t.Flush()
}

// standardInput is how findings name it.
const standardInput = "stdin"

func readManifests(names []string) (files []lint.File, unreadable []lint.Unreadable) {
	for _, name := range names {
		content, err := readManifest(name)
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
func readManifest(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, lint.MaxFile+1))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, lint.MaxFile+1))
}

// printable keeps what manifests hold from commanding a terminal.
type printable struct{ io.Writer }

func (p printable) Write(text []byte) (int, error) {
	shown := bytes.Clone(text)
	for i, b := range shown {
		c1 := i > 0 && text[i-1] == 0xc2 && b >= 0x80 && b < 0xa0
		if b < ' ' && b != '\n' || b == 0x7f || c1 {
			shown[i] = '?'
		}
		if c1 {
			shown[i-1] = '?'
		}
	}
	_, err := p.Writer.Write(shown)
	return len(text), err
}

// writeLint shows the times of each hook of prestop's, then what is wrong.
func writeLint(w io.Writer, files []lint.File, result lint.Result) {
	w = printable{w}
	hooks := make(map[string]int)
	for _, h := range result.Hooks {
		hooks[h.File]++
		writeHook(w, h)
	}
	for _, u := range result.Unreadable {
		hooks[u.File]++ // of which nobody knows
	}
	for _, f := range files {
		if hooks[f.Name] == 0 {
			fmt.Fprintf(w, "%s: no preStop hook\n", f.Name)
		}
	}
	errs := 0
	for _, f := range result.Findings {
		if f.Severity == lint.Error {
			errs++
		}
		fmt.Fprintf(w, "%s:%d: %s: %s: %s [%s]\n", f.File, f.Line, f.Severity, place(f.Object, f.Container), f.Message, f.ID)
		fmt.Fprintf(w, "  fix: %s\n", strings.ReplaceAll(f.Fix, "\n", "\n       "))
	}
	for _, u := range result.Unreadable {
		fmt.Fprintf(w, "%s: cannot be read: %s\n", at(u), u.Text)
	}
	fmt.Fprintf(w, "%s and %s in %s\n", amount(errs, "error"), amount(len(result.Findings)-errs, "warning"), amount(len(result.Hooks), "hook"))
}

func at(u lint.Unreadable) string {
	if u.Line == 0 {
		return u.File
	}
	return fmt.Sprintf("%s:%d", u.File, u.Line)
}

func place(object, container string) string {
	object, container = strings.ReplaceAll(object, "\n", "?"), strings.ReplaceAll(container, "\n", "?")
	if container == "" {
		return object
	}
	return object + ", container " + container
}

func amount(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func writeHook(w io.Writer, h lint.Hook) {
	if h.Reading == nil || h.Reading.Subcommand != "" {
		return
	}
	p := h.Reading.Plan
	object := h.Kind + " " + h.Name
	if h.Namespace != "" {
		object = h.Kind + " " + h.Namespace + "/" + h.Name
	}
	fmt.Fprintf(w, "%s:%d: %s: grace period %s, reserve %s: done within %s\n\n", h.File, h.Line, place(object, h.Container), p.Grace, p.Reserve.Round(time.Millisecond), p.Budget().Round(time.Millisecond))
	newTimeline(p).write(w, false)
	fmt.Fprintln(w)
}

// lintDocument is the JSON of lint. It is a contract: fields may be added, none changes.
type lintDocument struct {
	Version    int               `json:"version"` // 1
	Hooks      []lintHook        `json:"hooks"`
	Findings   []*lint.Finding   `json:"findings"`
	Unreadable []lint.Unreadable `json:"unreadable"`
}

type lintHook struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Container string `json:"container"`
	Program   string `json:"program"`
}

func writeLintJSON(w io.Writer, result lint.Result) {
	doc := lintDocument{1, []lintHook{}, append([]*lint.Finding{}, result.Findings...), append([]lint.Unreadable{}, result.Unreadable...)}
	for _, h := range result.Hooks {
		doc.Hooks = append(doc.Hooks, lintHook{h.File, h.Line, h.Kind, h.Namespace, h.Name, h.Container, h.Program})
	}
	writeJSON(w, doc)
}
