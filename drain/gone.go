package drain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prestop/prestop/internal/dns"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// GoneVerb is the step that waits until DNS has lost this pod.
func GoneVerb() *step.Verb {
	return &step.Verb{Name: "until gone", Target: "NAME", Options: []string{"min", "max"},
		Does: "waits until this pod's address has left the DNS answer of NAME, and for its TTL after that", Parse: parseGone}
}

func parseGone(l *grammar.Line) (*step.Spec, error) {
	w, err := l.Target("a name", "web.default.svc.cluster.local")
	if err != nil {
		return nil, err
	}
	if w.Text == "" || strings.ContainsAny(w.Text, "/: ") {
		return nil, w.Expected("expected the name of a headless Service, as web.default.svc.cluster.local, got %s", w.Got())
	}
	wait, err := step.WaitOf(l)
	n := wait.Needs()
	n.Name, n.Looks = w.Text, goneLooks*goneEvery // after a look that has seen the address
	return n.Spec(&goneSpec{w, wait.Min}), err
}

// goneSpec is a Gone as its step describes it.
type goneSpec struct {
	name *grammar.Word
	min  time.Duration
}

// Bind makes a resolver for this step alone. The step only looks: it counts no failures, and failures of other steps do not matter.
func (g *goneSpec) Bind(m *step.Means) (step.Deed, error) {
	ip, err := netip.ParseAddr(m.Pod.IP)
	if err != nil {
		return nil, g.name.Expected("until gone needs the pod's address in POD_IP (fieldPath: status.podIP), got %q", m.Pod.IP)
	}
	return &Gone{Name: g.name.Text, Address: ip.Unmap(), Resolver: dns.System(m.MaxDNSErrors), Min: g.min}, nil
}

// Gone waits until the pod's address has left the DNS answer of a name, in several looks, and until nobody can still keep the
// last answer that had the address. Others may keep it for the largest TTL that was seen.
type Gone struct {
	Name     string
	Address  netip.Addr // the pod's
	Resolver *dns.Resolver
	Min      time.Duration
}

const (
	goneEvery = time.Second
	goneLooks = 3 // in a row
	// One look asks so many times at once, each time from another port. Behind one address there may be several nameservers. The
	// port picks one of them, and each may know something else.
	goneAsks = 3
)

// Run asks every second. The address must have been in the answer once: a name that never had it tells nothing. For its
// errors see [File.Run].
func (g *Gone) Run(ctx context.Context, log *slog.Logger) error {
	a := newAbsence(g)
	return poll{every: goneEvery, min: g.Min, look: a.look}.run(ctx, log)
}

// absence is what is remembered from look to look.
type absence struct {
	Gone
	name string // completed by a search domain, once that is known
	seen bool
	had  time.Time     // when the last answer came that had the address, or may have had it
	ttl  time.Duration // the largest of the answers that had it
	row  int           // looks in a row without the address
	gone bool          // it was not in the last answer
}

func newAbsence(g *Gone) *absence {
	a := &absence{Gone: *g, name: g.Name}
	a.Address = g.Address.Unmap()
	return a
}

func (a *absence) look(ctx context.Context) (sight, error) {
	answer, err := a.ask(ctx)
	now := time.Now()
	switch {
	case err != nil:
		a.row = 0
		if !a.gone { // the address may have been there a moment ago
			a.had = now
		}
		return sight{}, err
	case slices.Contains(answer.Addrs, a.Address):
		a.seen, a.gone, a.had, a.row = true, false, now, 0
		a.ttl, a.name = max(a.ttl, answer.TTL), answer.Name
		return sight{
			says: fmt.Sprintf("%s is in the answer of %s, with a TTL of %s", a.Address, answer.Server, answer.TTL),
			more: []string{"it stays there if the Service publishes addresses that are not ready, or if the pod is not being deleted"},
		}, nil
	case !a.seen:
		return sight{}, fmt.Errorf("%s has never had this pod's address, %s: its answer is %s; expected the name of a headless Service that selects this pod", a.Name, a.Address, shown(answer.Addrs))
	}
	if !a.gone { // somebody else may have been given the address until now
		a.had = now
	}
	a.gone = true
	if a.row++; a.row < goneLooks {
		return sight{says: fmt.Sprintf("%s has left the answer, in %d of %d looks", a.Address, a.row, goneLooks)}, nil
	}
	if now.Sub(a.had) < a.ttl {
		return sight{says: fmt.Sprintf("%s has left the answer, which others may keep for %s", a.Address, a.ttl)}, nil
	}
	return sight{met: true, says: fmt.Sprintf("%s has left the answer, and its TTL of %s is over", a.Address, a.ttl)}, nil
}

// ask asks several times. If some answers have the address, it gives the one with the largest TTL. Otherwise it gives an error, if
// there is one, or else an answer that does not have the address.
func (a *absence) ask(ctx context.Context) (*dns.Answer, error) {
	var answers [goneAsks]*dns.Answer
	var errs [goneAsks]error
	var all sync.WaitGroup
	for n := range goneAsks {
		all.Go(func() { answers[n], errs[n] = a.askOnce(ctx) })
	}
	all.Wait()
	var had *dns.Answer
	for n, answer := range answers {
		if errs[n] == nil && slices.Contains(answer.Addrs, a.Address) && (had == nil || answer.TTL > had.TTL) {
			had = answer
		}
	}
	if had != nil {
		return had, nil
	}
	return answers[0], cmp.Or(errs[:]...)
}

// askOnce takes it for an answer that there is no such name or no address. If there is no answer about the family of the pod's
// address, it fails.
func (a *absence) askOnce(ctx context.Context) (*dns.Answer, error) {
	answer, err := a.Resolver.Look(ctx, a.name)
	if e, ok := errors.AsType[*dns.Error](err); ok && (e.Outcome == dns.NotFound || e.Outcome == dns.NoAddress) {
		return &dns.Answer{}, nil
	}
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddrPort(answer.Server); err != nil {
		file := answer.Server
		if file != "" {
			file = ", which is in " + file
		}
		return nil, fmt.Errorf("no nameserver is asked for %s%s, so its answer tells nothing", a.name, file)
	}
	missed := answer.MissedV6
	if a.Address.Is4() {
		missed = answer.MissedV4
	}
	return answer, missed
}

func shown(addresses []netip.Addr) string {
	if len(addresses) == 0 {
		return "empty"
	}
	return fmt.Sprint(addresses)
}

// Check looks once.
func (g *Gone) Check(ctx context.Context) ([]step.Finding, error) {
	s, err := newAbsence(g).look(ctx)
	if err == nil {
		return []step.Finding{step.Found(s.says)}, nil // only a run says what may keep the address there
	}
	if _, why := g.Resolver.Look(ctx, g.Name); why != nil { // there may be no such name
		return []step.Finding{step.Warned(why.Error())}, err
	}
	return nil, err
}
