package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	gounicode "unicode"
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

// documents reads the documents of a file. It reads each part by itself, so that a broken one does not hide the others.
func documents(f File) (docs []node, unreadable []Unreadable) {
	if len(f.Content) > MaxFile {
		return nil, []Unreadable{{f.Name, 0, fmt.Sprintf("expected at most %d MiB", MaxFile>>20)}}
	}
	for _, p := range Parts(f) {
		all, broken := p.documents()
		for _, d := range all {
			docs = append(docs, node{d.Content[0], &f}.followed())
		}
		if broken != nil {
			unreadable = append(unreadable, *broken)
		}
	}
	return docs, unreadable
}

// A Part is the text of a file from one line of dashes to the next. It has one document, or several if a line of three dots ends each.
type Part struct {
	File string
	Text []byte
	Line int // lines of the file before it
}

// Parts cuts a file where a line begins with ---, as kubectl does. Together they are the file, in UTF-8.
func Parts(f File) []Part {
	content := UTF8(f.Content)
	var all []Part
	at, begun, begin, lines := 0, 0, 0, 0
	for line := range bytes.Lines(content) {
		if begin > at && isDashes(line) {
			all = append(all, Part{f.Name, content[at:begin], begun}.values()...)
			at, begun = begin, lines
		}
		begin, lines = begin+len(line), lines+1
	}
	return append(all, Part{f.Name, content[at:], begun}.values()...)
}

// values cuts a part after each value of JSON that another follows, as kubectl does: jq -c '.items[]' writes objects so. A part that is not
// such a stream stays whole.
func (p Part) values() (all []Part) {
	skip := 0 // the line of dashes
	if line, _, _ := bytes.Cut(p.Text, []byte("\n")); isDashes(line) {
		skip = min(len(line)+1, len(p.Text))
	}
	if !bytes.HasPrefix(bytes.TrimSpace(p.Text[skip:]), []byte("{")) {
		return []Part{p}
	}
	for rest := p; ; skip = 0 {
		d := json.NewDecoder(bytes.NewReader(rest.Text[skip:]))
		if d.Decode(new(json.RawMessage)) != nil {
			return []Part{p}
		}
		at := skip + int(d.InputOffset())
		if len(bytes.TrimSpace(rest.Text[at:])) == 0 {
			return append(all, rest)
		}
		all = append(all, Part{p.File, rest.Text[:at], rest.Line})
		rest = Part{p.File, rest.Text[at:], rest.Line + bytes.Count(rest.Text[:at], []byte("\n"))}
	}
}

// isDashes tells whether a line begins a document.
func isDashes(line []byte) bool {
	after, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(bytes.TrimSpace(after)) == 0 || after[0] == ' ' || after[0] == '\t')
}

// documents are the documents of the part, up to the first that cannot be read. Lines count from the beginning of the file.
func (p Part) documents() (all []*yaml.Node, broken *Unreadable) {
	if p.empty() {
		return nil, nil
	}
	for d := yaml.NewDecoder(bytes.NewReader(p.Text)); ; {
		var n yaml.Node
		err := decode(d, &n)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, p.unreadable(err)
		}
		move(&n, p.place())
		if at := unrendered(node{Node: n.Content[0]}.followed()); at != nil {
			return all, &Unreadable{p.File, at.Line, renderFirst}
		}
		all = append(all, &n)
	}
}

// Document reads a part that has one document. It is nil if the part has nothing but comments. Lines count from the beginning of the file.
// The error is an [*Unreadable].
func (p Part) Document() (*yaml.Node, error) {
	all, broken := p.documents()
	switch {
	case len(all) > 1 || len(all) == 1 && broken != nil:
		return nil, p.unreadable(errors.New("expected one document after each ---"))
	case broken != nil:
		return nil, broken
	case len(all) == 0:
		return nil, nil
	}
	return all[0], nil
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
	return expandable(n)
}

// empty tells whether the part has nothing but comments. Helm leaves such a part of a template that is switched off.
func (p Part) empty() bool {
	for line := range bytes.Lines(p.Text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

// A breaker is where the YAML library begins a line: in which line of the part, if only line feeds end lines, and after how many of its
// characters.
type breaker struct{ line, runes int }

// place turns a line and a column of the YAML library into those of the file. To the library, a lone carriage return and some characters of
// Unicode end a line too. Editors, and everybody who counts lines, take only line feeds.
func (p Part) place() func(line, column int) (int, int) {
	begins := []breaker{{}}
	at, last := breaker{}, rune(0)
	for _, r := range string(p.Text) {
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
		return p.Line + b.line + 1, b.runes + column
	}
}

// badCharacter is the line of the first character that YAML does not allow, or that is no UTF-8; 0: all are good.
func (p Part) badCharacter() int {
	for at := 0; at < len(p.Text); {
		r, size := utf8.DecodeRune(p.Text[at:])
		allowed := strings.ContainsRune("\t\n\r\u0085", r) || !gounicode.IsControl(r) && r != 0xfffe && r != 0xffff && (r != 0xfeff || at == 0)
		if !allowed || r == utf8.RuneError && size == 1 {
			return 1 + bytes.Count(p.Text[:at], []byte("\n"))
		}
		at += size
	}
	return 0
}

// renderFirst is said of a chart's own files.
const renderFirst = "it is a template of Helm's; render the chart first: helm template CHART > rendered.yaml"

// ofHelm matches double braces with the words of Helm's templates. They hardly stand elsewhere.
var ofHelm = regexp.MustCompile(`\{\{-?\s*(?:\.Values\b|\.Release\b|\.Chart\b|include\s)`)

// unrendered is a place that Helm would have replaced; nil: there is none. Without quotes, YAML reads double braces as a mapping with a
// mapping for a key, which no object has. In quotes they are looked for only in objects that make pods, and not in annotations, which may
// be for other programs.
func unrendered(n node) *yaml.Node {
	_, inText := kinds[n.at("kind").text()]
	var find func(n *yaml.Node) *yaml.Node
	find = func(n *yaml.Node) *yaml.Node {
		if bracesInBraces(n) || n.Kind == yaml.ScalarNode && inText && ofHelm.MatchString(n.Value) {
			return n
		}
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "annotations" {
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

// bracesInBraces tells whether a mapping in braces has a key that is one, too.
func bracesInBraces(n *yaml.Node) bool {
	isFlow := func(n *yaml.Node) bool { return n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 }
	for i := 0; isFlow(n) && i < len(n.Content); i += 2 {
		if isFlow(n.Content[i]) {
			return true
		}
	}
	return false
}

// unreadable is an error of the YAML library, with the line and the text that tell what to mend. In a template of Helm's a reason is not
// looked for.
func (p Part) unreadable(err error) *Unreadable {
	line, text := 0, strings.TrimPrefix(err.Error(), "yaml: ") // no line is said of the first one
	template := bytes.Contains(p.Text, []byte("{{"))
	if said, _ := fmt.Sscanf(text, "line %d:", &line); said == 1 {
		_, text, _ = strings.Cut(text, ": ")
	}
	switch {
	case strings.HasPrefix(text, "did not find") && !strings.Contains(text, "node"): // here the library counts lines from 0
		line++
		text += "; this line, or one below it, is not indented as the others, or lacks quotes"
	case strings.Contains(text, "start any token"):
		text += ", perhaps a tab: YAML is indented by blanks"
	case !template && (strings.HasPrefix(text, "could not find") || strings.HasPrefix(text, "mapping values")):
		text += "; this line, or the one above it, is not indented as the others, lacks a dash, or lacks quotes"
	}
	if at, said := p.missedComma(); said != "" {
		line, text = at, said
	}
	if _, anchor, ok := strings.Cut(text, "unknown anchor '"); ok { // the library says no line here
		anchor, _, _ = strings.Cut(anchor, "'")
		before, _, _ := bytes.Cut(p.Text, []byte("*"+anchor))
		line = 1 + bytes.Count(before, []byte("\n"))
	}
	if template {
		text += "; perhaps " + renderFirst
	}
	if bad := p.badCharacter(); bad > 0 { // the library does not say the line
		return &Unreadable{p.File, p.Line + bad, text}
	}
	line, _ = p.place()(line, 1)
	return &Unreadable{p.File, line, text}
}

// missedComma is where a part that is JSON breaks off, and what is said of it; empty: it is no JSON, or JSON that can be read.
func (p Part) missedComma() (line int, text string) {
	broken, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(p.Text, new(any)))
	if !ok || !bytes.HasPrefix(bytes.TrimSpace(p.Text), []byte("{")) {
		return 0, ""
	}
	line = 1 + bytes.Count(p.Text[:min(int(broken.Offset), len(p.Text))], []byte("\n"))
	return line, broken.Error() + "; a comma may be missing, here or at the end of the line before"
}

// Error says where it is, and what is wrong.
func (u *Unreadable) Error() string {
	if u.Line == 0 {
		return u.File + ": " + u.Text
	}
	return fmt.Sprintf("%s:%d: %s", u.File, u.Line, u.Text)
}

// UTF8 is a file's text in UTF-8, without a byte order mark: PowerShell writes UTF-16 for kubectl … > file.
func UTF8(content []byte) []byte {
	text, _, _ := transform.Bytes(unicode.BOMOverride(transform.Nop), content) // what is no UTF-16 becomes U+FFFD
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
	left := maxExpanded
	var read func(n *yaml.Node, again bool)
	read = func(n *yaml.Node, again bool) {
		if again {
			left--
		}
		if left < 0 {
			return
		}
		if n.Kind == yaml.AliasNode {
			read(n.Alias, true)
		}
		for _, c := range n.Content {
			read(c, again)
		}
	}
	if read(n, false); left < 0 {
		return errAliases
	}
	return nil
}
