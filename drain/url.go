package drain

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
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

func parseURL(l *grammar.Line) (*step.Spec, error) {
	w, err := l.Target("a URL", "")
	if err != nil {
		return nil, err
	}
	var u urlSpec
	if u.Spec, err = request.Parse(l, http.MethodGet, w); err != nil {
		return nil, err
	}
	wait, err := step.WaitOf(l)
	if err != nil {
		return nil, err
	}
	u.met = URL{Timeout: u.Timeout, Stable: 1, Min: wait.Min}
	if o, ok := l.Option("stable"); ok {
		if u.met.Stable, err = o.Count(1, "how many looks in a row"); err != nil {
			return nil, err
		}
	}
	if o, ok := l.Option("met-by"); ok {
		if u.met.MetBy, err = metBy(o); err != nil {
			return nil, err
		}
	}
	if u.met.Until, err = condition(l, u.Expect); err != nil {
		return nil, err
	}
	n := wait.Needs()
	n.Calls, n.Reads, n.Takes = u.Calls(), u.Files(), u.Takes()
	n.Calls[len(n.Calls)-1].Repeats = true
	n.Looks = time.Duration(u.met.Stable-1) * askEvery
	return n.Spec(&u), nil
}

// urlSpec is a URL as its step describes it.
type urlSpec struct {
	request.Spec
	met URL // without the client and the request
}

func (u *urlSpec) Bind(m *step.Means) (step.Deed, error) {
	client := u.Client(m)
	return u.Step(m, client, u.Request, func(r web.Request) step.Deed {
		asked := u.met
		asked.Client, asked.Request = client, r
		asked.Request.Expect = slices.Concat(u.Expect, u.met.MetBy)
		return &asked
	}), nil
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
func condition(l *grammar.Line, expect web.Statuses) (Condition, error) {
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
		return jsonValue(l, path, bounds, expect)
	}
	return Status{Statuses: expect}, nil
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

func jsonValue(l *grammar.Line, path *grammar.Option, bounds Bounds, expect web.Statuses) (Condition, error) {
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
	c := JSON{Path: at, Bounds: bounds, Expect: expect}
	if hasIn {
		c.In = strings.Split(in.Value, ",")
	}
	if hasNotIn {
		c.NotIn = strings.Split(notIn.Value, ",")
	}
	return c, nil
}

// A URL is asked every second until its answer meets a condition.
type URL struct {
	Client  *web.Client
	Request web.Request
	Timeout time.Duration // of one look; 0: 10 s, at most a third of the time that the step has
	MetBy   web.Statuses  // statuses that meet it whatever Until says; none given: none
	Until   Condition
	Stable  int           // looks in a row that meet it; 0: 1
	Min     time.Duration // how long to go on looking at least
}

const (
	askEvery = time.Second
	askSays  = 5 * time.Second // the log says no more often what is answered
)

// Run asks until the condition is met. See [File.Run] for its errors.
func (u *URL) Run(ctx context.Context, log *slog.Logger) error {
	timeout := cmp.Or(u.Timeout, web.MaxTry)
	if deadline, ok := ctx.Deadline(); ok && u.Timeout == 0 {
		timeout = web.Timeout(time.Until(deadline))
	}
	p := poll{every: askEvery, stable: u.Stable, min: u.Min, rarely: askSays, look: func(ctx context.Context) (sight, error) {
		return u.look(ctx, timeout)
	}}
	err := p.run(ctx, log)
	u.Client.Close()
	return err
}

func (u *URL) look(ctx context.Context, timeout time.Duration) (sight, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, web.ErrTry)
	defer cancel()
	r := u.Request
	judge := u.Until.judging(&r)
	a, err := u.Client.Send(ctx, r)
	if err != nil {
		return sight{}, err
	}
	if len(u.MetBy) > 0 && u.MetBy.Has(a.Status) {
		return sight{met: true, says: answered(a)}, nil
	}
	s, err := judge(a)
	if err != nil {
		return sight{}, fmt.Errorf("%s: %w", web.Place(a.URL), err)
	}
	return s, nil
}

// Check says how the URL is reached, asks once, and says what is the case now.
func (u *URL) Check(ctx context.Context) ([]step.Finding, error) {
	all, err := request.Reach(ctx, u.Client, u.Request.URL)
	if err != nil {
		return all, err
	}
	s, err := u.look(ctx, cmp.Or(u.Timeout, web.MaxTry))
	if err != nil {
		return all, err
	}
	return append(all, step.Found("asked", "now", s.says, "met", strconv.FormatBool(s.met))), nil
}
