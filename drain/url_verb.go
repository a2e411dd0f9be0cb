package drain

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
)

// URLVerb is the step that asks until the answer says so.
func URLVerb() step.Verb {
	return step.Verb{Name: "until", Target: "URL", Options: slices.Concat(request.Options(), []string{"json", "in", "metric", "at-most", "stable", "min", "max"}),
		Does: "asks every second until the answer is 2xx, or says what json= or metric= wants", Parse: parseURL}
}

// urlSpec is a URL as its step describes it.
type urlSpec struct {
	request request.Spec
	until   Condition
	stable  int
	wait    step.Wait
}

func parseURL(l step.Line) (step.Spec, error) {
	const expected = "quiet PORT, gone NAME, closed PORT, file PATH or a URL"
	if len(l.Targets) > 0 && !strings.Contains(l.Targets[0].Text, ":") {
		return nil, l.Targets[0].Expected("expected %s after until, got %s", expected, l.Targets[0].Written)
	}
	w, err := l.Target(expected)
	if err != nil {
		return nil, err
	}
	u := urlSpec{stable: 1}
	if u.request, err = request.Parse(l, http.MethodGet, w); err != nil {
		return nil, err
	}
	if u.wait, err = l.Wait(); err != nil {
		return nil, err
	}
	if o, ok := l.Option("stable"); ok {
		if u.stable, err = o.Count(1, "how many looks in a row"); err != nil {
			return nil, err
		}
	}
	u.until, err = u.condition(l)
	return u, err
}

// condition is what the answer must say.
func (u urlSpec) condition(l step.Line) (Condition, error) {
	path, isJSON := l.Option("json")
	selector, isMetric := l.Option("metric")
	in, hasIn := l.Option("in")
	most, hasMost := l.Option("at-most")
	switch {
	case isJSON && isMetric:
		return nil, selector.Expected("expected json= or metric=, got both")
	case hasIn && !isJSON:
		return nil, in.Expected("in= goes with json=PATH, and names the values that are waited for")
	case hasMost && !isJSON && !isMetric:
		return nil, most.Expected("at-most= goes with metric= or json=")
	case isJSON && hasIn == hasMost:
		return nil, path.Expected("json=PATH needs either in=A,B or at-most=N, to know what is waited for")
	case isMetric && !hasMost:
		return nil, selector.Expected("metric= needs at-most=N, to know what is waited for")
	case isMetric:
		return metric(l, selector, most)
	case isJSON:
		return u.json(path, in, most)
	}
	return Status{Statuses: u.request.Expect}, nil
}

func metric(l step.Line, selector, most step.Option) (Condition, error) {
	if o, ok := l.Option("expect"); ok {
		return nil, o.Expected("expect= does not go with metric=, which reads 2xx alone")
	}
	s, err := metrics.ParseSelector(selector.Value)
	if err != nil {
		return nil, selector.Refused(fmt.Errorf("metric: %w", err), `metric: expected a metric's name, as in requests_active{app="web"}, got `+selector.Got())
	}
	n, err := most.Number()
	return Metric{Selector: s, AtMost: n}, err
}

func (u urlSpec) json(path, in, most step.Option) (Condition, error) {
	at, err := ParsePath(path.Value)
	if err != nil {
		return nil, path.Refused(fmt.Errorf("json: %w", err), "json: expected a path, as .status, got "+path.Got())
	}
	c := JSON{Path: at, Expect: u.request.Expect}
	if in.Key != "" {
		c.In = strings.Split(in.Value, ",")
		return c, nil
	}
	n, err := most.Number()
	c.AtMost = &n
	return c, err
}

func (u urlSpec) Needs() step.Needs {
	n := u.wait.Needs()
	call := u.request.Call()
	call.Repeats = true
	n.Calls, n.Reads = []step.Call{call}, u.request.Files()
	return n
}

func (u urlSpec) Bind(m step.Means) (step.Deed, error) {
	return URL{Connect: u.request.Connect(m), Request: u.request.Request, Timeout: u.request.Timeout, Until: u.until, Stable: u.stable, Min: u.wait.Min}, nil
}
