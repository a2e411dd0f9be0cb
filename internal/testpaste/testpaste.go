// Package testpaste pastes the fix of a finding that lint prints. It does what people do: it puts each line where its key belongs.
//
// It is only for tests. It knows YAML and a pod's fields, and nothing about lint: a fix is a text and a place.
package testpaste

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Fix is what a finding has to paste.
type Fix struct {
	Text         string // YAML; a sentence cannot be pasted
	Line, Column int    // of the finding, from 1
	Container    string // the container with the finding; empty: the pod has it
}

// Into returns the text of a manifest's documents with the fix in one of them. It changes the documents. False: there is nothing to paste.
func (f Fix) Into(docs []*yaml.Node) (changed string, ok bool) {
	var fix yaml.Node
	if err := yaml.Unmarshal([]byte(f.Text), &fix); err != nil || len(fix.Content) == 0 || fix.Content[0].Kind == yaml.ScalarNode {
		return "", false
	}
	var p paster
	for _, d := range docs {
		if way := wayTo(d, f.Line, f.Column); len(way) > len(p.way) {
			p.way = way
		}
	}
	if p.container = containerIn(docs, f.Container, p.way); p.container == nil {
		p.container = &yaml.Node{Kind: yaml.MappingNode}
	}
	p.pod = podOf(docs, p.container, p.way)
	for _, d := range docs {
		walk(d, func(n *yaml.Node) {
			if p.pod != nil && valueOf(n, "spec") == p.pod {
				p.template = n
			}
		})
	}
	if fix.Content[0].Kind == yaml.SequenceNode {
		p.items(fix.Content[0].Content)
	} else {
		p.entries(fix.Content[0].Content)
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	for _, d := range docs {
		if e.Encode(d) != nil {
			return "", false
		}
	}
	return out.String(), true
}

// A paster is somebody who pastes.
type paster struct {
	way            []*yaml.Node // from the document to the finding's place
	container, pod *yaml.Node
	template       *yaml.Node // of the pod
}

// wayTo are the nodes from the outermost node to the innermost node at a place.
func wayTo(n *yaml.Node, line, column int) []*yaml.Node {
	for _, c := range n.Content {
		if way := wayTo(c, line, column); way != nil {
			return append([]*yaml.Node{n}, way...)
		}
	}
	inBlock := n.Style&yaml.LiteralStyle != 0 && n.Line < line && line <= n.Line+strings.Count(n.Value, "\n")
	if (n.Line == line || inBlock) && n.Column == column {
		return []*yaml.Node{n}
	}
	return nil
}

func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// walk calls do for each node.
func walk(n *yaml.Node, do func(*yaml.Node)) {
	do(n)
	for _, c := range n.Content {
		walk(c, do)
	}
}

func containerIn(docs []*yaml.Node, container string, way []*yaml.Node) (found *yaml.Node) {
	for _, n := range slices.Concat(way, docs) {
		walk(n, func(n *yaml.Node) {
			for _, list := range []string{"containers", "initContainers"} {
				all := valueOf(n, list)
				for _, c := range contentOf(all) {
					if name := valueOf(c, "name"); found == nil && (name != nil && name.Value == container || container == "" && len(all.Content) == 1) {
						found = c
					}
				}
			}
		})
	}
	return found
}

func contentOf(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	return n.Content
}

func podOf(docs []*yaml.Node, container *yaml.Node, way []*yaml.Node) (pod *yaml.Node) {
	for _, n := range way {
		if valueOf(n, "containers") != nil {
			pod = n
		}
	}
	for _, d := range docs {
		walk(d, func(n *yaml.Node) {
			if pod == nil && slices.Contains(contentOf(valueOf(n, "containers")), container) {
				pod = n
			}
		})
	}
	return pod
}

// homes are the keys that have only one place in a pod. true: the place is the pod's spec; false: it is a container.
var homes = map[string]bool{
	"terminationGracePeriodSeconds": true, "volumes": true, "initContainers": true, "containers": true, "os": true, "automountServiceAccountToken": true, "shareProcessNamespace": true,
	"env": false, "lifecycle": false, "volumeMounts": false, "ports": false, "startupProbe": false, "readinessProbe": false,
}

func (p *paster) entries(pairs []*yaml.Node) {
	inner := p.way[len(p.way)-1]
	atKey := len(p.way) > 1 && isKey(p.way[len(p.way)-2], inner)
	replaces := atKey
	for i := 0; i+1 < len(pairs); i += 2 {
		key, value := pairs[i], pairs[i+1]
		inPod, hasHome := homes[key.Value]
		into := p.enclosing(key.Value)
		switch {
		case atKey && inPod && key.Value == inner.Value && p.way[len(p.way)-2] != p.pod:
			into, replaces = p.pod, true
		case into != nil:
			replaces = false
		case key.Value == "metadata":
			into = p.template
		case hasHome && inPod:
			into = p.pod
		case hasHome:
			into = p.container
		default:
			into = p.mapping()
		}
		if into == nil {
			into = p.mapping()
		}
		set(into, key, value)
	}
	if replaces {
		remove(p.way[len(p.way)-2], inner)
	}
}

func isKey(mapping, n *yaml.Node) bool {
	return mapping.Kind == yaml.MappingNode && slices.Index(mapping.Content, n)%2 == 0
}

// enclosing is the innermost mapping that has an entry with this key, and the place in this entry.
func (p *paster) enclosing(key string) *yaml.Node {
	for i, n := range slices.Backward(p.way) {
		value := valueOf(n, key)
		if value == nil {
			continue
		}
		if i+1 < len(p.way) && (p.way[i+1] == value || p.way[i+1].Kind == yaml.ScalarNode && slices.Index(n.Content, value) == slices.Index(n.Content, p.way[i+1])+1) {
			return n
		}
	}
	return nil
}

// mapping is the innermost mapping around the place, or at it.
func (p *paster) mapping() *yaml.Node {
	for _, n := range slices.Backward(p.way) {
		if n.Kind == yaml.MappingNode {
			return n
		}
	}
	return nil
}

func remove(mapping, key *yaml.Node) {
	if i := slices.Index(mapping.Content, key); i >= 0 {
		mapping.Content = slices.Delete(mapping.Content, i, i+2)
	}
}

// merged are mappings that keep their other entries when an entry is pasted into them.
var merged = []string{"lifecycle", "metadata", "annotations", "spec"}

// set pastes an entry. A list of items with names keeps its other items.
func set(mapping, key, value *yaml.Node) {
	at := slices.IndexFunc(mapping.Content, func(n *yaml.Node) bool { return n.Value == key.Value && isKey(mapping, n) })
	switch {
	case at < 0:
		mapping.Content = append(mapping.Content, key, value)
	case slices.Contains(merged, key.Value) && mapping.Content[at+1].Kind == yaml.MappingNode:
		for i := 0; i+1 < len(value.Content); i += 2 {
			set(mapping.Content[at+1], value.Content[i], value.Content[i+1])
		}
	case value.Kind == yaml.SequenceNode && mapping.Content[at+1].Kind == yaml.SequenceNode && allNamed(value):
		for _, item := range value.Content {
			setItem(mapping.Content[at+1], item, strings.HasSuffix(strings.ToLower(key.Value), "containers"))
		}
	default:
		mapping.Content[at+1] = value
	}
}

func allNamed(list *yaml.Node) bool {
	return !slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return valueOf(n, "name") == nil })
}

// setItem pastes an item over the item of the same name. If there is none, it comes first: a variable has to stand before the variables
// that refer to it.
func setItem(list, item *yaml.Node, part bool) {
	for i, old := range list.Content {
		if name := valueOf(old, "name"); name != nil && name.Value == valueOf(item, "name").Value {
			if part && valueOf(item, "image") == nil { // only a part of a container is pasted
				for j := 0; j+1 < len(item.Content); j += 2 {
					set(old, item.Content[j], item.Content[j+1])
				}
			} else {
				list.Content[i] = item
			}
			return
		}
	}
	list.Content = append([]*yaml.Node{item}, list.Content...)
	list.Style = 0
}

func (p *paster) items(items []*yaml.Node) {
	list := &yaml.Node{Kind: yaml.SequenceNode, Content: items}
	if allNamed(list) {
		set(p.container, &yaml.Node{Kind: yaml.ScalarNode, Value: "env"}, list)
		return
	}
	for i, n := range slices.Backward(p.way) {
		if n.Kind == yaml.SequenceNode && i+1 < len(p.way) && p.way[i+1].Kind == yaml.ScalarNode {
			at := slices.Index(n.Content, p.way[i+1])
			n.Content, n.Style = slices.Replace(n.Content, at, at+1, items...), 0
			return
		}
	}
}
