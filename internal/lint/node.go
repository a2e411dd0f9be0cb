package lint

import (
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A node is a place in a document. The zero node is a place that is not there; everything can be asked of it.
type node struct {
	*yaml.Node
	file *File
}

// there tells whether something stands at the place. Kubernetes takes null for nothing.
func (n node) there() bool {
	return n.Node != nil && !(n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null")
}

func (n node) isKind(kind yaml.Kind) bool { return n.Node != nil && n.Kind == kind }

// followed is what an alias stands for.
func (n node) followed() node {
	for n.isKind(yaml.AliasNode) {
		n.Node = n.Alias
	}
	return n
}

// at is the place below some keys (string) and indexes (int).
func (n node) at(path ...any) node {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			_, n = n.pair(step)
		case int:
			if !n.isKind(yaml.SequenceNode) || step >= len(n.Content) {
				return node{}
			}
			n = node{n.Content[step], n.file}.followed()
		}
	}
	return n
}

// pair is a key of a mapping and its value. Where a key stands twice, the last counts, as in Helm, and in a mapping that is merged the
// first, as for the decoder.
func (n node) pair(name string) (key, value node) {
	for i, layer := range n.layers() {
		for k, v := range layer.pairs() {
			if k.Value == name && (i == 0 || key.Node == nil) {
				key, value = k, v
			}
		}
	}
	return key, value
}

// pairs are the keys of the mapping itself and their values, without those that are merged into it.
func (n node) pairs() iter.Seq2[node, node] {
	return func(yield func(key, value node) bool) {
		for i := 0; n.isKind(yaml.MappingNode) && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Tag != "!!merge" && !yield(node{n.Content[i], n.file}, node{n.Content[i+1], n.file}.followed()) {
				return
			}
		}
	}
}

// layers are the mapping itself, and those that << merges into it. The first that has a key counts.
func (n node) layers() []node {
	all := []node{n}
	for i := 0; n.isKind(yaml.MappingNode) && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag == "!!merge" {
			from := node{n.Content[i+1], n.file}.followed()
			for _, one := range append(from.items(), from) {
				all = append(all, one.layers()...)
			}
		}
	}
	return all
}

func (n node) items() []node {
	if !n.isKind(yaml.SequenceNode) {
		return nil
	}
	all := make([]node, 0, len(n.Content))
	for _, item := range n.Content {
		all = append(all, node{item, n.file}.followed())
	}
	return all
}

// text is the text of a scalar of whatever type; empty: there is none.
func (n node) text() string {
	if !n.there() || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// truths are the words that Kubernetes reads as truth values, since its reader is one for YAML 1.1.
var truths = []string{"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"}

// scalar is what Kubernetes reads at a place: nil, a bool, an int64, a float64 or a string. ok is false for mappings and lists.
func (n node) scalar() (value any, ok bool) {
	if !n.isKind(yaml.ScalarNode) {
		return nil, n.Node == nil
	}
	switch tag := n.ShortTag(); tag {
	case "!!null":
		return nil, true
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), true
	case "!!int", "!!float":
		if number := numberIn(strings.ReplaceAll(n.Value, "_", ""), tag == "!!int"); number != nil {
			return number, true
		}
	case "!!str":
		const written = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
		if i := slices.Index(truths, n.Value); i >= 0 && n.Style&written == 0 {
			return i < len(truths)/2, true
		}
	}
	return n.Value, true
}

// numberIn is the number that a text writes; nil: it writes none.
func numberIn(text string, whole bool) any {
	if i, err := strconv.ParseInt(text, 0, 64); err == nil && whole {
		return i
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return nil
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return int64(f) // 60.0 is 60 to Kubernetes
	}
	return f
}

// kind names what stands at a place, for a message.
func (n node) kind() string {
	value, ok := n.scalar()
	switch value.(type) {
	case bool:
		return "a truth value"
	case int64, float64:
		return "a number"
	case string:
		return "a string"
	}
	if ok {
		return "nothing"
	}
	if n.Kind == yaml.SequenceNode {
		return "a list"
	}
	return "a mapping"
}
