package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	// maxDepth is how deep JSON may be nested.
	maxDepth = 100
	// maxNumber is how long a number in it may be, in bytes.
	maxNumber = 1000
)

// scanner reads JSON a value at a time. encoding/json's tokens would hold a string of any length, and take an object
// whose member is there twice.
type scanner struct {
	in    *bufio.Reader
	from  *counted
	depth int
	text  []byte // of the string or number that was read last
	name  []byte // of the stat that was read last
}

func newScanner(r io.Reader) *scanner {
	from := &counted{Reader: r}
	return &scanner{in: bufio.NewReaderSize(from, maxLine), from: from}
}

// counted knows how many bytes were read.
type counted struct {
	io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// errorf says at which byte, from 1, the scanner is.
func (s *scanner) errorf(format string, args ...any) error {
	return fmt.Errorf("byte %d: %w", s.from.n-int64(s.in.Buffered())+1, fmt.Errorf(format, args...))
}

func (s *scanner) expected(what string) error {
	got, _ := s.in.Peek(min(s.in.Buffered(), 64))
	return s.errorf("expected %s, got %q", what, excerpt(string(got)))
}

func (s *scanner) failed(err error) error {
	switch {
	case err == io.EOF && s.from.n == 0:
		return errors.New("the answer is empty")
	case err == io.EOF:
		return s.errorf("the JSON breaks off")
	}
	return s.errorf("%w", err)
}

// peek is the next byte that is no white space.
func (s *scanner) peek() (byte, error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return 0, s.failed(err)
		}
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, s.in.UnreadByte()
		}
	}
}

func (s *scanner) take(want byte, what string) error {
	c, err := s.peek()
	if err == nil && c != want {
		err = s.expected(what)
	}
	if err == nil {
		_, err = s.in.ReadByte()
	}
	return err
}

// end is an error unless nothing but white space follows.
func (s *scanner) end() error {
	for {
		c, err := s.in.ReadByte()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return s.failed(err)
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return s.errorf("something follows the JSON")
		}
	}
}

// object calls member for each key, to read its value. The key is gone with the next read.
func (s *scanner) object(member func(key []byte) error) error {
	return s.nested('{', '}', "an object", func() error {
		key, err := s.string()
		if err != nil {
			return err
		}
		if err := s.take(':', "a colon"); err != nil {
			return err
		}
		return member(key)
	})
}

// array calls element to read each.
func (s *scanner) array(element func() error) error {
	return s.nested('[', ']', "a list", element)
}

func (s *scanner) nested(begin, end byte, what string, item func() error) error {
	if err := s.take(begin, what); err != nil {
		return err
	}
	if s.depth++; s.depth > maxDepth {
		return s.errorf("the JSON is nested deeper than %d", maxDepth)
	}
	c, err := s.peek()
	for more := c != end; err == nil && more; {
		if err = item(); err == nil {
			more, err = s.more(end)
		}
	}
	if err != nil {
		return err
	}
	s.depth--
	return s.take(end, "the end")
}

// more takes a comma, or sees the end.
func (s *scanner) more(end byte) (bool, error) {
	c, err := s.peek()
	switch {
	case err != nil || c == end:
		return false, err
	case c != ',':
		return false, s.expected("a comma or " + string(end))
	}
	_, err = s.in.ReadByte()
	return true, err
}

// skip reads any value.
func (s *scanner) skip() error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return s.object(func([]byte) error { return s.skip() })
	case '[':
		return s.array(s.skip)
	case '"':
		_, err = s.string()
	case 't':
		err = s.literal("true")
	case 'f':
		err = s.literal("false")
	case 'n':
		err = s.literal("null")
	default:
		_, err = s.number()
	}
	return err
}

func (s *scanner) literal(want string) error {
	got, err := s.in.Peek(len(want))
	switch {
	case string(got) == want:
		_, err = s.in.Discard(len(want))
		return err
	case err != nil && bytes.HasPrefix([]byte(want), got):
		return s.failed(err)
	}
	return s.expected("a value")
}

// number reads a number that a float64 can hold.
func (s *scanner) number() (float64, error) {
	if err := s.digits(); err != nil {
		return 0, err
	}
	if len(s.text) == 0 {
		return 0, s.expected("a value")
	}
	n, ok := number(s.text)
	if !ok || !isJSON(s.text) {
		return 0, s.errorf("expected a number, got %q", excerpt(string(s.text)))
	}
	return n, nil
}

// isJSON tells whether JSON allows what strconv takes for a number: not +1, 01, .5 and 1. .
func isJSON(number []byte) bool {
	whole, part, pointed := bytes.Cut(bytes.TrimPrefix(number, []byte("-")), []byte("."))
	switch {
	case len(whole) == 0 || !isDigit(whole[0]):
		return false
	case len(whole) > 1 && whole[0] == '0' && isDigit(whole[1]):
		return false
	}
	return !pointed || len(part) > 0 && isDigit(part[0])
}

// digits reads all that a number may be made of. The end of the text is an error, since no number is the last of it.
func (s *scanner) digits() error {
	s.text = s.text[:0]
	for {
		c, err := s.in.ReadByte()
		switch {
		case err != nil:
			return s.failed(err)
		case !isDigit(c) && c != '-' && c != '.' && c != 'e' && c != 'E' && c != '+':
			return s.in.UnreadByte()
		case len(s.text) == maxNumber:
			return s.errorf("a number is longer than %d bytes", maxNumber)
		}
		s.text = append(s.text, c)
	}
}

// string reads a string. It is gone with the next read.
func (s *scanner) string() ([]byte, error) {
	if err := s.take('"', "a string"); err != nil {
		return nil, err
	}
	s.text = append(s.text[:0], '"')
	for closed := false; !closed; {
		part, err := s.in.ReadSlice('"')
		if err == bufio.ErrBufferFull || len(s.text)+len(part) > maxLine {
			return nil, s.errorf("a string is longer than %d KiB", maxLine>>10)
		}
		if err != nil {
			return nil, s.failed(err)
		}
		s.text = append(s.text, part...)
		closed = !isEscaped(s.text)
	}
	return s.unquoted()
}

// isEscaped tells whether the last byte has a backslash before it that is none itself.
func isEscaped(text []byte) bool {
	before := text[:len(text)-1]
	return (len(before)-len(bytes.TrimRight(before, `\`)))%2 == 1
}

func (s *scanner) unquoted() ([]byte, error) {
	text := s.text[1 : len(s.text)-1]
	switch {
	case !utf8.Valid(text):
		return nil, s.errorf("expected UTF-8 in a string")
	case !bytes.ContainsFunc(text, isSpecial):
		return text, nil
	}
	var plain string
	if json.Unmarshal(s.text, &plain) != nil {
		return nil, s.errorf("a string has an escape or a control character that JSON does not know: %q", excerpt(string(text)))
	}
	return []byte(plain), nil
}

func isSpecial(r rune) bool { return r < ' ' || r == '\\' }
