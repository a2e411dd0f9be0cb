package manifest

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// rewrittenJSON is the text of a document that was JSON and is to be JSON again. ok is false for YAML.
func rewrittenJSON(old []byte, d *yaml.Node) (text []byte, ok bool) {
	if !bytes.HasPrefix(bytes.TrimSpace(old), []byte("{")) || !json.Valid(old) {
		return nil, false
	}
	var b bytes.Buffer
	writeJSON(&b, d.Content[0])
	indent := indentation(old)
	if indent == "" {
		return append(b.Bytes(), trailing(old)...), true
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, b.Bytes(), "", indent); err != nil {
		panic(err) // of what was just written
	}
	return append(pretty.Bytes(), trailing(old)...), true
}

// indentation is what the first line within the outermost braces begins with; empty: all is one line.
func indentation(text []byte) string {
	_, rest, ok := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	if !ok {
		return ""
	}
	return string(rest[:len(rest)-len(bytes.TrimLeft(rest, " \t"))])
}

func trailing(text []byte) []byte { return text[len(bytes.TrimRight(text, " \t\r\n")):] }

// writeJSON keeps the order of keys.
func writeJSON(b *bytes.Buffer, n *yaml.Node) {
	open, shut, step := byte('['), byte(']'), 1
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
			b.WriteByte(',')
		}
		if step == 2 {
			b.WriteString(quoted(n.Content[i].Value) + ":")
		}
		writeJSON(b, n.Content[i+step-1])
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
