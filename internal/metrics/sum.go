package metrics

import (
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
)

// Sum adds up the values of all series that s selects, and says how many there are. kind is the answer's Content-Type:
// application/json is Envoy's stats, anything else Prometheus' text. It reads to the end, since what breaks off after
// the first series is broken.
//
// It fails where nothing is selected, where a selected value is no number, and where the text cannot be read, also in
// a series that is not selected.
func (s Selector) Sum(r io.Reader, kind string) (sum float64, series int, err error) {
	t := total{Selector: s}
	switch media, _, _ := mime.ParseMediaType(kind); media {
	case "application/json":
		err = t.json(r)
	case "application/openmetrics-text":
		t.marked = true
		fallthrough
	default:
		err = t.text(r)
	}
	if err != nil {
		return 0, 0, err
	}
	return t.sum, t.series, t.judge()
}

// total is one Sum.
type total struct {
	Selector
	sum    float64
	series int
	family bool // a series of the name was seen
	any    bool // any series was
	marked bool // the text ends in a mark
}

func (t *total) judge() error {
	switch {
	case t.series > 0:
		return nil
	case t.family:
		return fmt.Errorf("no series with the labels of %s, though there are some of its name", t)
	case t.any:
		return fmt.Errorf("no series %s", t)
	}
	return errors.New("there are no metrics in the answer")
}

// selects tells whether a series is among those that are wanted. labels gives a label's value.
func (t *total) selects(name []byte, labels []pair) bool {
	t.any = true
	named, all := true, true
	for _, m := range t.matchers {
		switch {
		case m.label == nameLabel:
			named = named && m.matches(name)
		case named:
			all = all && m.matches(valueOf(labels, m.label))
		}
	}
	t.family = t.family || named
	return named && all
}

type pair struct{ name, value []byte }

func valueOf(labels []pair, name string) []byte {
	for _, l := range labels {
		if string(l.name) == name {
			return l.value
		}
	}
	return nil
}

func (t *total) add(value float64) error {
	if math.IsNaN(value) {
		return errors.New("a value that is wanted is NaN")
	}
	t.sum += value
	t.series++
	if math.IsNaN(t.sum) {
		return errors.New("the values that are wanted have no sum")
	}
	return nil
}
