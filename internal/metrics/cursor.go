package metrics

import (
	"bytes"
	"fmt"
	"strconv"
)

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

// blanks skips blanks, and tells whether there were any.
func (c *cursor) blanks() bool {
	return len(c.run(isBlank)) > 0
}

func (c *cursor) expected(what string) error {
	if len(c.rest) == 0 {
		return fmt.Errorf("expected %s, got the line's end", what)
	}
	return fmt.Errorf("expected %s, got %q", what, excerpt(string(c.rest[:min(len(c.rest), 64)])))
}

// word reads a name that stands without quotes.
func (c *cursor) word(of func(byte) bool, what string) ([]byte, error) {
	if isDigit(c.peek()) {
		return nil, c.expected(what)
	}
	word := c.run(of)
	if len(word) == 0 {
		return nil, c.expected(what)
	}
	return word, nil
}

func (c *cursor) quotedName() ([]byte, error) {
	from := *c
	name, err := c.quoted()
	if err == nil && len(name) == 0 {
		return nil, from.expected("a name")
	}
	return name, err
}

// quoted reads text in double quotes, which stays a part of the line: \\, \" and \n are replaced where they are. It is
// not nil, even when empty.
func (c *cursor) quoted() ([]byte, error) {
	from := *c
	if !c.take('"') {
		return nil, c.expected("text in double quotes")
	}
	end := bytes.IndexByte(c.rest, '"')
	if end < 0 {
		return nil, from.expected("a closing quote after this")
	}
	text := c.rest[:end]
	if bytes.IndexByte(text, '\\') >= 0 {
		return c.escaped()
	}
	c.rest = c.rest[end+1:]
	return text, nil
}

func (c *cursor) escaped() ([]byte, error) {
	text := c.rest[:0]
	for len(c.rest) > 0 {
		b := c.rest[0]
		if b == '"' {
			c.rest = c.rest[1:]
			return text, nil
		}
		if b == '\\' {
			var ok bool
			if b, ok = c.escape(); !ok {
				return nil, c.expected(`\\, \" or \n`)
			}
			c.rest = c.rest[1:]
		}
		c.rest = c.rest[1:]
		text = append(text, b)
	}
	return nil, c.expected("a closing quote")
}

func (c *cursor) escape() (b byte, ok bool) {
	if len(c.rest) < 2 {
		return 0, false
	}
	switch b = c.rest[1]; b {
	case '\\', '"':
		return b, true
	case 'n':
		return '\n', true
	}
	return 0, false
}

// number reads a number and the blanks after it.
func (c *cursor) number(what string) (float64, error) {
	from := *c
	value, ok := number(c.run(isNoBlank))
	if !ok {
		return 0, from.expected(what)
	}
	c.blanks()
	return value, nil
}

// number is a decimal number, NaN, +Inf or -Inf; not one that a float64 cannot hold, nor Go's 0x1p4 and 1_000.
func number(text []byte) (float64, bool) {
	if n, ok := whole(text); ok {
		return n, true
	}
	if bytes.ContainsAny(text, "_xX") {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(text), 64)
	return n, err == nil
}

// whole is what most values are.
func whole(text []byte) (float64, bool) {
	if len(text) == 0 || len(text) > 15 {
		return 0, false
	}
	n := 0
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return float64(n), true
}

func isName(c byte) bool { return c == ':' || isLabel(c) }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isNoBlank(c byte) bool { return !isBlank(c) }
