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
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/prestop"
)

// A World is what a plan needs beside the configuration.
type World struct {
	Start time.Time // of this delivery of the hook
	Asked Asked
	InPod bool
	// Elsewhere: the plan is of a container that we are not in, as in a manifest.
	Elsewhere bool
	Alone     bool // see [step.Means]
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	// ContainerID stands for the pod where its UID is not known; empty: it is not known either.
	ContainerID func() string
}

// Asked is what the API server said. Its zero value is that it was not asked or did not answer.
type Asked struct {
	Grace time.Duration // of the pod, as the kubelet counts it; 0: not known
	Skip  bool          // the pod is certainly not being deleted, and no wait is to be made
	Type  string        // what the shutdown type auto comes to; empty: restart
}

// A Plan is what the hook will do, and what is wrong with it.
type Plan struct {
	prestop.Plan
	Steps    []*Step // beside Entries
	Problems []config.Problem
	Warnings []Warning

	askedOnly string // what of the times is the API server's word, and no part of the plan's identity
	means     *means
}

// ReportTime is kept before the deadline for the report, and all that it may take.
const ReportTime = time.Second

// Plan gives the steps times, and what they need of the world.
func (s *Script) Plan(w World) *Plan {
	p := &Plan{Plan: prestop.Plan{Start: w.Start}, Steps: slices.Clone(s.Steps), Problems: slices.Clone(s.problems), Warnings: slices.Clone(s.warnings)}
	if s.config.ReportURL.V != nil {
		p.Aside = ReportTime
	}
	s.budget(p, w.Asked)
	p.Floor, p.Fallback = s.floor(p.Budget()), s.config.AdditionalWait.V
	p.means = &means{start: w.Start, values: step.NewValues(givers(p.Steps), s.hideGiven)}
	m := s.means(p, w)
	for n := range p.Steps {
		p.Entries = append(p.Entries, s.entry(p, n, m))
	}
	s.warnTimes(p, w.Asked)
	p.askedOnly = s.identity(p, w.Asked)
	return p
}

// entry is a step's place in the plan. A mistake that shows only here, since a setting is missing, makes it unreadable.
func (s *Script) entry(p *Plan, n int, m *step.Means) prestop.Entry {
	one := p.Steps[n]
	e := prestop.Entry{Line: one.Line, Once: one.Once, Least: one.Needs.Least, Most: one.Needs.Most, Want: one.Needs.Want, FromStart: one.Needs.FromStart, Guard: one.Needs.Guard}
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
		unbound := *one // it is the script's, of which there may be other plans
		unbound.Spec, unbound.Err = nil, err
		one, p.Steps[n] = &unbound, &unbound
		p.Problems = append(p.Problems, s.problem(n, one))
	}
	return prestop.Entry{Line: one.Line, Step: mistake{one.Err}, Guard: true, Most: s.config.AdditionalWait.V}
}

// mistake stands for a step that cannot be read: others may rely on the time that it would have taken.
type mistake struct{ error }

func (m mistake) Run(context.Context, *slog.Logger) error {
	return fmt.Errorf("cannot be read: %w", m.error)
}

// means is what all steps of a plan share.
type means struct {
	mu     sync.Mutex
	start  time.Time
	ends   []func()
	values *step.Values
}

func (m *means) keep(end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ends = append(m.ends, end)
}

// release ends the connections that are kept for the next call: a server that is about to end may wait for them.
func (m *means) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, end := range m.ends {
		end()
	}
}

// hideGiven keeps what a server gave out of what is said: the name is shown instead.
func (s *Script) hideGiven(name, text string) {
	if !grammar.Public("", text) {
		s.secrets.AddVariable(name, text)
	}
}

// givers are the lines that give values to later ones, by the values' names.
func givers(steps []*Step) map[string]string {
	all := map[string]string{}
	for _, one := range steps {
		if name := one.Needs.Gives; name != "" {
			all[name] = one.Line
		}
	}
	return all
}

// GoOn makes the plan that of a later delivery: the hook began so long before this one did, and had done what Earlier says. What
// a step has given to one that is still to be done is not on record, so that it is asked again.
func (p *Plan) GoOn(age time.Duration) {
	p.Age = age
	p.means.start = p.Start.Add(-age)
	steps := slices.Clone(p.Earlier.Steps)
	ended := func(n int) bool { return n < len(steps) && p.Earlier.Steps[n].Outcome != prestop.Running }
	for n, one := range p.Steps {
		if ended(n) && steps[n].Outcome == prestop.Failed && len(one.Needs.Takes) > 0 {
			p.Floor = max(p.Floor, p.Fallback) // it may have been for lack of a value
		}
		if name := one.Needs.Gives; name != "" && ended(n) {
			for later := n + 1; later < len(p.Steps); later++ {
				if !ended(later) && slices.Contains(p.Steps[later].Needs.Takes, name) {
					steps[n].Outcome = prestop.Running
				}
			}
		}
	}
	p.Earlier.Steps = steps
}

// Means are for what is done beside the plan.
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
			case w.Asked.Type != "":
				return w.Asked.Type
			}
			return step.TypeRestart
		},
		App: s.app(), Elasticsearch: s.elasticsearch(),
	}
}

// identity is what of the times two deliveries of one hook have in common. What the API server says is no part of it, since it
// may fail to answer one of them; but one that makes no waits is no other's beginning.
func (s *Script) identity(p *Plan, a Asked) string {
	grace, reserve, wait := p.Grace, p.Reserve, p.Floor
	if s.config.AskAPI.V {
		grace, reserve, wait = s.config.GracePeriod.V, s.config.Reserve.V, s.config.AdditionalWait.V
	}
	return fmt.Sprintf("%s %s %s %t", grace, reserve, wait, a.Skip)
}

// ID is the same for two deliveries of one hook, and another for any other hook.
func (p *Plan) ID() string {
	var text strings.Builder
	for _, e := range p.Entries {
		fmt.Fprintf(&text, "%q\n", e.Line)
	}
	return text.String() + p.askedOnly
}
