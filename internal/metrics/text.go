package metrics

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// endMark is the last line of OpenMetrics. It needs no newline.
const endMark = "# EOF"

// prometheus reads Prometheus' text line by line.
func (t *total) prometheus(r io.Reader, framed, openMetrics bool) error {
	in := bufio.NewReaderSize(r, maxPart)
	ended := false
	for n := 1; ; n++ {
		raw, err := in.ReadSlice('\n')
		line := string(bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r")))
		switch {
		case err == io.EOF && len(raw) == 0:
			if openMetrics && !ended && t.seen > 0 {
				return errors.New("the text breaks off: OpenMetrics ends in # EOF")
			}
			return nil
		case err != nil && err != io.EOF && err != bufio.ErrBufferFull:
		case ended:
			err = errors.New("expected nothing after # EOF")
		case err == bufio.ErrBufferFull:
			err = fmt.Errorf("it is longer than %d KiB", maxPart>>10)
		case openMetrics && line == endMark:
			ended, err = true, nil
		case err == io.EOF && !framed:
			err = errors.New("it breaks off without a newline")
		default:
			err = t.line(exposition.over(line), openMetrics)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

var exposition = dialect{
	blanks:    " \t",
	isName:    func(r rune) bool { return r == ':' || isLabel(r) },
	operators: []string{"="},
	quotes:    `"`,
	escapes:   `\"n`,
	foreign:   true,
}

func (t *total) line(c *cursor, openMetrics bool) error {
	if !utf8.ValidString(c.text) {
		return errors.New("expected UTF-8")
	}
	c.takeBlanks()
	switch {
	case c.rest == "":
		return nil
	case c.take("#"):
		return c.comment()
	}
	labels, value, err := c.sample(true, openMetrics)
	if err == nil && c.take("#") { // an exemplar, as in # {trace_id="1"} 0.5
		c.takeBlanks()
		_, _, err = c.sample(false, true)
	}
	if err == nil && c.rest != "" {
		err = c.expected("the line's end", c.rest)
	}
	if err != nil || !t.selects(labels) {
		return err
	}
	return t.count(value)
}

// comment reads what follows a #. That may be anything. Only after # HELP and # TYPE there must be a metric's name, and the type must
// be a known type.
func (c *cursor) comment() error {
	if !c.takeBlanks() {
		return nil
	}
	keyword := c.takeWhile(c.isNoBlank)
	if c.takeBlanks(); keyword != "HELP" && keyword != "TYPE" || c.rest == "" {
		return nil
	}
	if _, _, err := c.name(c.isName, "a metric's name"); err != nil {
		return err
	}
	if !c.takeBlanks() && c.rest != "" {
		return c.expected("a blank after the name", c.rest)
	}
	switch strings.TrimRight(c.rest, c.blanks) {
	case "", "counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram":
		return nil
	}
	if keyword == "HELP" {
		return nil
	}
	return c.expected("a metric's type", c.rest)
}

// sample reads name{label="value"} or {"name",label="value"}, a value, and perhaps a timestamp. The name is the label "".
func (c *cursor) sample(named, seconds bool) (labels map[string]string, value float64, err error) {
	place, what := c.rest, "a metric's name"
	if !named {
		what = "an exemplar's labels"
	}
	terms, err := c.series()
	if err != nil {
		return nil, 0, err
	}
	labels = map[string]string{}
	for _, t := range terms {
		if _, twice := labels[t.label]; twice || t.label == nameLabel {
			return nil, 0, c.expected("each label once, and one name", t.place)
		}
		labels[t.label] = t.value
	}
	read := place[:len(place)-len(c.rest)]
	_, hasName := labels[""]
	switch {
	case hasName != named || read == "" || '0' <= read[0] && read[0] <= '9':
		return nil, 0, c.expected(what, place)
	case !strings.HasSuffix(read, "}") && strings.TrimRight(read, c.blanks) == read:
		return nil, 0, c.expected("a blank or { after the name", c.rest)
	}
	c.takeBlanks()
	place = c.rest
	value, ok := number(c.takeWhile(c.isNoBlank))
	if !ok {
		return nil, 0, c.expected("a value", place)
	}
	if c.takeBlanks(); c.rest == "" || c.begins("#") {
		return labels, value, nil
	}
	place = c.rest
	text := c.takeWhile(c.isNoBlank)
	c.takeBlanks()
	// The timestamp is whole milliseconds, or seconds in OpenMetrics.
	_, err = strconv.ParseInt(text, 10, 64)
	if at, ok := number(text); err != nil && (!seconds || !ok || math.IsNaN(at-at)) {
		return nil, 0, c.expected("a timestamp", place)
	}
	return labels, value, nil
}

func (c *cursor) isNoBlank(r rune) bool { return !strings.ContainsRune(c.blanks, r) }

// number reads a decimal number, NaN, +Inf or -Inf. It refuses a number that a float64 cannot hold, and Go's 0x1p4 and 1_000.
func number(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !strings.ContainsAny(text, "_xX")
}
