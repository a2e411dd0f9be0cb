// Package metrics reads what a program tells of itself: a [Selector] picks series out of Prometheus' text format
// (0.0.4, or OpenMetrics 1.0) or out of Envoy's JSON stats, and adds them up.
//
// It reads a stream in flat memory and keeps nothing but the sum. What it cannot read, or where nothing is selected, is
// an error and never zero: whoever waits for zero would take it for the end of the traffic. It fetches nothing, knows no
// conditions, and leaves to its caller how much may be read.
//
// Prometheus' own library would do it too, with protobuf and more than a megabyte of the binary.
package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Sum adds up the values of all series that s selects, and says how many there are. kind is the answer's Content-Type:
// application/json is Envoy's stats, anything else Prometheus' text. It reads to the end, since what breaks off after
// the first series is broken.
//
// It fails where nothing is selected, where a selected value is no number, and where the text cannot be read, also in
// a series that is not selected. The sum is NaN then, which no comparison takes for little.
func (s Selector) Sum(r io.Reader, kind string) (sum float64, series int, err error) {
	t := total{Selector: s}
	if err := t.read(r, kind); err != nil {
		return math.NaN(), 0, err
	}
	return t.sum, t.series, nil
}

// total is one Sum.
type total struct {
	Selector
	sum    float64
	series int // that were selected
	seen   int // of any name
	family bool
	last   []byte // the name that was seen last
	named  bool   // whether it was selected
}

func (t *total) read(r io.Reader, kind string) error {
	if len(t.names)+len(t.labels) == 0 {
		return errors.New("no selector")
	}
	if err := t.add(r, kind); err != nil {
		return err
	}
	return t.judge()
}

func (t *total) add(r io.Reader, kind string) error {
	media, _, _ := strings.Cut(kind, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/json":
		return t.envoy(r)
	case "application/openmetrics-text":
		return t.text(r, true)
	case "text/html": // which some frameworks call any text
		if err := t.text(r, false); err != nil {
			return fmt.Errorf("expected Prometheus' text or Envoy's JSON, got HTML: %w", err)
		}
		return nil
	}
	return t.text(r, false)
}

func (t *total) judge() error {
	switch {
	case t.seen == 0:
		return errors.New("there are no series in the answer")
	case t.series > 0:
		return nil
	case t.family:
		return fmt.Errorf("no series %s: the family is there, but no series of it has these labels", excerpt(t.String()))
	}
	return fmt.Errorf("no series %s among the %d in the answer", excerpt(t.String()), t.seen)
}

// selects tells whether a series is among those that are wanted.
func (t *total) selects(name []byte, labels []pair) bool {
	t.seen++
	if !t.isNamed(name) {
		return false
	}
	t.family = len(t.names) > 0
	for _, m := range t.labels {
		if !m.matches(valueOf(labels, m.label)) {
			return false
		}
	}
	return true
}

// isNamed keeps its answer, since series of one name mostly follow each other.
func (t *total) isNamed(name []byte) bool {
	if t.seen > 1 && bytes.Equal(name, t.last) {
		return t.named
	}
	t.last, t.named = append(t.last[:0], name...), true
	for _, m := range t.names {
		t.named = t.named && m.matches(name)
	}
	return t.named
}

func (t *total) count(value float64) error {
	if math.IsNaN(value) {
		return errors.New("a value that is wanted is NaN")
	}
	t.sum += value
	t.series++
	if math.IsNaN(t.sum) {
		return errors.New("the values that are wanted have no sum: +Inf and -Inf")
	}
	return nil
}
