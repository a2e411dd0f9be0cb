package metrics

import (
	"fmt"
	"math"
	"strconv"
)

// maxLabels is how many labels a series may have: each is compared with those before it.
const maxLabels = 256

// A sample is a line of Prometheus' text: name{label="value"} 1.5, a timestamp, an exemplar. It lies in the line's
// memory, and its own is used again for the next.
type sample struct {
	name     []byte
	labels   []pair
	exemplar []pair
	value    float64
}

func (s *sample) read(c *cursor, openMetrics bool) error {
	if err := s.series(c); err != nil {
		return err
	}
	if err := s.numbers(c, openMetrics); err != nil {
		return err
	}
	if len(c.rest) > 0 {
		return c.expected("the line's end")
	}
	return nil
}

// series reads name{label="value"} or {"name",label="value"}.
func (s *sample) series(c *cursor) (err error) {
	s.name, s.labels = nil, s.labels[:0]
	apart := c.peek() == '{'
	if !apart {
		if s.name, err = c.word(isName, "a metric's name"); err != nil {
			return err
		}
		apart = c.blanks()
	}
	switch {
	case c.take('{'):
		s.labels, err = c.labels(s.labels, &s.name)
	case !apart:
		err = c.expected("a blank or { after the name")
	}
	if err == nil && s.name == nil {
		err = c.expected("a metric's name before this")
	}
	return err
}

// numbers reads what follows the labels: a value, perhaps a timestamp, perhaps an exemplar.
func (s *sample) numbers(c *cursor, openMetrics bool) (err error) {
	c.blanks()
	if s.value, err = c.number("a value"); err != nil {
		return err
	}
	if len(c.rest) > 0 && c.peek() != '#' {
		if err := c.timestamp(openMetrics); err != nil {
			return err
		}
	}
	if !c.take('#') {
		return nil
	}
	return s.readExemplar(c)
}

// readExemplar reads {trace_id="1"} 0.5 and perhaps a timestamp.
func (s *sample) readExemplar(c *cursor) (err error) {
	if c.blanks(); !c.take('{') {
		return c.expected("an exemplar's labels")
	}
	if s.exemplar, err = c.labels(s.exemplar[:0], nil); err != nil {
		return err
	}
	c.blanks()
	if _, err = c.number("an exemplar's value"); err != nil || len(c.rest) == 0 {
		return err
	}
	return c.timestamp(true)
}

// timestamp reads milliseconds, which are whole, or OpenMetrics' seconds, which need not be.
func (c *cursor) timestamp(seconds bool) error {
	from := *c
	text := c.run(isNoBlank)
	c.blanks()
	if seconds {
		if n, ok := number(text); ok && !math.IsNaN(n) && !math.IsInf(n, 0) {
			return nil
		}
	} else if _, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return nil
	}
	return from.expected("a timestamp")
}

// labels reads up to the closing brace, and appends to all. A name in quotes may stand among them, where name is for one.
func (c *cursor) labels(all []pair, name *[]byte) ([]pair, error) {
	for {
		if c.blanks(); c.take('}') {
			return all, nil
		}
		l, err := c.label()
		switch {
		case err != nil:
			return all, err
		case l.value != nil:
			if err := once(all, l.name); err != nil {
				return all, err
			}
			all = append(all, l)
		case name == nil || *name != nil:
			return all, c.expected("=")
		default:
			*name = l.name
		}
		if c.blanks(); !c.take(',') && c.peek() != '}' {
			return all, c.expected("a comma or }")
		}
	}
}

// label reads label="value", or a name in quotes, which has no value.
func (c *cursor) label() (l pair, err error) {
	quoted := c.peek() == '"'
	if quoted {
		l.name, err = c.quotedName()
	} else {
		l.name, err = c.word(isLabel, "a label's name")
	}
	if err != nil {
		return l, err
	}
	if c.blanks(); quoted && c.peek() != '=' {
		return l, nil
	}
	if !c.take('=') {
		return l, c.expected("=")
	}
	c.blanks()
	l.value, err = c.quoted()
	return l, err
}

func once(labels []pair, name []byte) error {
	if len(labels) == maxLabels {
		return fmt.Errorf("there are more than %d labels", maxLabels)
	}
	if string(name) == nameLabel || valueOf(labels, string(name)) != nil {
		return fmt.Errorf("the label %q is there twice", excerpt(string(name)))
	}
	return nil
}
