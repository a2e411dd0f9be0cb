package hook

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/kube"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/prestop"
)

// A World is what a plan needs besides the configuration.
type World struct {
	Start     time.Time   // of this delivery of the hook
	Asked     kube.Answer // its zero value: the API server was not asked or did not answer
	InPod     bool        // KUBERNETES_SERVICE_HOST is set, also for somebody at a terminal
	Elsewhere bool        // see [step.Means], as for Alone
	Alone     bool
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	// ContainerID stands for the pod if the pod's UID is not known; empty: the container is not known either.
	ContainerID func() string
}

// A Plan is what the hook will do, and what is wrong with it.
type Plan struct {
	prestop.Plan
	Steps    []*Step // one for each of Entries
	Problems []config.Problem
	Warnings []Warning

	times string // the part of the plan's ID that is about times; see identity
	means *means
	hide  func(text string) string // takes secrets out of a text
}

// ReportTime is the time before the deadline that is kept for the report. The report may not take longer.
const ReportTime = time.Second

// Plan gives the steps their times, and what they need from outside.
func (s *Script) Plan(w World) *Plan {
	p := &Plan{Plan: prestop.Plan{Start: w.Start}, Steps: slices.Clone(s.Steps), Problems: slices.Clone(s.problems), Warnings: slices.Clone(s.warnings), hide: s.secrets.Hide}
	if s.config.ReportURL.V != nil {
		p.Aside = ReportTime
	}
	s.budget(p, w.Asked.Grace)
	p.Floor, p.Fallback = s.floor(p.Budget()), s.config.AdditionalWait.V
	p.means = &means{start: w.Start, values: step.NewValues(givers(p.Steps), s.hideGiven)}
	m := s.means(p, w)
	for n := range p.Steps {
		p.Entries = append(p.Entries, s.entry(p, n, m))
	}
	s.warnTimes(p)
	for _, text := range w.Asked.Wrong {
		p.warn("api-not-read", NoStep, "%s", text)
	}
	p.times = s.identity(p, w.Asked.Skip)
	return p
}

// entry is the plan's entry for a step. Some mistakes show only here, for example a missing setting. The step then cannot be read either.
func (s *Script) entry(p *Plan, n int, m *step.Means) prestop.Entry {
	one := p.Steps[n]
	e := prestop.Entry{Line: one.Line, Once: one.Words.Once, Least: one.Needs.Least, Most: one.Needs.Most, Want: one.Needs.Want, Early: max(0, min(one.Needs.Early, one.Needs.Least-one.Needs.Looks)), FromStart: one.Needs.FromStart, Guard: one.Needs.Guard}
	if calls := one.Needs.Calls; len(calls) > 0 && calls[0].Condition { // without its condition the step is over at once
		e.Early = e.Least
	}
	if one.Needs.Default {
		e.Yields, e.Most = true, p.Budget()
		if s.config.AdditionalWait.IsSet() {
			e.Most = s.config.AdditionalWait.V
		}
	}
	if one.Spec != nil {
		m.Content = one.secrets.Content
		bound, err := one.Spec.Bind(m)
		if err == nil {
			e.Step = one.secrets.Step(bound)
			return e
		}
		unbound := *one // a copy: the step belongs to the script, and other plans may use it
		unbound.Spec, unbound.Err = nil, err
		one, p.Steps[n] = &unbound, &unbound
		p.Problems = append(p.Problems, s.problem(n, one))
	}
	e = prestop.Entry{Line: one.Line, Step: mistake{one.Err}, Guard: true, Most: s.config.AdditionalWait.V}
	if !m.Elsewhere { // in a manifest it may still be mended, and then takes its own time
		e.Early = -e.Most
	}
	return e
}

// mistake takes the place of a step that cannot be read. It fails, and all of its time is waited out: others may rely on the step's time.
type mistake struct{ error }

func (m mistake) Run(context.Context, *slog.Logger) error {
	return fmt.Errorf("cannot be read: %w", m)
}

func (m mistake) Unwrap() []error { return []error{m.error, prestop.ErrKeepsWait} }

// means is what all steps of a plan share.
type means struct {
	start  time.Time
	values *step.Values
	mu     sync.Mutex // of ends
	ends   []func()
}

func (m *means) keep(end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ends = append(m.ends, end)
}

// release ends the connections that are kept for a next call: a server that is about to end may wait for their end.
func (m *means) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, end := range m.ends {
		end()
	}
}

// hideGiven hides a value that a server gave, unless the value is public. Its name is shown instead.
func (s *Script) hideGiven(name, text string) {
	if !grammar.Public("", text) {
		s.secrets.AddVariable(name, text)
	}
}

// givers are the lines that give values to later lines, by the names of the values.
func givers(steps []*Step) map[string]string {
	all := map[string]string{}
	for _, one := range steps {
		if name := one.Needs.Gives; name != "" {
			all[name] = one.Line
		}
	}
	return all
}

// GoOn makes this the plan of a later delivery. age is how long before this delivery the hook began, and earlier is what it had done.
// Values that steps give are not on record. So if a step that is still to be done takes a value, the step that gives it is done again.
func (p *Plan) GoOn(earlier prestop.Report, age time.Duration) {
	p.Age, p.Earlier = age, earlier
	p.means.start = p.Start.Add(-age)
	steps := slices.Clone(earlier.Steps)
	p.Earlier.Steps = steps
	ended := func(n int) bool { return n < len(steps) && steps[n].Outcome != prestop.Running }
	for n, one := range slices.Backward(p.Steps) { // a step that is done again may take a value of one before it
		if ended(n) && steps[n].Outcome == prestop.Failed && (one.Err != nil || len(one.Needs.Takes) > 0) {
			p.Floor = max(p.Floor, p.Fallback) // it cannot be read, or perhaps a value was missing
		}
		if name := one.Needs.Gives; name != "" && one.Err == nil && ended(n) {
			for later := n + 1; later < len(p.Steps); later++ {
				if !ended(later) && slices.Contains(p.Steps[later].Needs.Takes, name) {
					steps[n].Outcome = prestop.Running
				}
			}
		}
	}
}

// Means are the means for what is done outside the plan.
func (s *Script) Means(w World) *step.Means {
	return s.means(s.Plan(w), w)
}

// means are what the steps are given.
func (s *Script) means(p *Plan, w World) *step.Means {
	pod := s.config.Pod
	return &step.Means{
		Dial: w.Dial, MaxDNSErrors: s.config.MaxDNSErrors.V,
		Secret: s.secrets.File, Password: s.secrets.Password,
		Keep: p.means.keep, Release: p.means.release, Values: p.means.values,
		Pod: step.Pod{Name: pod.Name, Namespace: pod.Namespace, IP: pod.IP, ID: func() string {
			if pod.UID != "" {
				return pod.UID
			}
			return w.ContainerID()
		}},
		InPod: w.InPod, Elsewhere: w.Elsewhere, Alone: w.Alone, DryRun: s.config.DryRun.V,
		Start: func() time.Time { return p.means.start }, Deadline: p.Deadline(),
		Type: func(word string) string {
			switch {
			case word != step.TypeAuto:
				return word
			case w.Asked.Remove:
				return step.TypeRemove
			}
			return step.TypeRestart
		},
		App: s.app(), Elasticsearch: s.elasticsearch(),
	}
}

// identity is the part of the times that two deliveries of one hook have in common. What the API server says is no part of it, since
// the server may fail to answer one of them. But a delivery that makes no waits is not the beginning of one that makes them.
func (s *Script) identity(p *Plan, skips bool) string {
	grace, reserve, wait := p.Grace, p.Reserve, p.Floor
	if s.config.AskAPI.V {
		grace, reserve, wait = s.config.GracePeriod.V, s.config.Reserve.V, s.config.AdditionalWait.V
	}
	return fmt.Sprintf("%s %s %s %t", grace, reserve, wait, skips)
}

// ID is the same for two deliveries of one hook, and different for any other hook.
func (p *Plan) ID() string {
	var text strings.Builder
	for _, e := range p.Entries {
		fmt.Fprintf(&text, "%q\n", e.Line)
	}
	return text.String() + p.times
}
