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
		if err == io.EOF && len(raw) == 0 {
			if openMetrics && !ended && t.seen > 0 {
				return errors.New("the text breaks off: OpenMetrics ends in # EOF")
			}
			return nil
		}
		line := string(bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r")))
		isEnd := openMetrics && line == endMark
		err = whole(err, ended, framed || isEnd)
		if err == nil && !isEnd {
			err = t.line(exposition.over(line), openMetrics)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		ended = isEnd
	}
}

// whole says what is wrong with a line as it was read, if anything is. ended: the line comes after the end mark. last: the line may be the
// last one, and needs no newline then.
func whole(read error, ended, last bool) error {
	switch {
	case read != nil && read != io.EOF && read != bufio.ErrBufferFull:
		return read
	case ended:
		return errors.New("expected nothing after # EOF")
	case read == bufio.ErrBufferFull:
		return fmt.Errorf("it is longer than %d KiB", maxPart>>10)
	case read == io.EOF && !last:
		return errors.New("it breaks off without a newline")
	}
	return nil
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

// sample reads labels, a value, and perhaps a timestamp.
func (c *cursor) sample(named, seconds bool) (labels map[string]string, value float64, err error) {
	if labels, err = c.labels(named); err != nil {
		return nil, 0, err
	}
	c.takeBlanks()
	place := c.rest
	value, ok := number(c.takeWhile(c.isNoBlank))
	if !ok {
		return nil, 0, c.expected("a value", place)
	}
	if c.takeBlanks(); c.rest == "" || c.begins("#") {
		return labels, value, nil
	}
	place = c.rest
	if !isTimestamp(c.takeWhile(c.isNoBlank), seconds) {
		return nil, 0, c.expected("a timestamp", place)
	}
	c.takeBlanks()
	return labels, value, nil
}

// labels reads name{label="value"} or {"name",label="value"}, or the labels of an exemplar, which has no name. The name is the label "".
func (c *cursor) labels(named bool) (map[string]string, error) {
	place := c.rest
	terms, err := c.series()
	if err != nil {
		return nil, err
	}
	labels := map[string]string{}
	for _, t := range terms {
		if _, twice := labels[t.label]; twice || t.label == nameLabel {
			return nil, c.expected("each label once, and one name", t.place)
		}
		labels[t.label] = t.value
	}
	read := place[:len(place)-len(c.rest)]
	_, hasName := labels[""]
	switch {
	case hasName == named && read != "" && (read[0] < '0' || read[0] > '9'):
	case named:
		return nil, c.expected("a metric's name", place)
	default:
		return nil, c.expected("an exemplar's labels", place)
	}
	if !strings.HasSuffix(read, "}") && strings.TrimRight(read, c.blanks) == read {
		return nil, c.expected("a blank or { after the name", c.rest)
	}
	return labels, nil
}

// isTimestamp tells whether a text is a timestamp: whole milliseconds, or seconds in OpenMetrics.
func isTimestamp(text string, seconds bool) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	at, ok := number(text)
	return err == nil || seconds && ok && !math.IsNaN(at-at)
}

func (c *cursor) isNoBlank(r rune) bool { return !strings.ContainsRune(c.blanks, r) }

// number reads a decimal number, NaN, +Inf or -Inf. It refuses a number that a float64 cannot hold, and Go's 0x1p4 and 1_000.
func number(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !strings.ContainsAny(text, "_xX")
}
