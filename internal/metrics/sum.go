// Package metrics reads the metrics of a program. A [Selector] picks series out of Prometheus' text format
// (0.0.4, or OpenMetrics 1.0) or out of Envoy's JSON stats, and adds them up.
//
// It reads a stream and keeps only the sum, so memory does not grow with the answer. If something cannot be read, or
// nothing is selected, that is an error and never zero: whoever waits for zero would take a zero for the end of the traffic.
// The package fetches nothing and knows no conditions. Its caller decides how much may be read.
//
// Prometheus' own library could do this too, but it brings protobuf and adds more than a megabyte to the binary.
package metrics

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// maxPart is how long a line of text may be, or a part of JSON between two commas, in bytes.
const maxPart = 64 << 10

// ErrAbsent is in the error of [Selector.Sum] if the answer has series, but none of them is selected.
var ErrAbsent = errors.New("no series")

// Sum adds up the values of all series that s selects, and says how many there are. kind is the answer's Content-Type:
// application/json is Envoy's stats, anything else is Prometheus' text. Sum reads to the end, since an answer that breaks off after
// the first series is broken. framed says that the end of r is the end of the answer: its length was announced, or
// it came in chunks. If it is not framed, the connection may have broken in the last line, so the last line must end in a newline.
//
// Sum fails if nothing is selected, if the selected values say nothing (NaN, -Inf, or some above and some below
// zero), and if the text cannot be read, also in a series that is not selected. The sum is then NaN: no comparison
// takes NaN for a small number.
func (s Selector) Sum(r io.Reader, kind string, framed bool) (sum float64, series int, err error) {
	t := total{Selector: s}
	err = t.read(r, kind, framed)
	switch what := excerpt(s.text); {
	case err != nil:
	case t.seen == 0:
		err = errors.New("there are no series in the answer")
	case t.series == 0 && t.family:
		err = fmt.Errorf("%w %s: the family is there, but no series of it has these labels", ErrAbsent, what)
	case t.series == 0:
		err = fmt.Errorf("%w %s among the %d in the answer", ErrAbsent, what, t.seen)
	default:
		return t.above + t.below, t.series, nil
	}
	return math.NaN(), 0, err
}

// total is one Sum.
type total struct {
	Selector
	above, below float64 // the sums of the values above and below zero; one of the two stays zero
	series       int     // the selected series
	seen         int     // all series
	family       bool    // the name was seen
	ended        bool    // OpenMetrics' last line was read
}

func (t *total) read(r io.Reader, kind string, framed bool) error {
	if len(t.names)+len(t.labels) == 0 {
		return errors.New("no selector")
	}
	media, _, _ := strings.Cut(kind, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	if media == "application/json" {
		return t.envoy(r)
	}
	openMetrics := media == "application/openmetrics-text"
	err := t.prometheus(r, framed, openMetrics)
	switch {
	case err != nil && media == "text/html": // some frameworks give any text this type
		err = fmt.Errorf("expected Prometheus' text or Envoy's JSON, got HTML: %w", err)
	case err == nil && openMetrics && !t.ended && t.seen > 0:
		err = errors.New("the text breaks off: OpenMetrics ends in # EOF")
	}
	return err
}

// selects tells whether a series is wanted. The label "" is its name.
func (t *total) selects(labels map[string]string) bool {
	t.seen++
	differs := func(m matcher) bool { return !m.matches(labels[m.label]) }
	if slices.ContainsFunc(t.names, differs) {
		return false
	}
	t.family = len(t.names) > 0
	return !slices.ContainsFunc(t.labels, differs)
}

// count adds a value that is wanted.
func (t *total) count(value float64) error {
	t.series++
	if value < 0 {
		t.below += value
	} else {
		t.above += value
	}
	switch {
	case math.IsNaN(value):
		return errors.New("a matching series is NaN")
	case math.IsInf(t.below, -1):
		return errors.New("the matching series add up to -Inf")
	case t.above > 0 && t.below < 0:
		return errors.New("some of the matching series are above zero and some below: their sum says nothing")
	}
	return nil
}
