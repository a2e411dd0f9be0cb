package drain

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/web"
)

// Metric is met when the series that it selects add up to AtMost at most. No such series, an empty answer, a broken
// one, or one of another status than 2xx is none: it is not zero.
type Metric struct {
	Selector metrics.Selector
	AtMost   float64
}

func (c Metric) look(ctx context.Context, client *web.Client, r web.Request) (sight, error) {
	var sum float64
	var series int
	r.Stream = func(body io.Reader, kind string, framed bool) (err error) {
		sum, series, err = c.Selector.Sum(body, kind, framed)
		return err
	}
	r.Header = r.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "text/plain;version=0.0.4, application/json;q=0.9, */*;q=0.1")
	}
	a, err := client.Send(ctx, r)
	if err != nil {
		return sight{}, err
	}
	if !a.OK() {
		return sight{}, fmt.Errorf("%s: %s", web.Place(a.URL), a)
	}
	says := fmt.Sprintf("%s in %d series", strconv.FormatFloat(sum, 'g', -1, 64), series)
	return sight{sum <= c.AtMost, says}, nil
}
