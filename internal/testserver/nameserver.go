package testserver

import (
	"context"
	"errors"
	"net"
)

// answers gives a function for Start that asks a nameserver for a name. "No such name" is an answer too.
func answers(address, name string) func(context.Context) error {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	return func(ctx context.Context) error {
		_, err := r.LookupNetIP(ctx, "ip4", name)
		if e := (*net.DNSError)(nil); errors.As(err, &e) && e.IsNotFound {
			return nil
		}
		return err
	}
}
