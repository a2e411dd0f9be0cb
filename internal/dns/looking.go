package dns

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
)

type lookingKey struct{}

// Looking is ctx for those who only look, as a dry run does. With it, [Resolver.Lookup] and [Resolver.DialContext] count no failure and
// wait for no turn, as [Resolver.Look] does. Before Lookup returns, tell gets a line about each answer, unless the host is an address itself.
func Looking(ctx context.Context, tell func(string)) context.Context {
	return context.WithValue(ctx, lookingKey{}, tell)
}

// line says what the addresses are, who said so, and for how long they hold. It is empty for a host that is an address itself.
func (a *Answer) line() string {
	text := "resolved to " + shown(a.Addrs) + " by " + a.Server
	switch {
	case a.TTL > 0:
		return text + ", ttl " + a.TTL.String()
	case a.Server != "":
		return text
	case isLocalhost(strings.TrimSuffix(a.Name, ".")):
		return text + "nobody: localhost is never asked for"
	}
	return ""
}

// shown are the first of the addresses: a headless Service may have thousands.
func shown(addrs []netip.Addr) string {
	const most = 3
	text := strings.Trim(fmt.Sprint(addrs[:min(len(addrs), most)]), "[]")
	if n := len(addrs) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
