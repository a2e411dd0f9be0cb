// Package lint reads Kubernetes manifests, finds the preStop hooks in them, and says what will go wrong.
//
// [Check] is all of it: files in, a [Result] out. A [Rule] is something that can be wrong, with an identifier that
// does not change; a [Finding] is a place where it is. [Rules] is the list.
//
// It knows what the kubelet does and what the programs that people call in hooks do. What prestop would do it does not
// know: a [Read] tells it, which is the program's own reader of arguments, environment and steps, with its own schedule.
//
// What is not in the files is not known and never guessed: no finding comes from a ConfigMap, a Service, or an image that
// may be one way or the other. The package opens no file, asks no cluster and prints nothing. It is for cmd/prestop.
package lint

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/prestop/prestop/prestop"
)

// A File is an input: one or more documents, YAML or JSON.
type File struct {
	Name    string // as findings name it
	Content []byte
}

// Read is what prestop makes of the command of a hook. It is pure: nothing is opened, asked or waited for.
type Read func(Command) Reading

// A Command is prestop's, as it would be run.
type Command struct {
	Args  []string // those after the program
	Env   Environment
	Grace time.Duration // the pod's; 0: as Env and Args say
	// Cluster is set in the Elasticsearch container of an ECK pod, whose mounts tell prestop where the cluster is.
	Cluster string
}

// A Reading is prestop's view of a command.
type Reading struct {
	// Subcommand is what is done instead of a hook, such as install, or --dry-run. Then there is nothing else.
	Subcommand string

	Plan  prestop.Plan // of its steps, those that a wrapper hides unwrapped
	Steps []Step       // beside Plan.Entries

	Settings map[string]Setting // by their variable's name; those that were set
	Mistakes []Mistake          // in settings
	Unknown  []string           // PRE_STOP_ variables that are no settings
}

// A Setting is one that was set, by a flag or a variable.
type Setting struct {
	Value string // without secrets
	Flag  string // as --grace-period; empty: by the variable
}

// A Mistake is a setting that cannot be read.
type Mistake struct {
	Setting string // a variable's name, or a flag's, as --grace-period; or arguments
	Text    string
	With    string // the setting that needs this one, as PRE_STOP_X, --x or --x=VALUE; empty: it is not that this one is missing
}

// A Step says where an entry of a plan comes from, and what is wrong with it.
type Step struct {
	Setting string   // the variable that it comes from; empty: an argument
	Index   int      // which argument, or which line of the variable, from 0
	Err     string   // why it cannot be read
	Unset   []string // variables in it that are not set
	Guess   bool     // it has variables whose value is not known
}

// A Hook is a preStop hook that was found.
type Hook struct {
	File      string
	Line      int
	Kind      string // of the object, as Deployment
	Namespace string // may be empty
	Name      string
	Container string
	Program   string   // prestop, or the name of another; or httpGet, sleep, tcpSocket
	Reading   *Reading // nil: not prestop's
}

// A Result is what there is to say of some files.
type Result struct {
	Hooks      []Hook
	Findings   []*Finding
	Unreadable []Unreadable
}

// An Unreadable is a file, or a document of one, that cannot be read.
type Unreadable struct {
	File string `json:"file"`
	Line int    `json:"line"` // 0: the whole file
	Text string `json:"message"`
}

// Errors tells whether any finding is an error.
func (r Result) Errors() bool {
	return slices.ContainsFunc(r.Findings, func(f *Finding) bool { return f.Severity == Error })
}

// Check reads files, which may refer to each other.
func Check(files []File, read Read) Result {
	var all Result
	in := newInput()
	for _, f := range files {
		docs, unreadable := documents(f)
		all.Unreadable = append(all.Unreadable, unreadable...)
		for _, d := range docs {
			in.add(d, 0)
		}
	}
	rules := Rules()
	for _, w := range in.workloads {
		for _, p := range w.pods {
			for _, c := range p.all() {
				if c.readHook(read); c.hook != nil {
					all.Hooks = append(all.Hooks, c.hook.summary())
				}
			}
		}
		all.Findings = append(all.Findings, w.run(rules)...)
	}
	all.Findings = inOrder(all.Findings, files)
	return all
}

// inOrder sorts findings by where they are, and leaves out what stands there already: one node may be part of several pods.
func inOrder(findings []*Finding, files []File) []*Finding {
	place := make(map[string]int, len(files))
	for i, f := range slices.Backward(files) {
		place[f.Name] = i
	}
	sort.Slice(findings, func(i, j int) bool {
		a, b := findings[i], findings[j]
		return cmp.Or(place[a.File]-place[b.File], a.Line-b.Line, a.Column-b.Column, strings.Compare(a.ID, b.ID), strings.Compare(a.Message, b.Message)) < 0
	})
	seen := make(map[Finding]bool, len(findings))
	return slices.DeleteFunc(findings, func(f *Finding) bool {
		again := seen[*f]
		seen[*f] = true
		return again
	})
}
