// Package manifest puts hooks into the texts of manifests.
//
// [Inject] is all of it: a file in, the file with hooks out, and what was done. internal/inject decides what becomes of a pod.
// internal/lint knows where pods stand in a document. This package changes only the document's text, and in it nothing else: comments, the
// order of keys, and fields that it does not know stay. A document that needs no change is returned byte for byte. In any other document,
// all bytes beside the changes stay.
//
// It opens no file and prints nothing. It is for cmd/kubectl-prestop.
package manifest

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"

	"github.com/prestop/prestop/internal/inject"
	"github.com/prestop/prestop/internal/lint"
)

// A Report is what became of a pod, or of one of its containers.
type Report struct {
	File      string
	Line      int
	Object    string // as Deployment shop/web
	Container string // empty: it is about the pod
	Hooked    bool
	Text      string // a part of a sentence
}

// Inject puts hooks into a file, and keeps its encoding. An error is a place that cannot be read, or that asks for what cannot be done. If
// there are errors, there is no output.
func Inject(f lint.File, with inject.Parameters) (out []byte, reports []Report, errs []*lint.Unreadable) {
	if len(f.Content) > lint.MaxFile {
		return nil, nil, []*lint.Unreadable{{File: f.Name, Text: "expected at most 64 MiB"}}
	}
	for _, p := range lint.Parts(f) {
		text, said, wrong := injected(p, with)
		out, reports, errs = append(out, text...), append(reports, said...), append(errs, wrong...)
	}
	if len(errs) > 0 {
		return nil, nil, errs
	}
	if bytes.Equal(out, lint.UTF8(f.Content)) {
		return f.Content, reports, nil
	}
	return encodedAs(f.Content, out), reports, nil
}

// injected is the text of a part with hooks.
func injected(p lint.Part, with inject.Parameters) (text []byte, reports []Report, errs []*lint.Unreadable) {
	d, err := p.Document()
	if err != nil {
		return nil, nil, []*lint.Unreadable{err.(*lint.Unreadable)}
	}
	if d == nil {
		return p.Text, nil, nil
	}
	if twice := writtenTwice(p.File, d); len(twice) > 0 {
		return nil, nil, twice
	}
	all, reports, errs := decide(p.File, d, with)
	if len(errs) > 0 || len(all) == 0 {
		return p.Text, reports, errs
	}
	text, ok := rewritten(p, d, all, with)
	if !ok {
		line, why := p.Line+1, "the hook cannot be put into this document without a change of something else; write the document in another way"
		if key := newSource(p.Text, p.Line, d).explicitKey(d); key != nil {
			line, why = key.Line, fmt.Sprintf("the hook cannot be put beside a key behind a question mark; write it as %s: VALUE", key.Value)
		}
		errs = []*lint.Unreadable{{File: p.File, Line: line, Text: why}}
	}
	return text, reports, errs
}

// encodedAs is a text in the encoding that another has.
func encodedAs(old, text []byte) []byte {
	for mark, encoding := range map[string]encoding.Encoding{
		"\xef\xbb\xbf": unicode.UTF8BOM,
		"\xfe\xff":     unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
		"\xff\xfe":     unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	} {
		if bytes.HasPrefix(old, []byte(mark)) {
			text, _ = encoding.NewEncoder().Bytes(text) // each letter of it is one of Unicode's
		}
	}
	return text
}

// writtenTwice are the keys that stand twice in a mapping. Some readers take the one, and some the other.
func writtenTwice(file string, n *yaml.Node) (all []*lint.Unreadable) {
	lines := map[string]int{}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.ScalarNode && c.Tag != "!!merge" {
			if first, twice := lines[c.Value]; twice {
				text := fmt.Sprintf("the key %q stands here a second time; first in line %d", c.Value, first)
				all = append(all, &lint.Unreadable{File: file, Line: c.Line, Text: text})
			} else {
				lines[c.Value] = c.Line
			}
		}
		all = append(all, writtenTwice(file, c)...)
	}
	return all
}

// edits are the edits of a document's templates, by the templates' order.
type edits map[int][]inject.Edit

// decide says what is to become of a document.
func decide(file string, d *yaml.Node, with inject.Parameters) (all edits, reports []Report, errs []*lint.Unreadable) {
	all = edits{}
	for n, t := range lint.Templates(file, d) {
		edits, said, wrong := decideTemplate(file, t, with)
		reports, errs = append(reports, said...), append(errs, wrong...)
		if len(edits) > 0 {
			all[n] = edits
		}
	}
	return all, reports, errs
}

func decideTemplate(file string, t lint.Template, with inject.Parameters) (edits []inject.Edit, reports []Report, errs []*lint.Unreadable) {
	say := func(line int, container, text string, hooked bool) {
		reports = append(reports, Report{file, line, t.Title(), container, hooked, text})
	}
	if why := none(t); why != "" {
		say(t.Line, "", leftAlone+why, false)
		return nil, reports, nil
	}
	if len(t.Mistype) > 0 {
		for _, m := range t.Mistype {
			errs = append(errs, &m)
		}
		return nil, nil, errs
	}
	for _, name := range inject.Annotations() {
		if at := lint.At(t.Object, "metadata", "annotations", name); at != nil && t.Node != t.Object {
			say(at.Line, "", "annotation "+name+": nobody looks at it here; it is for the pod's metadata, as in spec.template.metadata", false)
		}
	}
	r := inject.Inject(pod(t), with)
	for _, p := range r.Problems {
		text := "annotation " + p.Annotation + ": " + p.Text
		errs = append(errs, &lint.Unreadable{File: file, Line: annotationLine(t, p.Annotation), Text: text})
	}
	if r.Left != "" {
		say(t.Line, "", leftAlone+r.Left, false)
	}
	for _, w := range r.Warnings {
		say(annotationLine(t, w.Annotation), "", "annotation "+w.Annotation+": "+w.Text, false)
	}
	for _, c := range slices.Concat(r.Containers, r.Sidecars) {
		say(t.Line, c.Container, c.Text, c.Hooked)
	}
	return r.Edits, reports, errs
}

// apply changes a document.
func (all edits) apply(to tree) {
	for n, t := range lint.Templates("", to.document) {
		for _, e := range all[n] {
			to.set(t.Node, append([]string{"spec"}, e.Path...), e.Value)
		}
	}
}

// leftAlone begins what is said of a pod that is not changed.
const leftAlone = "left alone: "

// none says why a template is not looked at.
func none(t lint.Template) string {
	switch {
	case t.Refused != "": // no error: whoever applies the object says the same, and a newer Kubernetes may have the kind
		return t.Refused
	case t.Foreign:
		return "what makes its pods is not known here; a policy reaches them"
	case t.Kind == "Elasticsearch":
		return "ECK gives its pods a hook of their own"
	}
	return ""
}

func pod(t lint.Template) inject.Pod {
	p := inject.Pod{Annotations: t.Pod.Annotations, Spec: t.Pod.Spec}
	if t.Kind == "Job" || t.Kind == "CronJob" {
		p.Owners = []string{t.Kind}
	}
	for _, o := range t.Pod.OwnerReferences {
		p.Owners = append(p.Owners, o.Kind)
	}
	return p
}

func annotationLine(t lint.Template, name string) int {
	if n := lint.At(t.Node, "metadata", "annotations", name); n != nil {
		return n.Line
	}
	return t.Line
}

// rewritten is the text of a document with the changes. ok is false if the text cannot be changed to say just that.
func rewritten(p lint.Part, d *yaml.Node, all edits, with inject.Parameters) (text []byte, ok bool) {
	s := newSource(p.Text, p.Line, d)
	t := tree{d, s.was, map[*yaml.Node][]*yaml.Node{}}
	t.know(d)
	all.apply(t)
	for n := 0; n < maxShared && len(all) > 0 && bytes.Contains(p.Text, []byte("*")); n++ {
		all, _, _ = decide(p.File, d, with)
		all.apply(t)
	}
	s.write(d, false)
	text = s.changed()
	got, err := lint.Part{File: p.File, Text: text, Line: p.Line}.Document()
	return text, err == nil && got != nil && same(got, d)
}

// maxShared is how often a document with aliases is looked at again. A pod may be an alias of another: what was put into one is not in its
// copies.
const maxShared = 4

// same tells whether two documents say the same.
func same(a, b *yaml.Node) bool {
	for a.Kind == yaml.AliasNode {
		a = a.Alias
	}
	for b.Kind == yaml.AliasNode {
		b = b.Alias
	}
	if a.Kind != b.Kind || a.ShortTag() != b.ShortTag() || a.Value != b.Value || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
