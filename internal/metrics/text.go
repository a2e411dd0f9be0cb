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
	for n := 1; ; n++ {
		raw, err := in.ReadSlice('\n')
		if err == io.EOF && len(raw) == 0 {
			return nil
		}
		line := string(bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r")))
		switch {
		case err != nil && err != io.EOF && err != bufio.ErrBufferFull: // it says what is wrong
		case t.ended:
			err = errors.New("expected nothing after # EOF")
		case err == bufio.ErrBufferFull:
			err = fmt.Errorf("it is longer than %d KiB", maxPart>>10)
		case openMetrics && line == endMark:
			t.ended, err = true, nil
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
		c.comment()
		return c.err
	}
	labels, value := c.sample(true, openMetrics)
	if c.take("#") { // an exemplar, as in # {trace_id="1"} 0.5
		c.takeBlanks()
		c.sample(false, true)
	}
	if c.rest != "" {
		c.expected("the line's end", c.rest)
	}
	if c.err != nil || !t.selects(labels) {
		return c.err
	}
	return t.count(value)
}

// comment reads what follows a #. That may be anything. Only after # HELP and # TYPE there must be a metric's name, and the type must
// be a known type.
func (c *cursor) comment() {
	if !c.takeBlanks() {
		return
	}
	keyword := c.word()
	if c.takeBlanks(); keyword != "HELP" && keyword != "TYPE" || c.rest == "" {
		return
	}
	c.name(c.isName, "a metric's name")
	if !c.takeBlanks() && c.rest != "" {
		c.expected("a blank after the name", c.rest)
	}
	switch strings.TrimRight(c.rest, c.blanks) {
	case "", "counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram":
	default:
		if keyword == "TYPE" {
			c.expected("a metric's type", c.rest)
		}
	}
}

// sample reads labels, a value, and perhaps a timestamp.
func (c *cursor) sample(named, seconds bool) (labels map[string]string, value float64) {
	labels = c.labels(named)
	c.takeBlanks()
	place := c.rest
	value, ok := number(c.word())
	if !ok {
		c.expected("a value", place)
	}
	c.takeBlanks()
	if place = c.rest; place != "" && !c.begins("#") && !isTimestamp(c.word(), seconds) {
		c.expected("a timestamp", place)
	}
	c.takeBlanks()
	return labels, value
}

// labels reads name{label="value"} or {"name",label="value"}, or the labels of an exemplar, which has no name. The name is the label "".
func (c *cursor) labels(named bool) map[string]string {
	place, labels := c.rest, map[string]string{}
	for _, t := range c.series() {
		if _, twice := labels[t.label]; twice || t.label == nameLabel {
			c.expected("each label once, and one name", t.place)
		}
		labels[t.label] = t.value
	}
	read := place[:len(place)-len(c.rest)]
	_, hasName := labels[""]
	switch {
	case hasName == named && read != "" && (read[0] < '0' || read[0] > '9'):
	case named:
		c.expected("a metric's name", place)
	default:
		c.expected("an exemplar's labels", place)
	}
	if !strings.HasSuffix(read, "}") && strings.TrimRight(read, c.blanks) == read {
		c.expected("a blank or { after the name", c.rest)
	}
	return labels
}

// isTimestamp tells whether a text is a timestamp: whole milliseconds, or seconds in OpenMetrics.
func isTimestamp(text string, seconds bool) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	at, ok := number(text)
	return err == nil || seconds && ok && !math.IsNaN(at-at)
}

// word takes what comes before the next blank.
func (c *cursor) word() string {
	return c.takeWhile(func(r rune) bool { return !c.isBlank(r) })
}

// number reads a decimal number, NaN, +Inf or -Inf. It refuses a number that a float64 cannot hold, and Go's 0x1p4 and 1_000.
func number(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !strings.ContainsAny(text, "_xX")
}
