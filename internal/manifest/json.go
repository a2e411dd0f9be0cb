package manifest

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// jsonMargin is what the first line within the outermost braces begins with; empty: all is one line.
func jsonMargin(text []byte) string {
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	return string(rest[:len(rest)-len(bytes.TrimLeft(rest, " \t"))])
}

// writeJSON keeps the order of keys. spaced tells whether a blank stands after colons and commas.
func writeJSON(b *bytes.Buffer, n *yaml.Node, spaced bool) {
	open, shut, step := byte('['), byte(']'), 1
	blank := ""
	if spaced {
		blank = " "
	}
	switch n.Kind {
	case yaml.ScalarNode:
		b.WriteString(scalarJSON(n))
		return
	case yaml.MappingNode:
		open, shut, step = '{', '}', 2
	}
	b.WriteByte(open)
	for i := 0; i < len(n.Content); i += step {
		if i > 0 {
			b.WriteString("," + blank)
		}
		if step == 2 {
			b.WriteString(quoted(n.Content[i].Value) + ":" + blank)
		}
		writeJSON(b, n.Content[i+step-1], spaced)
	}
	b.WriteByte(shut)
}

// scalarJSON writes a number as it was written.
func scalarJSON(n *yaml.Node) string {
	switch n.ShortTag() {
	case "!!int", "!!float", "!!bool", "!!null":
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && json.Valid([]byte(n.Value)) {
			return n.Value
		}
	}
	return quoted(n.Value)
}

func quoted(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic(err) // of a string
	}
	return strings.TrimSuffix(b.String(), "\n")
}
