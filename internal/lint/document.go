package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	// MaxFile is the size of the largest file that is read, in bytes. A dump of a large cluster has a tenth of that.
	MaxFile = 64 << 20
	// maxExpanded is how many nodes aliases may add to those that are written.
	maxExpanded = 100_000
)

// documents reads the documents of a file. It reads each by itself, so that a broken one does not hide the others.
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
			move(&n, part.place())
			if at := unrendered(node{n.Content[0], &f}.followed()); at != nil {
				unreadable = append(unreadable, Unreadable{f.Name, at.Line, renderFirst})
				break
			}
			docs = append(docs, node{n.Content[0], &f}.followed())
		}
	}
	return docs, unreadable
}

// decode reads one document. Whatever the input is, a panic of the YAML library becomes an error.
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

// empty tells whether the part has nothing but comments. Helm leaves such a part of a template that is switched off.
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

// A breaker is where the YAML library begins a line: in which line of the part, if only line feeds end lines, and after how many of its
// characters.
type breaker struct{ line, runes int }

// place turns a line and a column of the YAML library into those of the file. To the library, a lone carriage return and some characters of
// Unicode end a line too. Editors, and everybody who counts lines, take only line feeds.
func (p part) place() func(line, column int) (int, int) {
	if !bytes.ContainsAny(p.text, "\r\u0085\u2028\u2029") {
		return func(line, column int) (int, int) { return p.line + line, column }
	}
	begins := []breaker{{}}
	at, last := breaker{}, rune(0)
	for _, r := range string(p.text) {
		at.runes++
		switch {
		case r == '\n' && last == '\r':
			begins = begins[:len(begins)-1] // one end of a line
			fallthrough
		case r == '\n':
			at = breaker{at.line + 1, 0}
			begins = append(begins, at)
		case strings.ContainsRune("\r\u0085\u2028\u2029", r):
			begins = append(begins, at)
		}
		last = r
	}
	return func(line, column int) (int, int) {
		b := begins[min(max(line-1, 0), len(begins)-1)]
		return p.line + b.line + 1, b.runes + column
	}
}

// badCharacter is the line of the first character that YAML does not allow, or that is no UTF-8; 0: all are good.
func (p part) badCharacter() int {
	for at := 0; at < len(p.text); {
		r, size := utf8.DecodeRune(p.text[at:])
		control := r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfeff && at > 0 || r == 0xfffe || r == 0xffff
		if control || r == utf8.RuneError && size == 1 {
			return 1 + bytes.Count(p.text[:at], []byte("\n"))
		}
		at += size
	}
	return 0
}

// renderFirst is said of a chart's own files.
const renderFirst = "it is a template of Helm's; render the chart first: helm template CHART | kubectl prestop lint -f -"

// ofHelm matches double braces with the words of Helm's templates. They hardly stand elsewhere.
var ofHelm = regexp.MustCompile(`\{\{-?\s*(?:\.Values\b|\.Release\b|\.Chart\b|include\s)`)

// unrendered is a place that Helm would have replaced; nil: there is none. Without quotes, YAML reads double braces as a mapping with a
// mapping for a key, which no object has. In quotes they are looked for only in objects that make pods, and not in annotations, which may
// be for other programs.
func unrendered(n node) *yaml.Node {
	_, inText := kinds[n.at("kind").text()]
	var find func(n *yaml.Node) *yaml.Node
	find = func(n *yaml.Node) *yaml.Node {
		if n.Kind == yaml.ScalarNode && inText && ofHelm.MatchString(n.Value) {
			return n
		}
		for i, c := range n.Content {
			switch isKey := n.Kind == yaml.MappingNode && i%2 == 0; {
			case isKey && c.Kind == yaml.MappingNode && c.Style&yaml.FlowStyle != 0 && n.Style&yaml.FlowStyle != 0:
				return n
			case n.Kind == yaml.MappingNode && !isKey && n.Content[i-1].Value == "annotations":
				continue
			}
			if found := find(c); found != nil {
				return found
			}
		}
		return nil
	}
	return find(n.Node)
}

func (p part) unreadable(file string, err error) Unreadable {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if where, after, ok := strings.Cut(text, ": "); ok {
		if n, err := strconv.Atoi(strings.TrimPrefix(where, "line ")); err == nil {
			line, text = n, after
			switch {
			case strings.HasPrefix(text, "did not find") && !strings.Contains(text, "node"): // here the library counts lines from 0
				line++
				text += "; this line, or one below it, is not indented as the others, or lacks quotes"
			case bytes.Contains(p.text, []byte("{{")):
			case strings.HasPrefix(text, "could not find") || strings.HasPrefix(text, "mapping values"):
				text += "; this line, or the one above it, is not indented as the others, lacks a dash, or lacks quotes"
			}
		}
	}
	if broken, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(p.text, new(any))); ok && bytes.HasPrefix(bytes.TrimSpace(p.text), []byte("{")) {
		line = 1 + bytes.Count(p.text[:min(int(broken.Offset), len(p.text))], []byte("\n"))
		text = broken.Error() + "; a comma may be missing, here or at the end of the line before"
	}
	if _, anchor, ok := strings.Cut(text, "unknown anchor '"); ok { // the library says no line here
		anchor, _, _ = strings.Cut(anchor, "'")
		before, _, _ := bytes.Cut(p.text, []byte("*"+anchor))
		line = 1 + bytes.Count(before, []byte("\n"))
	}
	if strings.Contains(text, "start any token") {
		text += ", perhaps a tab: YAML is indented by blanks"
	}
	if bytes.Contains(p.text, []byte("{{")) {
		text += "; perhaps " + renderFirst
	}
	if bad := p.badCharacter(); bad > 0 { // the library does not say the line
		return Unreadable{file, p.line + bad, text}
	}
	line, _ = p.place()(line, 1)
	return Unreadable{file, line, text}
}

// UTF8 is a file's text in UTF-8, without a byte order mark: PowerShell writes UTF-16 for kubectl … > file.
func UTF8(content []byte) []byte {
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), content)
	if err != nil {
		return content
	}
	return text
}

// move turns the places in a document into those of the file.
func move(n *yaml.Node, to func(line, column int) (int, int)) {
	n.Line, n.Column = to(n.Line, n.Column)
	for _, c := range n.Content {
		move(c, to)
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
			return s // -1 while it is being counted: the node contains itself
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
