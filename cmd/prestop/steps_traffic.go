package main

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/prestop"
)

// quietMin is how long an until quiet looks at least: before, the rest of the cluster may not have heard of the pod's end. A
// shorter max= beats it.
const quietMin = 10 * time.Second

func (b *builder) untilQuiet(p parsed) (prestop.Entry, error) {
	w, err := p.target("a port, as in until quiet 8080")
	if err != nil {
		return prestop.Entry{}, err
	}
	if _, ok := p.option("min"); !ok {
		least := quietMin
		if o, ok := p.option("max"); ok {
			if most, err := parseSeconds(o.Value); err == nil {
				least = min(least, most)
			}
		}
		p.options = append(p.options, line.Option{Key: "min", Value: least.String()})
	}
	entry, err := b.until(p)
	if err != nil {
		return entry, err
	}
	q := drain.Quiet{Min: p.min()}
	if q.Ports, err = ports(w); err != nil {
		return entry, err
	}
	err = p.quiet(&q)
	entry.Step = q
	return entry, err
}

// ports reads PORT,PORT.
func ports(w line.Word) ([]uint16, error) {
	var all []uint16
	for text := range strings.SplitSeq(w.Text, ",") {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return nil, w.Expected("expected a port from 1 to 65535, got %q", text)
		}
		all = append(all, uint16(n))
	}
	return all, nil
}

// quiet reads the options that are of until quiet alone.
func (p parsed) quiet(q *drain.Quiet) error {
	for _, o := range p.options {
		var err error
		switch o.Key {
		case "for":
			q.For, err = positive(o)
		case "unanswered":
			q.Unanswered, err = positive(o)
		case "traffic":
			if o.Value != "any" && o.Value != "new" {
				return o.Expected("traffic: expected any or new, got %q", o.Value)
			}
			q.New = o.Value == "new"
		case "allow":
			n, errNumber := strconv.ParseUint(o.Value, 10, 16)
			if errNumber != nil {
				return o.Expected("allow: expected how many connections do not count, 0 or more, got %q", o.Value)
			}
			q.Allow = int(n)
		case "ignore":
			q.Ignore, err = prefixes(o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prefixes reads CIDR,CIDR; an address alone is one too. IPv4 written as IPv6 is IPv4, as the peers are.
func prefixes(o line.Option) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for text := range strings.SplitSeq(o.Value, ",") {
		p, err := netip.ParsePrefix(text)
		if a, errAddress := netip.ParseAddr(text); errAddress == nil {
			p, err = netip.PrefixFrom(a.Unmap().WithZone(""), a.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, o.Expected("ignore: expected addresses or networks, as in 10.0.0.0/8,fd00::1, got %q", text)
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

func (b *builder) untilClosed(p parsed) (prestop.Entry, error) {
	w, err := p.target("a port, as in until closed 8080")
	if err != nil {
		return prestop.Entry{}, err
	}
	entry, err := b.until(p)
	if err != nil {
		return entry, err
	}
	all, err := ports(w)
	if err != nil {
		return entry, err
	}
	if len(all) > 1 {
		return entry, w.Expected("expected one port, got %q", w.Text)
	}
	entry.Step = drain.Closed{Port: all[0], Min: p.min()}
	return entry, nil
}

func (b *builder) untilGone(p parsed) (prestop.Entry, error) {
	w, err := p.target("a name, as in until gone web.default.svc.cluster.local")
	if err != nil {
		return prestop.Entry{}, err
	}
	if w.Text == "" || strings.ContainsAny(w.Text, "/: ") {
		return prestop.Entry{}, w.Expected("expected the name of a headless Service, as web.default.svc.cluster.local, got %q", w.Text)
	}
	entry, err := b.until(p)
	if err != nil {
		return entry, err
	}
	ip, err := netip.ParseAddr(b.pod.ip)
	if err != nil {
		return entry, w.Expected("until gone needs the pod's address in POD_IP (fieldPath: status.podIP), got %q", b.pod.ip)
	}
	entry.Step = drain.Gone{Name: w.Text, Address: ip.Unmap(), Resolver: b.resolver, Min: p.min()}
	return entry, nil
}
