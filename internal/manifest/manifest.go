// Package manifest puts hooks into the texts of manifests.
//
// [Inject] is all of it: a file in, the file with hooks out, and what was done. What becomes of a pod internal/inject decides; where
// pods stand in a document internal/lint knows. This package changes the document's text and nothing else in it: comments, the
// order of keys and fields that it does not know stay. A document that needs no change is returned byte for byte.
//
// It opens no file and prints nothing. It is for cmd/kubectl-prestop.
package manifest

import (
	"bytes"
	"errors"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

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

// Inject puts hooks into a file. The errors are places that cannot be read, or that say what cannot be done; then there is no output.
func Inject(f lint.File, with inject.Parameters) (out []byte, reports []Report, errs []*lint.Unreadable) {
	if len(f.Content) > lint.MaxFile {
		return nil, nil, []*lint.Unreadable{{File: f.Name, Text: "expected at most 64 MiB"}}
	}
	for _, p := range lint.Parts(f) {
		d, err := p.Document()
		if err != nil {
			errs = append(errs, err.(*lint.Unreadable))
			continue
		}
		text := p.Text
		if d != nil {
			all, said, wrong := decide(f.Name, d, with)
			reports, errs = append(reports, said...), append(errs, wrong...)
			if len(wrong) == 0 && len(all) > 0 {
				var ok bool
				if text, ok = rewritten(p, d, all); !ok {
					errs = append(errs, &lint.Unreadable{File: f.Name, Line: p.Line + 1, Text: "this document cannot be written again without a change of what it says; write it in another way"})
				}
			}
		}
		out = append(out, text...)
	}
	if len(errs) > 0 {
		return nil, nil, errs
	}
	return out, reports, nil
}

// edits are those of a document's templates, by their order.
type edits map[int][]inject.Edit

// decide says what is to become of a document.
func decide(file string, d *yaml.Node, with inject.Parameters) (all edits, reports []Report, errs []*lint.Unreadable) {
	all = edits{}
	for n, t := range lint.Templates(file, d) {
		say := func(container, text string, hooked bool) {
			reports = append(reports, Report{file, t.Line, object(t), container, hooked, text})
		}
		if why := none(t); why != "" {
			say("", why, false)
			continue
		}
		if len(t.Mistype) > 0 {
			for _, m := range t.Mistype {
				errs = append(errs, &m)
			}
			continue
		}
		r := inject.Inject(pod(t), with)
		for _, p := range r.Problems {
			errs = append(errs, &lint.Unreadable{File: file, Line: annotationLine(t, p.Annotation), Text: "annotation " + p.Annotation + ": " + p.Text})
		}
		if r.Left != "" {
			say("", r.Left, false)
		}
		for _, c := range r.Containers {
			say(c.Container, c.Text, c.Hooked)
		}
		if len(r.Edits) > 0 {
			all[n] = r.Edits
		}
	}
	return all, reports, errs
}

// apply changes a document.
func (all edits) apply(d *yaml.Node) {
	for n, t := range lint.Templates("", d) {
		for _, e := range all[n] {
			tree{d}.set(t.Node, append([]string{"spec"}, e.Path...), e.Value)
		}
	}
}

// none says why a template is not looked at.
func none(t lint.Template) string {
	switch {
	case t.Foreign:
		return "what makes its pods is not known here; a policy reaches them"
	case t.Kind == "Elasticsearch":
		return "ECK gives its pods a hook of their own"
	}
	return ""
}

func object(t lint.Template) string {
	if t.Namespace != "" {
		return t.Kind + " " + t.Namespace + "/" + t.Name
	}
	return t.Kind + " " + t.Name
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
	n := t.Node
	for _, key := range []string{"metadata", "annotations", name} {
		n = value(n, key)
	}
	if n == nil {
		return t.Line
	}
	return n.Line
}

// rewritten is the text of a document that is changed. ok is false where the YAML library would write something else than it read.
func rewritten(p lint.Part, d *yaml.Node, all edits) (text []byte, ok bool) {
	all.apply(d)
	if text, ok := rewrittenJSON(p.Text, d); ok {
		return text, true
	}
	var want any
	if err := d.Decode(&want); err != nil {
		return nil, false
	}
	if text = written(p.Text, d); !says(text, want) {
		return nil, false
	}
	if kept, some := withBlankLines(p, all); some && says(kept, want) {
		text = kept
	}
	if bytes.Contains(p.Text, []byte("\r\n")) {
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}
	return text, true
}

// says tells whether a text, once read, is this value.
func says(text []byte, want any) bool {
	var got any
	return yaml.Unmarshal(text, &got) == nil && reflect.DeepEqual(got, want)
}

// written is a document's text, after the line of dashes that it had.
func written(old []byte, d *yaml.Node) []byte {
	sayNull(d, false)
	var b bytes.Buffer
	if first, _, _ := bytes.Cut(old, []byte("\n")); bytes.HasPrefix(first, []byte("---")) {
		b.Write(append(bytes.TrimRight(first, "\r"), '\n'))
	}
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if compact(d) {
		e.CompactSeqIndent()
	}
	if err := errors.Join(e.Encode(d), e.Close()); err != nil {
		panic(err) // a tree that was read is a tree that can be written
	}
	return b.Bytes()
}

// sayNull writes a null that is nothing, as in {a}, in a word: within braces the YAML library would make it an empty text.
func sayNull(n *yaml.Node, flow bool) {
	if flow = flow || n.Style&yaml.FlowStyle != 0; flow && n.Kind == yaml.ScalarNode && n.Value == "" && n.ShortTag() == "!!null" {
		n.Value = "null"
	}
	for _, c := range n.Content {
		sayNull(c, flow)
	}
}

// blank stands for an empty line, which the YAML library forgets, while comments stay.
const blank = "# empty line: kubectl prestop inject"

// withBlankLines is what becomes of a document, with the document's empty lines. some is false where it has none, or where they cannot
// be kept, as in a text that goes over several lines.
func withBlankLines(p lint.Part, all edits) (kept []byte, some bool) {
	marked, some := mark(p.Text)
	if !some {
		return nil, false
	}
	d, err := lint.Part{File: p.File, Text: marked, Line: p.Line}.Document()
	if err != nil || d == nil {
		return nil, false
	}
	all.apply(d)
	for line := range bytes.Lines(written(p.Text, d)) {
		if string(bytes.TrimSpace(line)) == blank {
			line = []byte("\n")
		}
		kept = append(kept, line...)
	}
	end := p.Text[len(bytes.TrimRight(p.Text, " \t\r\n")):]
	kept = append(append(bytes.TrimRight(kept, "\n"), '\n'), bytes.Repeat([]byte("\n"), max(0, bytes.Count(end, []byte("\n"))-1))...)
	return kept, true
}

// mark puts comments in the place of empty lines, each where the line after it begins.
func mark(text []byte) (marked []byte, some bool) {
	lines := slices.Collect(bytes.Lines(bytes.TrimRight(text, " \t\r\n")))
	var column []byte
	for i, line := range slices.Backward(lines) {
		if content := bytes.TrimLeft(line, " "); len(bytes.TrimSpace(line)) > 0 {
			column = line[:len(line)-len(content)]
		} else {
			lines[i], some = append(slices.Clone(column), blank+"\n"...), true
		}
	}
	return append(bytes.Join(lines, nil), '\n'), some
}

// compact tells whether lists within mappings are written at the column of their keys, as Kubernetes' own tools do. The first list
// that is found decides.
func compact(d *yaml.Node) bool {
	found, is := list(d)
	return !found || is
}

func list(n *yaml.Node) (found, compact bool) {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && c.Kind == yaml.SequenceNode && c.Style&yaml.FlowStyle == 0 && c.Line > 0 && len(c.Content) > 0 {
			return true, c.Column == n.Content[i-1].Column
		}
		if found, compact = list(c); found {
			return found, compact
		}
	}
	return false, false
}
