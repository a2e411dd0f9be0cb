package drain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/dns"
)

// Gone is waited for until the pod's address has left the DNS answer of a name, in several looks, and then for as long
// as the last answer that had it may be kept by others: the largest TTL that was seen.
type Gone struct {
	Name     string
	Address  netip.Addr // the pod's
	Resolver *dns.Resolver
	Min      time.Duration
}

const (
	goneEvery = time.Second
	goneLooks = 3 // in a row, since caches behind one address may differ
)

// Run asks every second. The address must have been in the answer once: a name that never had it tells nothing. For its
// errors see [File.Run].
func (g Gone) Run(ctx context.Context, log *slog.Logger) error {
	a := absence{Gone: g, name: g.Name}
	return poll{every: goneEvery, min: g.Min, look: a.look}.run(ctx, log)
}

// absence is what is remembered from look to look.
type absence struct {
	Gone
	name string // completed by a search domain, once that is known
	seen bool
	had  time.Time     // the last answer that had the address
	ttl  time.Duration // the largest of the answers that had it
	row  int           // looks without it
}

func (a *absence) look(ctx context.Context) (sight, error) {
	answer, err := a.ask(ctx)
	if err != nil {
		a.row = 0
		return sight{}, err
	}
	if slices.Contains(answer.Addrs, a.Address) {
		a.seen, a.had, a.row = true, time.Now(), 0
		a.ttl, a.name = max(a.ttl, answer.TTL), answer.Name
		return sight{false, fmt.Sprintf("%s is in the answer of %s, with a TTL of %s; it stays there if the Service publishes addresses that are not ready, or if the pod is not being deleted",
			a.Address, answer.Server, answer.TTL)}, nil
	}
	if !a.seen {
		return sight{}, fmt.Errorf("%s has never had this pod's address, %s: its answer is %s; expected the name of a headless Service that selects this pod", a.Name, a.Address, shown(answer.Addrs))
	}
	if a.row++; a.row < goneLooks {
		return sight{false, fmt.Sprintf("%s has left the answer, in %d of %d looks", a.Address, a.row, goneLooks)}, nil
	}
	if time.Since(a.had) < a.ttl {
		return sight{false, fmt.Sprintf("%s has left the answer, which others may keep for %s", a.Address, a.ttl)}, nil
	}
	return sight{true, fmt.Sprintf("%s has left the answer, and its TTL of %s is over", a.Address, a.ttl)}, nil
}

// ask looks once. That there is no such name or no address is an answer; no answer about the address's own family is
// none.
func (a *absence) ask(ctx context.Context) (dns.Answer, error) {
	answer, err := a.Resolver.Look(ctx, a.name)
	if e, ok := errors.AsType[*dns.Error](err); ok && (e.Outcome == dns.NotFound || e.Outcome == dns.NoAddress) {
		return dns.Answer{}, nil
	}
	if err != nil {
		return answer, err
	}
	missed := answer.MissedV6
	if a.Address.Is4() {
		missed = answer.MissedV4
	}
	if e, ok := errors.AsType[*dns.Error](missed); ok && e.Outcome != dns.NotFound && e.Outcome != dns.NoAddress {
		return answer, missed
	}
	return answer, nil
}

func shown(addresses []netip.Addr) string {
	if len(addresses) == 0 {
		return "empty"
	}
	return fmt.Sprint(addresses)
}

// Check looks once.
func (g Gone) Check(ctx context.Context, log *slog.Logger) error {
	a := absence{Gone: g, name: g.Name}
	s, err := a.look(ctx)
	if err == nil {
		log.Info("looked", "now", s.says)
	}
	return err
}
