package lint

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
)

// A Template is the template of a pod, or a pod, as it stands in a manifest.
type Template struct {
	Kind, Namespace, Name string // of the object; Name and Namespace may be empty
	Line                  int
	// Foreign: the object is of a kind that is not known here. What its owner makes of the template is not known either.
	Foreign bool
	// Refused is why Kubernetes refuses the object, whose kind or apiVersion is misspelt. It has no Node then. Empty: it does not.
	Refused string
	Node    *yaml.Node // of the template, not of its spec
	Object  *yaml.Node // the object that makes the pod, or is the pod
	Pod     *corev1.PodTemplateSpec
	Mistype []Unreadable // values of the template that are not of the type that Kubernetes takes
}

// Title is how findings name the object.
func (t Template) Title() string { return objectName(t.Kind, t.Namespace, t.Name) }

// At is what stands below some keys of a mapping, in itself or merged into it; nil: nothing.
func At(n *yaml.Node, keys ...string) *yaml.Node {
	at := node{Node: n}.followed()
	for _, key := range keys {
		at = at.at(key)
	}
	return at.Node
}

// Templates are the templates in a document that [Part.Document] has read, in order. Those in lists are among them.
func Templates(file string, document *yaml.Node) []Template {
	f := File{Name: file}
	in := newInput()
	in.add(node{document.Content[0], &f}.followed(), "", "")
	var all []Template
	for _, w := range in.workloads {
		if at, refused, _ := w.misnamed(); refused != "" {
			if at.Node == nil { // an item of a list, which has its kind
				at = w.node
			}
			all = append(all, Template{Kind: w.kind, Namespace: w.namespace, Name: w.name, Line: at.Line, Refused: refused})
			continue
		}
		for _, p := range w.pods {
			t := Template{
				Kind: w.kind, Namespace: w.namespace, Name: w.name, Line: w.Line, Foreign: !slices.Contains(groups, w.group),
				Node: p.place.Node, Object: w.Node, Pod: p.PodTemplateSpec,
			}
			for _, flaw := range w.flaws {
				if flaw.kind == mistyped && (w.kind == "Pod" || slices.Contains(flaw.path, "template")) {
					text := fmt.Sprintf("%s: expected %s, got %s; kubectl prestop lint says how to write it", strings.Join(flaw.path, "."), flaw.expected, flaw.value.kind())
					t.Mistype = append(t.Mistype, Unreadable{file, flaw.at.Line, text})
				}
			}
			all = append(all, t)
		}
	}
	return all
}
