package drain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/jsonpath"
	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/web"
)

// A Condition is what an answer must say.
type Condition interface {
	// judging prepares a request, and returns the function that judges its answer. An error of that function means that it could
	// not see. Such an answer never meets the condition.
	judging(r *web.Request) func(web.Answer) (sight, error)
}

// Status is met by an answer with one of these statuses. None given: 2xx. Redirects, 401, 403, 407 and server errors other than
// 503 do not answer the question, unless they are among the given statuses.
type Status struct{ web.Statuses }

func (c Status) judging(*web.Request) func(web.Answer) (sight, error) {
	return func(a web.Answer) (sight, error) {
		met := c.Has(a.Status)
		if !met && evasive(a.Status) {
			return sight{}, errors.New(a.String())
		}
		return sight{met: met, says: answered(a)}, nil
	}
}

// answered is an answer's status, and the beginning of what the server says.
func answered(a web.Answer) string {
	says := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	if text := a.Text(); text != "" {
		says += ": " + jsonpath.Short(text)
	}
	return says
}

func evasive(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return true
	case http.StatusServiceUnavailable:
		return false
	}
	return status/100 == 3 || status/100 == 5
}

// JSON is met by an answer in which the value at Path is one of In, is none of NotIn, or is a number within Bounds. A number in
// quotes is a number. An answer with another status, without that value, with a key that is there twice, or that is not JSON
// counts as no answer.
type JSON struct {
	Path      jsonpath.Path
	In, NotIn []string // texts, numbers as the answer writes them, true, false or null
	Bounds             // in place of In and NotIn
	Expect    web.Statuses
}

func (c JSON) judging(*web.Request) func(web.Answer) (sight, error) {
	return func(a web.Answer) (sight, error) {
		if !c.Expect.Has(a.Status) {
			return sight{}, errors.New(a.String())
		}
		value, err := request.Value(c.Path, a)
		if err != nil {
			return sight{}, err
		}
		return c.judge(value)
	}
}

func (c JSON) judge(value any) (sight, error) {
	text := "null"
	if value != nil {
		text = fmt.Sprint(value)
	}
	s := sight{says: fmt.Sprintf("%s is %s", c.Path, jsonpath.Short(value))}
	switch {
	case c.In != nil:
		s.met = listed(c.In, text)
	case c.NotIn != nil && value == nil && !listed(c.NotIn, text): // null is as good as absent
		return sight{}, fmt.Errorf("%s, expected a value", s.says)
	case c.NotIn != nil:
		s.met = !listed(c.NotIn, text)
	default:
		n, ok := numberOf(value)
		if !ok {
			return sight{}, fmt.Errorf("%s, expected a number", s.says)
		}
		s.met = c.hold(n)
	}
	return s, nil
}

// listed tells whether a value is in a list. Blanks do not count: there may be some around an entry, as in 'running, pending', and
// around the value, which may end in a newline.
func listed(all []string, text string) bool {
	text = strings.TrimSpace(text)
	return slices.ContainsFunc(all, func(one string) bool { return strings.TrimSpace(one) == text })
}

// numberOf reads a number, or a text that is one in decimals.
func numberOf(value any) (float64, bool) {
	text := fmt.Sprint(value)
	switch value.(type) {
	case json.Number, string:
	default:
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && strings.Trim(text, "0123456789+-.eE") == ""
}

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

// Bounds are the limits of a number that is waited for. Nil: no limit on that side.
type Bounds struct{ AtMost, AtLeast *float64 }

func (b Bounds) hold(n float64) bool {
	return (b.AtMost == nil || n <= *b.AtMost) && (b.AtLeast == nil || n >= *b.AtLeast)
}

func (b Bounds) none() bool { return b.AtMost == nil && b.AtLeast == nil }

// boundsOf reads at-most= and at-least=.
func boundsOf(l *grammar.Line) (b Bounds, err error) {
	if b.AtMost, err = number(l, "at-most"); err == nil {
		b.AtLeast, err = number(l, "at-least")
	}
	if err == nil && b.AtMost != nil && b.AtLeast != nil && *b.AtLeast > *b.AtMost {
		o, _ := l.Option("at-least")
		err = o.Expected("at-least: expected no more than at-most=, or no number is between them, got %s", o.Got())
	}
	return b, err
}

// number is an option's value; nil: it is not there.
func number(l *grammar.Line, key string) (*float64, error) {
	o, ok := l.Option(key)
	if !ok {
		return nil, nil
	}
	n, err := o.Number()
	return &n, err
}

func numeral(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }
