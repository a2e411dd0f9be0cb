package drain

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// quietMin is how long a wait that watches connections looks at least. Until then, the rest of the cluster may not have heard that
// the pod ends. A shorter max= of the step takes precedence.
const quietMin = 10 * time.Second

func watchTime(l *grammar.Line) (step.Wait, error) {
	w, err := step.WaitOf(l)
	if _, given := l.Option("min"); !given {
		w.Min = quietMin
		if w.HasMax {
			w.Min = min(quietMin, w.Max)
		}
	}
	return w, err
}

// QuietVerb is the step that waits for silence. The steps that one such verb reads make their handshakes together.
func QuietVerb() *step.Verb {
	probing := new(prober)
	return &step.Verb{Name: "until quiet", Target: "[PORT[/udp],…] [http2|websocket|sse|tls]", Options: []string{"for", "min", "max", "traffic", "allow", "unanswered", "ignore", "probe"},
		Does:  "waits until no payload has gone over these ports for 3s, and nobody waits for an answer; seen in the kernel",
		Parse: func(l *grammar.Line) (*step.Spec, error) { return parseQuiet(l, probing) }}
}

func parseQuiet(l *grammar.Line, probing *prober) (*step.Spec, error) {
	wait, err := watchTime(l)
	if err != nil {
		return nil, err
	}
	q := Quiet{Min: wait.Min, Max: wait.Max, probing: probing}
	if wait.Max > 0 {
		q.Max = max(wait.Max, wait.Min)
	}
	for n := range l.Targets {
		if err := q.target(n, &l.Targets[n]); err != nil {
			return nil, err
		}
	}
	for n := range l.Options {
		if err := q.option(&l.Options[n]); err != nil {
			return nil, err
		}
	}
	if len(q.UDPPorts) > 0 && len(q.Ports) == 0 {
		q.doubtOptions(l)
	}
	n := wait.Needs()
	n.Ports, n.UDP = slices.Concat(q.Ports, q.UDPPorts), q.UDPPorts
	n.Quiet = &step.Quiet{For: q.window(), Allow: q.Allow, New: q.New, Peers: len(q.Ignore) > 0}
	if wait.Max == 0 || wait.Min < wait.Max { // otherwise a plain wait
		n.Looks = n.Quiet.For
	}
	return n.Spec(&q), nil
}

// Bind notes who listens and who waits, since an app may stop listening as soon as a step before this one has told it to shut down.
func (q *Quiet) Bind(m *step.Means) (step.Deed, error) {
	bound := *q
	if m.Elsewhere || m.DryRun {
		bound.probing = nil
		return &bound, nil
	}
	m.Keep(bound.Note())
	return &bound, nil
}

// doubtOptions doubts what has no effect on datagrams alone. The kernel counts them together, and does not say who sent them.
func (q *Quiet) doubtOptions(l *grammar.Line) {
	const doubt = "%s has no effect on datagrams alone"
	if q.Protocol != "" {
		l.Doubt(grammar.OptionUnused, doubt, q.Protocol)
	}
	for _, o := range l.Options {
		if slices.Contains([]string{"traffic", "allow", "unanswered", "ignore", "probe"}, o.Key) {
			l.Doubt(grammar.OptionUnused, doubt, o.Key+"=")
		}
	}
}

// target reads the ports, which come first, or the protocol that is spoken there.
func (q *Quiet) target(n int, w *grammar.Word) error {
	switch p := Protocol(w.Text); p {
	case HTTP2, WebSocket, SSE, TLS:
		if q.Protocol != "" {
			return w.Expected("expected an option or the end of the step, got %s", w.Got())
		}
		q.Protocol = p
		return nil
	}
	if n > 0 {
		return w.Expected("expected http2 (gRPC too), websocket, sse, tls or an option after the ports; HTTP/3 is a port, as in 443/udp; got %s", w.Got())
	}
	for _, text := range strings.Split(w.Text, ",") {
		number, datagrams := strings.CutSuffix(text, "/udp")
		port, err := strconv.ParseUint(strings.TrimSuffix(number, "/tcp"), 10, 16)
		if err != nil || port == 0 {
			return w.Expected("expected ports from 1 to 65535, as in until quiet 8080 or until quiet 443,443/udp, got %s", w.Got())
		}
		if datagrams {
			q.UDPPorts = append(q.UDPPorts, uint16(port))
		} else {
			q.Ports = append(q.Ports, uint16(port))
		}
	}
	return nil
}

func (q *Quiet) option(o *grammar.Option) (err error) {
	switch o.Key {
	case "for":
		q.For, err = o.Positive()
	case "unanswered":
		q.Unanswered, err = o.Positive()
	case "traffic":
		if o.Value != "any" && o.Value != "new" {
			return o.Expected("traffic: expected any or new, got %s", o.Got())
		}
		q.New = o.Value == "new"
	case "allow":
		q.Allow, err = o.Count(0, "how many connections do not count")
	case "ignore":
		q.Ignore, err = prefixes(o)
	case "probe":
		probe := false
		probe, err = o.Bool()
		q.NoProbe = !probe
	}
	return err
}

// prefixes reads CIDR,CIDR. An address alone is allowed too. IPv4 written as IPv6 becomes IPv4, like the peers' addresses.
func prefixes(o *grammar.Option) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range strings.Split(o.Value, ",") {
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
