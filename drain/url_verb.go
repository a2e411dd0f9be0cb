package drain

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// URLVerb is the step that asks a URL until the answer meets a condition.
func URLVerb() *step.Verb {
	return &step.Verb{Name: "until", Target: "URL", Options: slices.Concat(request.Options(), []string{"met-by", "json", "in", "not-in", "metric", "at-most", "at-least", "absent", "stable", "min", "max"}), Often: request.Often, Late: []string{"", "header"},
		Does: "asks every second until the answer is 2xx, or says what json= or metric= wants", Parse: parseURL}
}

// urlSpec is a URL as its step describes it.
type urlSpec struct {
	request request.Spec
	metBy   web.Statuses
	until   Condition
	stable  int
	wait    step.Wait
}

func parseURL(l *grammar.Line) (step.Spec, error) {
	w, err := l.Target("a URL", "")
	if err != nil {
		return nil, err
	}
	u := &urlSpec{stable: 1}
	if u.request, err = request.Parse(l, http.MethodGet, w); err != nil {
		return nil, err
	}
	if u.wait, err = step.WaitOf(l); err != nil {
		return nil, err
	}
	if o, ok := l.Option("stable"); ok {
		if u.stable, err = o.Count(1, "how many looks in a row"); err != nil {
			return nil, err
		}
	}
	if o, ok := l.Option("met-by"); ok {
		if u.metBy, err = metBy(o); err != nil {
			return nil, err
		}
	}
	u.until, err = u.condition(l)
	return u, err
}

// metBy reads the statuses that mean that what was waited for is gone. What a 2xx means is up to the other options.
func metBy(o *grammar.Option) (web.Statuses, error) {
	all, err := web.ParseStatuses(o.Value)
	if err != nil || slices.ContainsFunc(all, func(s string) bool { return s[0] == '2' }) {
		return nil, o.Expected("met-by: expected statuses other than 2xx, such as 404,410, got %s", o.Got())
	}
	return all, nil
}

// condition is what the answer must say.
func (u *urlSpec) condition(l *grammar.Line) (Condition, error) {
	path, isJSON := l.Option("json")
	selector, isMetric := l.Option("metric")
	if isJSON && isMetric {
		return nil, selector.Expected("expected json= or metric=, got both")
	}
	for n := range l.Options {
		if err := misplaced(&l.Options[n], isJSON, isMetric); err != nil {
			return nil, err
		}
	}
	bounds, err := boundsOf(l)
	switch {
	case err != nil:
		return nil, err
	case isMetric:
		return metric(l, selector, bounds)
	case isJSON:
		return u.json(l, path, bounds)
	}
	return Status{Statuses: u.request.Expect}, nil
}

// misplaced refuses an option that goes with another condition.
func misplaced(o *grammar.Option, isJSON, isMetric bool) error {
	switch key := o.Key; {
	case (key == "in" || key == "not-in") && !isJSON:
		return o.Expected("%s= goes with json=PATH, and names the values that are waited for, or waited out", key)
	case (key == "at-most" || key == "at-least") && !isJSON && !isMetric:
		return o.Expected("%s= goes with metric= or json=", key)
	case key == "absent" && !isMetric:
		return o.Expected("absent= goes with metric=")
	case key == "expect" && isMetric:
		return o.Expected("expect= does not go with metric=, which reads 2xx alone")
	}
	return nil
}

func metric(l *grammar.Line, selector *grammar.Option, bounds Bounds) (Condition, error) {
	if bounds.none() {
		return nil, selector.Expected("metric= needs at-most=N or at-least=N, to know what is waited for")
	}
	selector, err := selector.With(grammar.InSelector)
	if err != nil {
		return nil, err
	}
	s, err := metrics.ParseSelector(selector.Value)
	if err != nil {
		return nil, selector.Refused(fmt.Errorf("metric: %w", err), `metric: expected a metric's name, as in requests_active{app="web"}, got `+selector.Got())
	}
	absent, err := number(l, "absent")
	return Metric{Selector: s, Bounds: bounds, Absent: absent}, err
}

func (u *urlSpec) json(l *grammar.Line, path *grammar.Option, bounds Bounds) (Condition, error) {
	in, hasIn := l.Option("in")
	notIn, hasNotIn := l.Option("not-in")
	hasBounds := !bounds.none()
	if hasIn && hasNotIn || hasIn && hasBounds || hasNotIn && hasBounds || !hasIn && !hasNotIn && !hasBounds {
		return nil, path.Expected("json=PATH needs one of in=A,B, not-in=A,B, and at-most=N or at-least=N, to know what is waited for")
	}
	at, err := request.Path(path)
	if err != nil {
		return nil, err
	}
	c := JSON{Path: at, Bounds: bounds, Expect: u.request.Expect}
	if hasIn {
		c.In = strings.Split(in.Value, ",")
	}
	if hasNotIn {
		c.NotIn = strings.Split(notIn.Value, ",")
	}
	return c, nil
}

func (u *urlSpec) Needs() step.Needs {
	n := u.wait.Needs()
	n.Calls, n.Reads, n.Takes = u.request.Calls(), u.request.Files(), u.request.Takes()
	n.Calls[len(n.Calls)-1].Repeats = true
	n.Looks = time.Duration(max(1, u.stable)-1) * askEvery
	return n
}

func (u *urlSpec) Bind(m *step.Means) (step.Deed, error) {
	client := u.request.Client(m)
	return u.request.Step(m, client, u.request.Request, func(r web.Request) step.Deed {
		r.Expect = slices.Concat(u.request.Expect, u.metBy)
		return &URL{Client: client, Request: r, Timeout: u.request.Timeout, MetBy: u.metBy, Until: u.until, Stable: u.stable, Min: u.wait.Min}
	}), nil
}
