package lint

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A node is a place in a document. The zero node is one that is not there; everything can be asked of it.
type node struct {
	*yaml.Node
	file *File
}

func (n node) there() bool {
	return n.Node != nil && !(n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null")
}

// deep follows an alias.
func (n node) deep() node {
	for n.Node != nil && n.Kind == yaml.AliasNode {
		n.Node = n.Alias
	}
	return n
}

// at is the value below some keys.
func (n node) at(keys ...string) node {
	for _, key := range keys {
		_, n = n.find(key)
	}
	return n
}

// find is a key and its value. A key of the mapping itself goes before those that are merged into it.
func (n node) find(key string) (name, value node) {
	if n.Node == nil || n.Kind != yaml.MappingNode {
		return node{}, node{}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return node{n.Content[i], n.file}, node{n.Content[i+1], n.file}.deep()
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		from := node{n.Content[i+1], n.file}.deep()
		for _, m := range append(from.items(), from) {
			if name, value = m.find(key); name.Node != nil {
				return name, value
			}
		}
	}
	return node{}, node{}
}

// keys are those of the mapping itself.
func (n node) keys() []node {
	if n.Node == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var all []node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			all = append(all, node{n.Content[i], n.file})
		}
	}
	return all
}

func (n node) items() []node {
	if n.Node == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	all := make([]node, 0, len(n.Content))
	for _, item := range n.Content {
		all = append(all, node{item, n.file}.deep())
	}
	return all
}

// texts are what the items of a list have below some keys.
func (n node) texts(keys ...string) []string {
	var all []string
	for _, item := range n.items() {
		all = append(all, item.at(keys...).text())
	}
	return all
}

// text is a scalar's, of whatever type.
func (n node) text() string {
	if !n.there() || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

func (n node) bool() bool { return n.text() == "true" }

// number is a whole number that stands there as one.
func (n node) number() (int, bool) {
	if !n.there() || n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" {
		return 0, false
	}
	i, err := strconv.ParseInt(n.Value, 0, 0) // 060 is 48 to Kubernetes
	return int(i), err == nil
}

// isString tells whether Kubernetes takes a scalar for a string. It reads YAML 1.1, where yes is a truth value.
func (n node) isString() bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	if n.ShortTag() != "!!str" {
		return false
	}
	plain := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0
	switch strings.ToLower(n.Value) {
	case "yes", "no", "on", "off":
		return !plain
	}
	return true
}

// what names a node's type for a message.
func (n node) what() string {
	switch {
	case n.Node == nil:
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.isString():
		return "a string"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!null":
		return "nothing"
	case "!!bool", "!!str":
		return "a truth value"
	}
	return "a value of type " + n.ShortTag()
}

// strings are the scalars of a mapping.
func (n node) strings() map[string]string {
	all := make(map[string]string)
	for _, key := range n.keys() {
		all[key.Value] = n.at(key.Value).text()
	}
	return all
}
