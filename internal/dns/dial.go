package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	maxDial   = 10 * time.Second
	maxListed = 8 // addresses in an error's text
)

// DialContext connects to a host and port, as (*net.Dialer).DialContext does. It tries each address of the host in turn, each with an
// even share of the time that is left then, and ends a little before ctx does. Its errors are those of [Resolver.Lookup], or an error
// that names the addresses tried and wraps what came of each. If ctx was cancelled, that error wraps context.Cause(ctx) too.
//
// A context without a deadline gets one of 10 s. Such contexts are usual here: an http.Transport dials with the values of its request's
// context, but without its deadline and its cancellation.
func (r *Resolver) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, maxDial)
		defer cancel()
	}
	addrs, err := r.Lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	v4, v6 := strings.HasSuffix(network, "4"), strings.HasSuffix(network, "6")
	failed := &dialError{to: network + " " + address}
	for i, addr := range addrs {
		if ctx.Err() != nil || v4 && !addr.Is4() || v6 && addr.Is4() {
			continue
		}
		conn, err := r.dialOne(ctx, network, net.JoinHostPort(addr.String(), port), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		tried := addr.String() + ": "
		if addr.String() == host {
			tried = ""
		}
		failed.add(tried, err)
	}
	switch {
	case ctx.Err() != nil:
		failed.add("cut: ", context.Cause(ctx))
	case failed.errs == nil:
		failed.add(network+": ", errors.New("the host has no address of this family"))
	}
	return nil, failed
}

func (r *Resolver) dialOne(ctx context.Context, network, address string, remaining int) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeLeft(ctx)/time.Duration(remaining))
	defer cancel()
	if r.connect != nil {
		return r.connect(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// dialError is the failure to connect to any address of a host.
type dialError struct {
	to    string
	tried []string
	errs  []error
}

func (e *dialError) add(tried string, err error) {
	e.errs = append(e.errs, err)
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // the text names the addresses already
	}
	e.tried = append(e.tried, tried+err.Error())
}

func (e *dialError) Error() string {
	tried := e.tried
	if n := len(tried) - maxListed; n > 0 {
		tried = append(slices.Clone(tried[:maxListed]), fmt.Sprintf("and %d more", n))
	}
	return "dial " + e.to + ": " + strings.Join(tried, "; ")
}

func (e *dialError) Unwrap() []error { return e.errs }
