package drain

import (
	"cmp"
	"net/netip"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/step"
)

// quietMin is how long an until quiet looks at least: before, the rest of the cluster may not have heard of the pod's end. A
// shorter max= of the step beats it.
const quietMin = 10 * time.Second

// QuietVerb is the step that waits for silence.
func QuietVerb() step.Verb {
	return step.Verb{Name: "until quiet", Target: "PORT[,PORT]", Options: []string{"for", "min", "max", "traffic", "allow", "unanswered", "ignore"},
		Does: "waits until no payload has gone over these ports for 3s, and nobody waits for an answer; seen in the kernel", Parse: parseQuiet}
}

// quietSpec is a Quiet as its step describes it.
type quietSpec struct {
	quiet Quiet // without its Min
	wait  step.Wait
}

func parseQuiet(l step.Line) (step.Spec, error) {
	var q quietSpec
	var err error
	if q.wait, err = l.Wait(); err != nil {
		return nil, err
	}
	if !q.wait.HasMin {
		q.wait.Min = quietMin
		if q.wait.HasMax {
			q.wait.Min = min(quietMin, q.wait.Max)
		}
	}
	if len(l.Targets) > 0 {
		w, err := l.Target("a port, as in until quiet 8080")
		if err != nil {
			return nil, err
		}
		if q.quiet.Ports, err = w.Ports(); err != nil {
			return nil, err
		}
	}
	for _, o := range l.Options {
		if err := q.option(o); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (q *quietSpec) option(o step.Option) (err error) {
	switch o.Key {
	case "for":
		q.quiet.For, err = o.Positive()
	case "unanswered":
		q.quiet.Unanswered, err = o.Positive()
	case "traffic":
		if o.Value != "any" && o.Value != "new" {
			return o.Expected("traffic: expected any or new, got %s", o.Got())
		}
		q.quiet.New = o.Value == "new"
	case "allow":
		q.quiet.Allow, err = o.Count(0, "how many connections do not count")
	case "ignore":
		q.quiet.Ignore, err = prefixes(o)
	}
	return err
}

// prefixes reads CIDR,CIDR; an address alone is one too. IPv4 written as IPv6 is IPv4, as the peers are.
func prefixes(o step.Option) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for text := range strings.SplitSeq(o.Value, ",") {
		p, err := netip.ParsePrefix(text)
		if a, errAddress := netip.ParseAddr(text); errAddress == nil {
			p, err = netip.PrefixFrom(a.Unmap().WithZone(""), a.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, o.Expected("ignore: expected addresses or networks, as in 10.0.0.0/8,fd00::1, got %s", o.Got())
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

func (q quietSpec) Needs() step.Needs {
	n := q.wait.Needs()
	n.Ports = q.quiet.Ports
	n.Quiet = &step.Quiet{For: cmp.Or(q.quiet.For, defaultFor), Allow: q.quiet.Allow, New: q.quiet.New, Peers: len(q.quiet.Ignore) > 0}
	return n
}

func (q quietSpec) Bind(step.Means) (step.Deed, error) {
	q.quiet.Min = q.wait.Min
	return q.quiet, nil
}
