package metrics

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxLine is how long a line of text, or a string in JSON, may be, in bytes.
const maxLine = 64 << 10

// endMark is the last line of OpenMetrics, alone allowed to have no newline.
const endMark = "# EOF"

// lines is a text that is read line by line.
type lines struct {
	*total
	sample      sample
	openMetrics bool
	ended       bool
}

// text reads Prometheus' text.
func (t *total) text(r io.Reader, openMetrics bool) error {
	l := lines{total: t, openMetrics: openMetrics}
	in := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && (len(line) == 0 || l.isEnd(line)) {
			l.ended = l.ended || len(line) > 0
			return l.finish()
		}
		if err = l.readable(err); err == nil {
			err = l.line(bytes.TrimSuffix(line[:len(line)-1], []byte("\r")))
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func (l *lines) finish() error {
	if l.openMetrics && !l.ended && l.seen > 0 {
		return errors.New("the text breaks off: OpenMetrics ends in # EOF")
	}
	return nil
}

func (l *lines) isEnd(line []byte) bool {
	return l.openMetrics && !l.ended && string(line) == endMark
}

// readable is what is wrong with a line that was read with err.
func (l *lines) readable(err error) error {
	switch {
	case err != nil && err != io.EOF && err != bufio.ErrBufferFull:
		return err
	case l.ended:
		return errors.New("expected nothing after # EOF")
	case err == io.EOF:
		return errors.New("it breaks off without a newline")
	case err == bufio.ErrBufferFull:
		return fmt.Errorf("it is longer than %d KiB", maxLine>>10)
	}
	return nil
}

func (l *lines) line(line []byte) error {
	if !utf8.Valid(line) {
		return errors.New("expected UTF-8")
	}
	if l.isEnd(line) {
		l.ended = true
		return nil
	}
	c := cursor{rest: line}
	c.blanks()
	switch {
	case len(c.rest) == 0:
		return nil
	case c.take('#'):
		return c.comment()
	}
	if err := l.sample.read(&c, l.openMetrics); err != nil {
		return err
	}
	if !l.selects(l.sample.name, l.sample.labels) {
		return nil
	}
	return l.count(l.sample.value)
}
