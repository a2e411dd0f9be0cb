package lint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	// MaxFile is how many bytes of a file are read: a dump of a large cluster is a tenth of it.
	MaxFile = 64 << 20
	// maxExpanded is how many nodes aliases may stand for besides those that are written.
	maxExpanded = 100_000
)

// documents are those of a file. Each is read by itself, so that one that is broken does not hide the others.
func documents(f File) (docs []node, unreadable []Unreadable) {
	if len(f.Content) > MaxFile {
		return nil, []Unreadable{{f.Name, 0, fmt.Sprintf("expected at most %d MiB", MaxFile>>20)}}
	}
	for _, part := range split(UTF8(f.Content)) {
		if part.empty() {
			continue
		}
		d := yaml.NewDecoder(bytes.NewReader(part.text))
		for {
			var n yaml.Node
			err := decode(d, &n)
			if err == io.EOF {
				break
			}
			if err == nil {
				err = expandable(&n)
			}
			if err != nil {
				unreadable = append(unreadable, part.unreadable(f.Name, err))
				break
			}
			move(&n, part.line)
			docs = append(docs, node{n.Content[0], &f}.followed())
		}
	}
	return docs, unreadable
}

// decode turns the panic of a library, which is none of the input's business, into an error.
func decode(d *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	if err := d.Decode(n); err != nil {
		return err
	}
	if n.Kind != yaml.DocumentNode || len(n.Content) == 0 {
		return errors.New("yaml: no document")
	}
	return nil
}

// A part is the text of a document.
type part struct {
	text []byte
	line int // lines of the file before it
}

// empty tells whether there is nothing but comments, as Helm leaves of a template that is switched off.
func (p part) empty() bool {
	for line := range bytes.Lines(p.text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

// split cuts a file where a line begins with ---, as kubectl does.
func split(content []byte) []part {
	var all []part
	at, lines := 0, 0
	begun := 0
	for begin := 0; begin < len(content); {
		end := len(content)
		if i := bytes.IndexByte(content[begin:], '\n'); i >= 0 {
			end = begin + i + 1
		}
		if line := content[begin:end]; begin > at && bytes.HasPrefix(line, []byte("---")) && (len(bytes.TrimSpace(line)) == 3 || bytes.IndexByte([]byte(" \t"), line[3]) >= 0) {
			all = append(all, part{content[at:begin], begun})
			at, begun = begin, lines
		}
		begin = end
		lines++
	}
	return append(all, part{content[at:], begun})
}

func (p part) unreadable(file string, err error) Unreadable {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if where, after, ok := strings.Cut(text, ": "); ok {
		if n, err := strconv.Atoi(strings.TrimPrefix(where, "line ")); err == nil {
			line, text = n, after
			if strings.HasPrefix(text, "did not find") && !strings.Contains(text, "node") { // of which the library counts lines from 0
				line++
				text += "; this line, or one below it, is not indented as the others, or lacks quotes"
			}
		}
	}
	if strings.Contains(text, "start any token") {
		text += ", perhaps a tab: YAML is indented by blanks"
	}
	if bytes.Contains(p.text, []byte("{{")) {
		text += "; a template of Helm's? render it first, by helm template CHART"
	}
	return Unreadable{file, p.line + line, text}
}

// UTF8 is a file's text in UTF-8, without a byte order mark: PowerShell writes UTF-16 for kubectl … > file.
func UTF8(content []byte) []byte {
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), content)
	if err != nil {
		return content
	}
	return text
}

// move has a document's lines count from the beginning of the file.
func move(n *yaml.Node, by int) {
	n.Line += by
	for _, c := range n.Content {
		move(c, by)
	}
}

var errAliases = errors.New("aliases stand for too much, or for what they are in")

// expandable refuses documents whose aliases make them endless, or much longer than they are written.
func expandable(n *yaml.Node) error {
	sizes := make(map[*yaml.Node]int)
	written := 0
	var size func(*yaml.Node) int
	size = func(n *yaml.Node) int {
		if s, ok := sizes[n]; ok {
			return s // -1 while it is counted: it is in itself
		}
		sizes[n] = -1
		written++
		sum := 1
		inside := n.Content
		if n.Kind == yaml.AliasNode {
			inside = []*yaml.Node{n.Alias}
		}
		for _, c := range inside {
			s := size(c)
			if s < 0 {
				return -1
			}
			sum = min(sum+s, 1<<30)
		}
		sizes[n] = sum
		return sum
	}
	if s := size(n); s < 0 || s > written+maxExpanded {
		return errAliases
	}
	return nil
}
