package drain

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/web"
)

// Metric is met when the sum of the series that it selects is within Bounds. An empty answer, a broken answer, or an answer with
// a status other than 2xx counts as no answer.
type Metric struct {
	Selector metrics.Selector
	Bounds
	// Absent is the value that counts if an answer has series, but not the selected ones. Nil: such an answer never meets it.
	Absent *float64
}

func (c Metric) judging(r *web.Request) func(web.Answer) (sight, error) {
	var sum float64
	var series int
	r.Stream = func(body io.Reader, kind string, framed bool) (err error) {
		if sum, series, err = c.Selector.Sum(body, kind, framed); c.Absent != nil && errors.Is(err, metrics.ErrAbsent) {
			sum, err = *c.Absent, nil
		}
		return err
	}
	*r = r.Own()
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "text/plain;version=0.0.4, application/json;q=0.9, */*;q=0.1")
	}
	return func(a web.Answer) (sight, error) {
		says := fmt.Sprintf("%s in %d series", numeral(sum), series)
		switch {
		case !a.OK():
			return sight{}, errors.New(a.String())
		case c.AtLeast != nil && math.IsInf(sum, 1): // like -Inf for at-most=, which Sum refuses itself
			return sight{}, errors.New("the matching series add up to +Inf")
		case series == 0:
			says = fmt.Sprintf("no series %s, which counts as %s", c.Selector, numeral(sum))
		}
		return sight{met: c.hold(sum), says: says}, nil
	}
}
