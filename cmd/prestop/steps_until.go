package main

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
)

// oneLook is what every wait for something is left, however late it begins.
const oneLook = time.Second

// until has the times of every wait for something: its max is the additional wait unless it says otherwise, and
// counts from the hook's start.
func (b *builder) until(p parsed) (e prestop.Entry, err error) {
	e = prestop.Entry{Least: oneLook, Most: time.Duration(b.additionalWait), FromStart: true, Guard: true, Yields: true}
	if o, ok := p.option("min"); ok {
		least, err := parseSeconds(o.Value)
		if err != nil {
			return e, o.Expected("min: %s", err)
		}
		e.Least = max(oneLook, least)
	}
	if o, ok := p.option("max"); ok {
		if e.Most, err = parseSeconds(o.Value); err != nil {
			return e, o.Expected("max: %s", err)
		}
		e.Yields = false
	}
	return e, nil
}

// min is the least time that a wait looks, where the step says so.
func (p parsed) min() time.Duration {
	o, _ := p.option("min")
	d, _ := parseSeconds(o.Value)
	return d
}

func (b *builder) untilURL(p parsed) (prestop.Entry, error) {
	const expected = "quiet PORT, gone NAME, closed PORT, file PATH or a URL"
	if len(p.targets) > 0 && !strings.Contains(p.targets[0].Text, ":") {
		return prestop.Entry{}, p.targets[0].Expected("expected %s after until, got %q", expected, p.targets[0].Text)
	}
	w, err := p.target(expected)
	if err != nil {
		return prestop.Entry{}, err
	}
	entry, err := b.until(p)
	if err != nil {
		return prestop.Entry{}, err
	}
	call, err := b.request(http.MethodGet, w, p)
	if err != nil {
		return prestop.Entry{}, err
	}
	u := drain.URL{Connect: call.Connect, Request: call.Request, Timeout: call.Timeout, Stable: 1}
	u.Min = p.min()
	if o, ok := p.option("stable"); ok {
		n, err := strconv.ParseUint(o.Value, 10, 16)
		if err != nil || n == 0 {
			return prestop.Entry{}, o.Expected("stable: expected how many looks in a row, 1 or more, got %q", o.Value)
		}
		u.Stable = int(n)
	}
	u.Until, err = condition(p, call.Expect)
	entry.Step = u
	return entry, err
}

// condition is what the answer must say.
func condition(p parsed, expect web.Statuses) (drain.Condition, error) {
	path, isJSON := p.option("json")
	selector, isMetric := p.option("metric")
	in, hasIn := p.option("in")
	most, hasMost := p.option("at-most")
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
		return metric(p, selector, most)
	case isJSON:
		return fromJSON(path, in, most, expect)
	}
	return drain.Status{Statuses: expect}, nil
}

func metric(p parsed, selector, most line.Option) (drain.Condition, error) {
	if o, ok := p.option("expect"); ok {
		return nil, o.Expected("expect= does not go with metric=, which reads 2xx alone")
	}
	s, err := metrics.ParseSelector(selector.Value)
	if err != nil {
		return nil, selector.Expected("metric: %s", err)
	}
	n, err := number(most)
	return drain.Metric{Selector: s, AtMost: n}, err
}

func fromJSON(path, in, most line.Option, expect web.Statuses) (drain.Condition, error) {
	at, err := drain.ParsePath(path.Value)
	if err != nil {
		return nil, path.Expected("json: %s", err)
	}
	c := drain.JSON{Path: at, Expect: expect}
	if in.Key != "" {
		c.In = strings.Split(in.Value, ",")
		return c, nil
	}
	n, err := number(most)
	c.AtMost = &n
	return c, err
}

func number(o line.Option) (float64, error) {
	n, err := strconv.ParseFloat(o.Value, 64)
	if err != nil || n != n {
		return 0, o.Expected("%s: expected a number, got %q", o.Key, o.Value)
	}
	return n, nil
}

func (b *builder) untilFile(p parsed) (prestop.Entry, error) {
	w, err := p.path("a file's path, as in until file /shared/drained")
	if err != nil {
		return prestop.Entry{}, err
	}
	entry, err := b.until(p)
	entry.Step = drain.File{Path: w.Text, Since: b.start, Min: p.min()}
	return entry, err
}
