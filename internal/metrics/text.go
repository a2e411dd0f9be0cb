package metrics

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxLine is how long a line may be, in bytes.
const maxLine = 64 << 10

const endMark = "# EOF"

var errMarked = errors.New("the text breaks off: OpenMetrics ends in # EOF")

// text reads Prometheus' text, line by line.
func (t *total) text(r io.Reader) error {
	lines := bufio.NewReaderSize(r, maxLine)
	var s sample
	ended := false
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) > 0:
			return fmt.Errorf("line %d breaks off: it has no end", n)
		case err == io.EOF && t.marked && !ended:
			return errMarked
		case err == io.EOF:
			return nil
		case err == bufio.ErrBufferFull:
			return fmt.Errorf("line %d is longer than %d KiB", n, maxLine>>10)
		case err != nil:
			return err
		}
		line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
		if ended {
			return fmt.Errorf("line %d: expected nothing after # EOF", n)
		}
		if ended = t.marked && string(line) == endMark; ended {
			continue
		}
		if err := t.line(line, &s); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// line reads a comment, or a sample into s, whose memory it uses again.
func (t *total) line(line []byte, s *sample) error {
	line = bytes.TrimLeft(line, " \t")
	if len(line) == 0 || line[0] == '#' {
		return nil
	}
	if err := s.read(line); err != nil {
		return err
	}
	if !t.selects(s.name, s.labels) {
		return nil
	}
	return t.add(s.value)
}

// A sample is a line: name{label="value"} 1.5, a timestamp, an exemplar.
type sample struct {
	name   []byte
	labels []pair
	value  float64
}

func (s *sample) read(line []byte) error {
	s.name, s.labels = nil, s.labels[:0]
	c := cursor{rest: line}
	if c.peek() != '{' {
		if s.name = c.run(isName); len(s.name) == 0 || isDigit(s.name[0]) {
			c.rest = line
			return c.expected("a metric's name")
		}
		c.blanks()
	}
	if c.take('{') {
		if err := s.braces(&c); err != nil {
			return err
		}
	}
	if s.name == nil {
		return c.expected("a metric's name in braces")
	}
	return s.numbers(&c)
}

// braces reads labels, and a name in quotes, up to the closing brace.
func (s *sample) braces(c *cursor) error {
	for {
		if c.blanks(); c.take('}') {
			return nil
		}
		if err := s.label(c); err != nil {
			return err
		}
		if c.blanks(); !c.take(',') && c.peek() != '}' {
			return c.expected("a comma or }")
		}
	}
}

func (s *sample) label(c *cursor) (err error) {
	var l pair
	quoted := c.peek() == '"'
	if quoted {
		if l.name, err = c.quoted(); err != nil {
			return err
		}
	} else if l.name = c.run(isLabel); len(l.name) == 0 || isDigit(l.name[0]) {
		return c.expected("a label's name")
	}
	c.blanks()
	if quoted && s.name == nil && c.peek() != '=' {
		s.name = l.name
		return nil
	}
	if !c.take('=') {
		return c.expected("=")
	}
	c.blanks()
	if l.value, err = c.quoted(); err != nil {
		return err
	}
	if valueOf(s.labels, string(l.name)) != nil {
		return fmt.Errorf("the label %q is there twice", excerpt(string(l.name)))
	}
	s.labels = append(s.labels, l)
	return nil
}

// numbers reads what follows the labels: a value, perhaps a timestamp, perhaps an exemplar.
func (s *sample) numbers(c *cursor) (err error) {
	c.blanks()
	if s.value, err = c.number("a value"); err != nil {
		return err
	}
	if len(c.rest) > 0 && c.peek() != '#' {
		if _, err := c.number("a timestamp"); err != nil {
			return err
		}
	}
	if !c.take('#') {
		return c.end()
	}
	return exemplar(c)
}

// exemplar reads { labels } value timestamp.
func exemplar(c *cursor) error {
	var e sample
	if c.blanks(); !c.take('{') {
		return c.expected("an exemplar")
	}
	if err := e.braces(c); err != nil {
		return err
	}
	c.blanks()
	if _, err := c.number("an exemplar's value"); err != nil {
		return err
	}
	if len(c.rest) == 0 {
		return nil
	}
	if _, err := c.number("an exemplar's timestamp"); err != nil {
		return err
	}
	return c.end()
}

// cursor walks over a line.
type cursor struct{ rest []byte }

func (c *cursor) peek() byte {
	if len(c.rest) == 0 {
		return 0
	}
	return c.rest[0]
}

func (c *cursor) take(b byte) bool {
	ok := len(c.rest) > 0 && c.rest[0] == b
	if ok {
		c.rest = c.rest[1:]
	}
	return ok
}

func (c *cursor) run(of func(byte) bool) []byte {
	n := 0
	for n < len(c.rest) && of(c.rest[n]) {
		n++
	}
	run := c.rest[:n]
	c.rest = c.rest[n:]
	return run
}

func (c *cursor) blanks() { c.rest = bytes.TrimLeft(c.rest, " \t") }

func (c *cursor) end() error {
	if len(c.rest) > 0 {
		return c.expected("the line's end")
	}
	return nil
}

func (c *cursor) expected(what string) error {
	if len(c.rest) == 0 {
		return fmt.Errorf("expected %s, got the line's end", what)
	}
	return fmt.Errorf("expected %s, got %q", what, excerpt(string(c.rest)))
}

// number reads a number and the blanks after it.
func (c *cursor) number(what string) (float64, error) {
	from := *c
	text := c.run(func(b byte) bool { return b != ' ' && b != '\t' })
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || bytes.ContainsAny(text, "_xX") {
		return 0, from.expected(what)
	}
	c.blanks()
	return value, nil
}

// quoted reads text in double quotes. Without a backslash in it, it is part of the line.
func (c *cursor) quoted() ([]byte, error) {
	if c.peek() != '"' {
		return nil, c.expected("a value in quotes")
	}
	end := bytes.IndexAny(c.rest[1:], `"\`)
	if end >= 0 && c.rest[1+end] == '"' {
		text := c.rest[1 : 1+end]
		c.rest = c.rest[2+end:]
		return text, nil
	}
	return c.escaped()
}

var escapes = map[byte]byte{'\\': '\\', '"': '"', 'n': '\n'}

func (c *cursor) escaped() ([]byte, error) {
	var text []byte
	for n := 1; n < len(c.rest); n++ {
		switch b := c.rest[n]; b {
		case '"':
			c.rest = c.rest[n+1:]
			return text, nil
		case '\\':
			n++
			var ok bool
			if n < len(c.rest) {
				b, ok = escapes[c.rest[n]]
			}
			if !ok {
				c.rest = c.rest[n-1:]
				return nil, c.expected(`\\, \" or \n`)
			}
			fallthrough
		default:
			text = append(text, b)
		}
	}
	return nil, c.expected("a closing quote after this")
}

func isName(c byte) bool { return c == ':' || isLabel(c) }
