package drain

import (
	"net/netip"
	"strings"
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
