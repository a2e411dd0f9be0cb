package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/prestop/prestop/internal/lint"
)

// A tree is a document that is changed. Nodes without a line are new.
type tree struct {
	document *yaml.Node
	was      map[*yaml.Node]*yaml.Node   // the nodes that new ones replace
	aliases  map[*yaml.Node][]*yaml.Node // of each node with an anchor
}

// know notes the aliases in a node.
func (t tree) know(n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		t.aliases[n.Alias] = append(t.aliases[n.Alias], n)
	}
	for _, c := range n.Content {
		t.know(c)
	}
}

// set puts a value at the place that path leads to from a mapping. See [inject.Edit].
func (t tree) set(from *yaml.Node, path []string, to any) {
	at := t.own(from)
	for i, step := range path {
		if last := i == len(path)-1; last {
			t.put(at, step, nodeOf(to))
			return
		}
		at = t.own(t.enter(at, step, path[i+1]))
	}
}

// enter is the node below a step. If it is not there, it is made, of the kind that the step after it needs.
func (t tree) enter(at *yaml.Node, step, then string) *yaml.Node {
	i := find(at, step)
	switch merged := lint.At(at, step); {
	case i >= 0 && at.Content[i].ShortTag() != "!!null":
		return at.Content[i]
	case merged != nil && merged.ShortTag() != "!!null": // what is changed must be its own
		v := clone(merged)
		t.know(v)
		t.add(at, scalar(step), v)
		return v
	}
	made := &yaml.Node{Kind: yaml.MappingNode}
	if _, _, list := element(then); list {
		made.Kind = yaml.SequenceNode
	}
	t.put(at, step, made)
	return made
}

// put sets one element of a list or one key of a mapping. A scalar that is replaced keeps its quotes.
func (t tree) put(at *yaml.Node, step string, v *yaml.Node) {
	if i := find(at, step); i >= 0 {
		old := at.Content[i]
		if v.Kind == yaml.ScalarNode && v.Style == 0 {
			v.Style = old.Style & (yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle)
		}
		t.replace(old, v)
		at.Content[i] = v
	} else if _, _, list := element(step); list {
		t.add(at, v)
	} else {
		t.add(at, scalar(step), v)
	}
}

// replace notes that a new node takes the place of another.
func (t tree) replace(old, v *yaml.Node) {
	t.release(old)
	if old.Line > 0 {
		t.was[v] = old
	} else if was := t.was[old]; was != nil {
		t.was[v] = was
	}
}

// release turns the aliases of a node, and of all that is in it, into copies.
func (t tree) release(n *yaml.Node) {
	t.share(n)
	for _, c := range n.Content {
		t.release(c)
	}
}

// add adds nodes to a collection. An empty collection is written anew.
func (t tree) add(to *yaml.Node, nodes ...*yaml.Node) {
	if len(to.Content) == 0 && to.Line > 0 {
		t.renew(to)
		to.Style &^= yaml.FlowStyle
	}
	to.Content = append(to.Content, nodes...)
}

// renew marks a node that is to be written anew in its place.
func (t tree) renew(n *yaml.Node) {
	if n.Line > 0 {
		old := *n
		t.was[n] = &old
		n.Line, n.Anchor, n.HeadComment, n.LineComment, n.FootComment = 0, "", "", "", ""
	}
}

// own makes a node safe to change: no alias shares it any more. If the node is an alias, it becomes a copy of what it stands for. If
// aliases stand for the node, these become copies.
func (t tree) own(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		t.copyTo(n)
	}
	t.share(n)
	return n
}

// share turns the aliases of a node into copies.
func (t tree) share(n *yaml.Node) {
	all := t.aliases[n]
	delete(t.aliases, n)
	for _, alias := range all {
		if alias.Kind == yaml.AliasNode {
			t.copyTo(alias)
		}
	}
}

// copyTo makes an alias a copy of what it stands for.
func (t tree) copyTo(alias *yaml.Node) {
	t.renew(alias)
	*alias = *clone(alias.Alias)
	t.know(alias)
}

// clone copies a node and what is in it, without anchors, comments and places.
func clone(n *yaml.Node) *yaml.Node {
	c := yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Alias: n.Alias}
	for _, inside := range n.Content {
		c.Content = append(c.Content, clone(inside)) // an alias in it still stands for the same node
	}
	return &c
}

// element takes a step of the form [field=text] apart.
func element(step string) (field, text string, ok bool) {
	if !strings.HasPrefix(step, "[") {
		return "", "", false
	}
	return strings.Cut(strings.TrimSuffix(step[1:], "]"), "=")
}

// find is where a node has what a step leads to, in itself; -1: nowhere. Of a key that stands there twice it is the last.
func find(n *yaml.Node, step string) int {
	if field, text, ok := element(step); ok {
		return slices.IndexFunc(n.Content, func(item *yaml.Node) bool {
			v := lint.At(item, field)
			return v != nil && v.Kind == yaml.ScalarNode && v.Value == text
		})
	}
	for i := len(n.Content) - 2; i >= 0 && n.Kind == yaml.MappingNode; i -= 2 {
		if n.Content[i].Value == step && n.Content[i].Tag != "!!merge" {
			return i + 1
		}
	}
	return -1
}

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// nodeOf writes a value as people do: in lines, without quotes where none are needed, and without what is empty.
func nodeOf(v any) *yaml.Node {
	if text, ok := v.(string); ok {
		return plain(scalar(text))
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // Kubernetes' own types can be written
	}
	var d yaml.Node
	text = bytes.ReplaceAll(text, []byte("\u0085"), []byte(`\u0085`)) // else the YAML reader takes it for the end of a line
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&d); err != nil {
		panic(err)
	}
	return plain(d.Content[0])
}

// plain sets the styles of a node that is new.
func plain(n *yaml.Node) *yaml.Node {
	n.Style, n.Line, n.Column = 0, 0, 0
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "\n") {
		n.Style = yaml.LiteralStyle
	}
	for i := 0; i < len(n.Content); i++ {
		c := plain(n.Content[i])
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Value == "resources" && len(n.Content[i+1].Content) == 0 {
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			i--
		}
	}
	return n
}
