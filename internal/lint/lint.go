// Package lint reads Kubernetes manifests, finds the preStop hooks in them, and says what will go wrong.
//
// [Check] is all of it: files in, a [Result] out. A [Rule] is something that can be wrong, with an identifier that does not
// change. A [Finding] is a place where it is wrong. [Rules] is the list.
//
// Manifests are decoded into Kubernetes' own types, strictly, with the place of each value kept. The package knows what the
// kubelet does, and what the programs do that people call in hooks. What prestop itself would do, it learns from prestop's
// own packages: internal/config, internal/hook, and the needs of each step. It knows no verb.
//
// What is not in the files is not known and never guessed. A ConfigMap, a Service or an image that may be one way or the
// other causes no finding. The package opens no file, asks no cluster and prints nothing. It is for cmd/kubectl-prestop.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/prestop/prestop/internal/hook"
)

// A File is an input: one or more documents, YAML or JSON.
type File struct {
	Name    string // as findings name it
	Content []byte
}

// A Hook is a preStop hook that was found. Its JSON is a contract: fields may be added, none changes.
type Hook struct {
	File      string     `json:"file"`
	Line      int        `json:"line"`
	Kind      string     `json:"kind"` // of the object, as Deployment
	Namespace string     `json:"namespace,omitempty"`
	Name      string     `json:"name"`
	Container string     `json:"container"`
	Program   string     `json:"program"` // prestop, or the name of another; or httpGet, sleep, tcpSocket
	Plan      *hook.Plan `json:"-"`       // nil: it is not prestop's, or a subcommand
}

// Object is how findings name the object.
func (h Hook) Object() string { return objectName(h.Kind, h.Namespace, h.Name) }

func objectName(kind, namespace, name string) string {
	if namespace != "" && name != "" {
		name = namespace + "/" + name
	}
	return strings.TrimSpace(kind + " " + name)
}

// A Result is what was found in some files.
type Result struct {
	Hooks      []Hook
	Findings   []*Finding
	Unreadable []Unreadable
	Objects    map[string]int // how many objects each file has, of whatever kind, by the files' names
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

// Options are what is known beside the files.
type Options struct {
	// Kubernetes is the version of the nodes, as 1.36.4 or v1.36.4. Empty: it is not known, and nothing is found that depends on it.
	Kubernetes string
}

// Valid says what is wrong with the options.
func (o Options) Valid() error {
	if _, err := version.ParseGeneric(o.Kubernetes); err != nil && o.Kubernetes != "" {
		return fmt.Errorf("expected a version, as 1.36.3, got %q", o.Kubernetes)
	}
	return nil
}

// Check reads files, which may refer to each other.
func Check(files []File) Result { return Options{}.Check(files) }

// Check is [Check] with these options.
func (o Options) Check(files []File) Result {
	all := Result{Objects: map[string]int{}}
	in := newInput()
	in.kubernetes = o.Kubernetes
	for _, f := range files {
		docs, unreadable := documents(f)
		all.Unreadable = append(all.Unreadable, unreadable...)
		for _, d := range docs {
			if d.at("kind").text() != "" || len(d.patches()) > 0 {
				all.Objects[f.Name]++
			}
			in.add(d, "", "")
		}
	}
	rules := Rules()
	for _, w := range in.workloads {
		all.Hooks = append(all.Hooks, w.readHooks()...)
		all.Findings = append(all.Findings, w.run(rules)...)
	}
	all.Findings = inOrder(all.Findings, files)
	return all
}

// roots are rules about what has to be mended first: the other findings of an object may be caused by it.
var roots = []string{"kind-unknown", "hook-misplaced", "grace-misplaced", "field-misspelt", "wrong-type", "setting-unknown"}

// inOrder sorts findings by their objects, then roots first, then by their places, then errors first. It leaves out repeated findings: one
// node may be part of several pods.
func inOrder(findings []*Finding, files []File) []*Finding {
	place := make(map[string]int, len(files))
	for i, f := range slices.Backward(files) {
		place[f.Name] = i
	}
	begins := map[[2]string]int{}
	for _, f := range findings {
		object := [2]string{f.File, f.Object}
		begins[object] = min(f.Line, cmp.Or(begins[object], f.Line))
	}
	rank := func(f *Finding) int {
		if slices.Contains(roots, f.ID) {
			return 0
		}
		return 1
	}
	slices.SortFunc(findings, func(a, b *Finding) int {
		return cmp.Or(
			place[a.File]-place[b.File], begins[[2]string{a.File, a.Object}]-begins[[2]string{b.File, b.Object}], rank(a)-rank(b),
			a.Line-b.Line, a.Column-b.Column, cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Message, b.Message),
			cmp.Compare(a.Container, b.Container), cmp.Compare(a.Fix, b.Fix),
		)
	})
	return slices.CompactFunc(findings, func(a, b *Finding) bool { return *a == *b })
}
