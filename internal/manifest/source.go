package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A source is the text of a document that is changed. Each change is made in the text, at the place where the YAML library read what
// is changed, so that every other byte stays.
type source struct {
	text    []byte
	before  int   // lines of the file before it
	lines   []int // where each line begins, as the document's nodes count lines
	letters []int // where each letter begins, and where the last one ends

	document *yaml.Node
	was      map[*yaml.Node]*yaml.Node // see tree
	changes  []change
	ended    bool // the last line had no line break, and has one now

	ending  string // the line break
	json    bool   // what is new is written as JSON
	spaced  bool   // JSON has a blank after colons and commas
	margin  string // by which JSON's lines are indented; empty: all is one line
	indent  int    // columns by which mappings in mappings are indented
	compact bool   // lists in mappings are written at the column of their keys
}

// A change puts a text in the place of another.
type change struct {
	from, to int
	text     string
}

func newSource(text []byte, before int, d *yaml.Node) *source {
	s := &source{text: text, before: before, document: d, lines: []int{0}, was: map[*yaml.Node]*yaml.Node{}, ending: "\n", indent: 2, compact: true}
	for i, letter := range string(text) {
		if s.letters = append(s.letters, i); letter == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	s.letters = append(s.letters, len(text))
	if i := bytes.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		s.ending = "\r\n"
	}
	body := text
	if bytes.HasPrefix(text, []byte("---")) {
		_, body, _ = bytes.Cut(text, []byte("\n"))
	}
	if body = bytes.TrimSpace(body); bytes.HasPrefix(body, []byte("{")) && json.Valid(body) {
		s.json, s.spaced, s.margin = true, bytes.Contains(body, []byte(`": `)), jsonMargin(body)
	}
	s.readStyle(d, new(style))
	return s
}

// style is what is known of how a document is written.
type style struct{ indent, lists bool }

// readStyle looks for the first mapping in a mapping and the first list in one, which decide how new ones are written.
func (s *source) readStyle(n *yaml.Node, known *style) {
	for i, c := range n.Content {
		inLines := (n.Style|c.Style)&yaml.FlowStyle == 0 && len(c.Content) > 0
		if n.Kind == yaml.MappingNode && i%2 == 1 && inLines && c.Line > n.Content[i-1].Line {
			s.styleOf(n.Content[i-1], c, known)
		}
		s.readStyle(c, known)
	}
}

// styleOf notes how a value that stands below its key is written.
func (s *source) styleOf(key, value *yaml.Node, known *style) {
	by := value.Content[0].Column - key.Column
	switch {
	case value.Kind == yaml.MappingNode && !known.indent && by >= 2 && by <= 9:
		s.indent, known.indent = by, true
	case value.Kind == yaml.SequenceNode && !known.lists:
		s.compact, known.lists = s.dash(value) == key.Column, true
	}
}

// explicitKey is the first key that is written behind a question mark; nil: there is none.
func (s *source) explicitKey(n *yaml.Node) *yaml.Node {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && bytes.HasSuffix(bytes.TrimRight(s.text[:s.offset(c)], " \t"), []byte("?")) {
			return c
		}
		if found := s.explicitKey(c); found != nil {
			return found
		}
	}
	return nil
}

// offset is where a node begins. The YAML library counts letters, not bytes.
func (s *source) offset(n *yaml.Node) int {
	line := min(n.Line-s.before, len(s.lines)) - 1
	first, _ := slices.BinarySearch(s.letters, s.lines[line])
	return s.letters[min(first+n.Column, len(s.letters))-1]
}

// line gives where the line with an offset begins, and where the next line begins.
func (s *source) line(at int) (begin, next int) {
	i, found := slices.BinarySearch(s.lines, at)
	if !found {
		i--
	}
	if i+1 < len(s.lines) {
		return s.lines[i], s.lines[i+1]
	}
	return s.lines[i], len(s.text)
}

// dash is the column of a list's dashes.
func (s *source) dash(list *yaml.Node) int {
	at := s.properties(s.offset(list))
	begin, _ := s.line(at)
	return utf8.RuneCount(s.text[begin:at]) + 1
}

// write notes the changes that turn the text into the tree, for a node and all that is in it. flow tells whether the node stands within
// braces.
func (s *source) write(n *yaml.Node, flow bool) {
	flow = flow || n.Style&yaml.FlowStyle != 0
	var added []*yaml.Node
	for _, v := range n.Content {
		switch old := s.was[v]; {
		case old != nil:
			s.replace(n, old, v, flow)
		case v.Line == 0:
			added = append(added, v)
		default:
			s.write(v, flow)
		}
	}
	if len(added) > 0 && flow {
		s.addToFlow(n, added)
	} else if len(added) > 0 {
		s.addLines(n, added)
	}
}

func (s *source) change(from, to int, text string) {
	s.changes = append(s.changes, change{from, to, text})
}

// column is the column of the keys or dashes of a collection that is written in lines.
func (s *source) column(n *yaml.Node) int {
	if n.Kind == yaml.SequenceNode {
		return s.dash(n)
	}
	return n.Content[0].Column
}

// replace replaces a value of a collection.
func (s *source) replace(in, old, v *yaml.Node, flow bool) {
	from := s.offset(old)
	if old.Kind != yaml.ScalarNode && len(old.Content) == 0 {
		if at := s.end(old, 0, true); bytes.IndexByte(s.text[from:at], '#') >= 0 { // a comment within the braces stays
			text := s.inFlow(v, from)
			s.change(at-1, at-1, text[1:len(text)-1])
			return
		}
	}
	if flow {
		s.change(from, s.end(old, 0, true), s.inFlow(v, from))
		return
	}
	column := s.column(in)
	to := s.end(old, column-1, false)
	begin, _ := s.line(from)
	_, next := s.line(to)
	switch {
	case v.Kind == yaml.ScalarNode:
		head, body, _ := strings.Cut(strings.TrimPrefix(s.encoded(mapping("k", v)), "k: "), "\n")
		if from > 0 && s.text[from-1] == ':' {
			head = " " + head
		}
		s.change(from, to, head)
		s.insert(to, body, column)
	case v.Style&yaml.FlowStyle != 0 || len(old.Content) > 0 && old.Style&yaml.FlowStyle != 0:
		s.change(from, to, s.inFlow(v, from))
	case in.Kind == yaml.SequenceNode:
		text := strings.TrimSuffix(s.encoded(v), "\n")
		s.change(from, to, s.indented(text, old.Column)[old.Column-1:])
	case len(bytes.TrimSpace(s.text[begin:from])) == 0 && (len(old.Content) > 0 || len(bytes.TrimSpace(s.text[to:next])) == 0):
		s.change(begin, to, s.indented(strings.TrimSuffix(s.below(v), "\n"), column))
	default:
		if before := len(bytes.TrimRight(s.text[:from], " ")); before > begin {
			from = before
		}
		s.change(from, to, "")
		s.insert(to, s.below(v), column)
	}
}

// below is a collection as it is written below its key.
func (s *source) below(v *yaml.Node) string {
	_, text, _ := strings.Cut(s.encoded(mapping("k", v)), "\n")
	return text
}

func mapping(key string, v *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{scalar(key), v}}
}

// insert puts lines after the line with an offset.
func (s *source) insert(at int, text string, column int) {
	if text == "" {
		return
	}
	_, next := s.line(at)
	s.insertAt(next, text, column)
}

func (s *source) insertAt(next int, text string, column int) {
	text = s.indented(text, column)
	if !s.ended && !endsLine(s.text[:next]) { // at the end of a file
		s.ended = true
		text = s.ending + text
		s.strip()
	}
	s.change(next, next, text)
}

// strip keeps a literal or folded text at the end of the document as it is. That text has no line break at its end, and would get one from
// what is added.
func (s *source) strip() {
	n := s.document
	for len(n.Content) > 0 && s.last(n) != nil && n.Style&yaml.FlowStyle == 0 {
		n = s.last(n)
	}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		return
	}
	at := s.properties(s.offset(n)) + 1
	to := at + len(s.text[at:]) - len(bytes.TrimLeft(s.text[at:], "+-0123456789"))
	if indicators := string(s.text[at:to]); !strings.Contains(indicators, "-") {
		s.change(at, to, strings.Trim(indicators, "+")+"-")
	}
}

// lineEnds are the letters that end a line for the YAML library.
const lineEnds = "\n\r\u0085\u2028\u2029"

func endsLine(text []byte) bool {
	last, size := utf8.DecodeLastRune(text)
	return size == 0 || strings.ContainsRune(lineEnds, last)
}

// indented is a text whose lines begin at a column and have the document's line breaks.
func (s *source) indented(text string, column int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.Trim(line, "\n") != "" {
			b.WriteString(strings.Repeat(" ", column-1))
		}
		line, ended := strings.CutSuffix(line, "\n")
		if b.WriteString(line); ended {
			b.WriteString(s.ending)
		}
	}
	return b.String()
}

// addLines adds to a collection that is written in lines. What is added stands below comments that are indented like the collection's
// content.
func (s *source) addLines(n *yaml.Node, added []*yaml.Node) {
	column := s.column(n)
	_, next := s.line(s.end(s.last(n), column-1, false))
	for at, after := next, 0; at < len(s.text); at = after {
		_, after = s.line(at)
		line := s.text[at:after]
		if len(bytes.TrimSpace(line)) == 0 {
			continue // a comment may follow
		}
		comment := bytes.TrimLeft(line, " ")
		if deep := len(line) - len(comment); comment[0] != '#' || deep < column-1 ||
			n.Kind == yaml.SequenceNode && deep == column-1 && !bytes.HasPrefix(bytes.TrimLeft(comment, "# "), []byte("- ")) {
			break
		}
		next = after
	}
	s.insertAt(next, s.encoded(&yaml.Node{Kind: n.Kind, Content: added}), column)
}

// addToFlow adds to a collection that is written within braces.
func (s *source) addToFlow(n *yaml.Node, added []*yaml.Node) {
	at := s.end(s.last(n), 0, true)
	comma := s.skip(at)
	trails := s.text[comma] == ','
	if trails {
		at = comma + 1
	}
	first := s.offset(s.first(n))
	begin, _ := s.line(first)
	between := ", "
	switch {
	case begin > s.offset(n): // each has a line of its own
		between = "," + s.ending + string(s.text[begin:first])
	case s.json && !s.spaced:
		between = ","
	}
	var text string
	for i := 0; i < len(added); i++ {
		text += between
		if n.Kind == yaml.MappingNode {
			text += s.key(added[i])
			i++
		}
		text += s.inFlow(added[i], first)
	}
	if trails {
		text = strings.TrimPrefix(text, ",") + ","
	}
	s.change(at, at, text)
}

func (s *source) key(n *yaml.Node) string {
	switch {
	case !s.json:
		return n.Value + ": "
	case s.spaced:
		return quoted(n.Value) + ": "
	}
	return quoted(n.Value) + ":"
}

// inFlow is a value as it is written within braces. JSON may be written over several lines: then the value is too, if what stands beside it
// begins a line.
func (s *source) inFlow(v *yaml.Node, beside int) string {
	if !s.json {
		text := s.encoded(&yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, Content: []*yaml.Node{v}})
		return strings.TrimSuffix(strings.TrimPrefix(text, "["), "]\n")
	}
	var b bytes.Buffer
	writeJSON(&b, v, s.spaced)
	begin, _ := s.line(beside)
	margin := s.text[begin:beside]
	margin = margin[:len(margin)-len(bytes.TrimLeft(margin, " \t"))]
	if s.margin == "" || len(margin) < beside-begin {
		return b.String()
	}
	var lines bytes.Buffer
	if err := json.Indent(&lines, b.Bytes(), string(margin), s.margin); err != nil {
		panic(err) // this JSON was just written
	}
	return strings.ReplaceAll(lines.String(), "\n", s.ending)
}

// encoded is a tree as the YAML library writes it.
func (s *source) encoded(n *yaml.Node) string {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(s.indent)
	if s.compact {
		e.CompactSeqIndent()
	}
	if err := errors.Join(e.Encode(n), e.Close()); err != nil {
		panic(err) // a tree that was read is a tree that can be written
	}
	return b.String()
}

// end is where the text of a node ends. parent is how far what the node belongs to is indented: lines that are indented no more than that
// are not the node's. flow tells whether the node stands within braces.
func (s *source) end(n *yaml.Node, parent int, flow bool) int {
	at := s.offset(n)
	if n.Kind == yaml.AliasNode {
		return at + 1 + len(n.Value)
	}
	if n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0 {
		return s.end(s.last(n), s.column(n)-1, false)
	}
	at = s.properties(at)
	switch {
	case n.Kind == yaml.MappingNode && s.text[at] != '{': // a pair without braces of its own, as in [name: web]
		return s.end(s.last(n), 0, true)
	case n.Kind != yaml.ScalarNode:
		return s.closing(at)
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		return s.closingQuote(at)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return s.endOfLines(at, parent, true)
	case n.Value == "":
		return at
	case flow:
		return s.endOfPlain(at)
	}
	return s.endOfLines(at, parent, false)
}

// first is the first node in a collection, as it was before.
func (s *source) first(n *yaml.Node) *yaml.Node {
	if old := s.was[n.Content[0]]; old != nil {
		return old
	}
	return n.Content[0]
}

// last is the last node in a collection that was there before.
func (s *source) last(n *yaml.Node) *yaml.Node {
	for _, c := range slices.Backward(n.Content) {
		if old := s.was[c]; old != nil {
			return old
		}
		if c.Line > 0 {
			return c
		}
	}
	return nil // the collection is new, and nobody asks for such a one
}

// properties is where a node's value begins, after its anchor and its tag.
func (s *source) properties(at int) int {
	for at < len(s.text) && (s.text[at] == '&' || s.text[at] == '!') {
		at += bytes.IndexAny(append(s.text[at:len(s.text):len(s.text)], ' '), " \t\r\n,]}")
		if next := s.skip(at); next < len(s.text) && bytes.IndexByte([]byte(",]}"), s.text[next]) < 0 {
			at = next
		}
	}
	return at
}

// skip is where the next word begins, after blanks, ends of lines and comments.
func (s *source) skip(at int) int {
	for at < len(s.text) {
		switch c := s.text[at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			at++
		case c == '#' && (at == 0 || bytes.IndexByte([]byte(" \t\r\n"), s.text[at-1]) >= 0):
			_, at = s.line(at)
		default:
			return at
		}
	}
	return at
}

func (s *source) closingQuote(at int) int {
	quote := s.text[at]
	for at++; at < len(s.text); at++ {
		switch {
		case quote == '"' && s.text[at] == '\\':
			at++
		case s.text[at] != quote:
		case quote == '\'' && at+1 < len(s.text) && s.text[at+1] == quote:
			at++
		default:
			return at + 1
		}
	}
	return len(s.text)
}

// closing is where the text goes on after the brace that closes the one at an offset.
func (s *source) closing(at int) int {
	depth := 0
	for at < len(s.text) {
		switch s.text[at] {
		case '[', '{':
			depth++
			at++
		case ']', '}':
			at++
			if depth--; depth == 0 {
				return at
			}
		case '"', '\'':
			at = s.closingQuote(at)
		case '&', '!', '*':
			at += max(1, bytes.IndexAny(s.text[at:], " \t\r\n,[]{}"))
		case ',', ':', '?':
			at++
		default:
			at = s.endOfPlain(at)
		}
		at = s.skip(at)
	}
	return at
}

// endOfPlain is where a text without quotes ends within braces. It may go over several lines.
func (s *source) endOfPlain(at int) int {
	end := at
	for i := at; i < len(s.text); i++ {
		switch c := s.text[i]; c {
		case ',', '[', ']', '{', '}':
			return end
		case ':':
			if i+1 == len(s.text) || bytes.IndexByte([]byte(" \t\r\n,[]{}"), s.text[i+1]) >= 0 {
				return end
			}
			end = i + 1
		case '#':
			if i > at && bytes.IndexByte([]byte(" \t\r\n"), s.text[i-1]) >= 0 {
				return end
			}
			end = i + 1
		case ' ', '\t', '\r', '\n':
		default:
			end = i + 1
		}
	}
	return end
}

// beforeComment matches what begins a comment behind a value.
var beforeComment = regexp.MustCompile(`[ \t]#`)

// endOfLines is where a scalar ends. It goes on in each line that is indented more than its parent. block tells whether it is literal or
// folded. In these, comments are text, and with + empty lines are text too.
func (s *source) endOfLines(at, parent int, block bool) int {
	_, next := s.line(at)
	line := s.text[at:next]
	kept := block && bytes.IndexByte(bytes.SplitN(line, []byte(" "), 2)[0], '+') >= 0
	if comment := beforeComment.FindIndex(line); comment != nil {
		line = line[:comment[0]]
	}
	end := at + len(bytes.TrimRight(line, " \t"+lineEnds))
	for next < len(s.text) {
		begin := next
		_, next = s.line(begin)
		line := bytes.TrimRight(s.text[begin:next], " \t\r\n")
		text := bytes.TrimLeft(line, " ")
		switch {
		case len(text) == 0 && !kept:
		case len(text) == 0:
			end = begin + len(line)
		case len(line)-len(text) <= parent || !block && bytes.TrimLeft(text, "\t ")[0] == '#':
			return end
		default:
			end = begin + len(line)
		}
	}
	return end
}

// changed is the text with all changes.
func (s *source) changed() []byte {
	slices.SortStableFunc(s.changes, func(a, b change) int { return cmp.Compare(a.from, b.from) })
	var out []byte
	at := 0
	for _, c := range s.changes {
		if c.from < at {
			return nil
		}
		out = append(append(out, s.text[at:c.from]...), c.text...)
		at = c.to
	}
	return append(out, s.text[at:]...)
}
