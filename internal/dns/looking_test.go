package dns

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestLooking(t *testing.T) {
	t.Parallel()
	known := serve(t, zone{
		"web.svc.test.": {"web.svc.test. 5 IN A 10.0.0.7", "web.svc.test. 5 IN AAAA fd00::7"},
		"gone.test.":    nil,
		"now.test.":     {"now.test. 0 IN A 10.0.0.8"},
		"many.test.":    {"many.test. 30 IN A 10.0.0.1", "many.test. 30 IN A 10.0.0.2", "many.test. 30 IN A 10.0.0.3", "many.test. 30 IN A 10.0.0.4", "many.test. 30 IN A 10.0.0.5"},
	}.handle)
	broken := serve(t, fails(2))
	dead := serve(t, silent)
	for name, test := range map[string]struct {
		server netip.AddrPort
		host   string
		line   string // what is told; empty: nothing
		err    string
	}{
		"a name":                   {known.addr, "web.svc.test", "resolved to 10.0.0.7 fd00::7 by SERVER, ttl 5s", ""},
		"by the search list":       {known.addr, "web", "resolved to 10.0.0.7 fd00::7 by SERVER, ttl 5s", ""},
		"a TTL of 0":               {known.addr, "now.test", "resolved to 10.0.0.8 by SERVER", ""},
		"many":                     {known.addr, "many.test", "resolved to 10.0.0.1 10.0.0.2 10.0.0.3 and 2 more by SERVER, ttl 30s", ""},
		"in the hosts file":        {dead.addr, "app", "resolved to 10.9.9.9 by HOSTS", ""},
		"localhost":                {dead.addr, "localhost", "resolved to 127.0.0.1 ::1 by nobody: localhost is never asked for", ""},
		"below localhost":          {dead.addr, "app.localhost.", "resolved to 127.0.0.1 ::1 by nobody: localhost is never asked for", ""},
		"an address":               {dead.addr, "10.1.2.3", "", ""},
		"no such name":             {known.addr, "nobody.test", "", "lookup nobody.test: NXDOMAIN from SERVER"},
		"no address":               {known.addr, "gone.test", "", "NODATA from SERVER"},
		"the nameserver fails":     {broken.addr, "web.svc.test", "", "SERVFAIL from SERVER"},
		"a dead nameserver":        {dead.addr, "web.svc.test", "", "timeout, asked SERVER"},
		"no nameserver":            {closed(t), "web.svc.test", "", "no nameserver reachable, asked SERVER"},
		"no possible name":         {known.addr, "a b", "", "invalid name"},
		"a name full of addresses": {known.addr, "1.2.3", "", "invalid name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := resolver(t, "search svc.test\n", test.server)
			r.Hosts = file(t, "10.9.9.9 app\n")
			actual := strings.NewReplacer("SERVER", test.server.String(), "HOSTS", r.Hosts)
			ctx := within10s(t)
			if strings.Contains(test.err, "timeout") {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			for range 2 { // the second is as quick, since no failure was counted
				var told []string
				_, err := r.Lookup(Looking(ctx, func(line string) { told = append(told, line) }), test.host)
				if want := actual.Replace(test.line); strings.Join(told, "\n") != want {
					t.Errorf("told %q, want %q", told, want)
				}
				if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), actual.Replace(test.err)) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				if err != nil && strings.Contains(test.err, "timeout") {
					break // all the time is used
				}
			}
			if s := r.failures.of(test.host); s.length > 0 {
				t.Errorf("a look counts: %v", s.last)
			}
		})
	}
}

// The resolver that gives a host up after one failure does not for a look.
func TestLookingCountsNothing(t *testing.T) {
	t.Parallel()
	r := resolver(t, "", serve(t, fails(2)).addr)
	looking := Looking(within10s(t), func(string) {})
	for range 3 {
		if _, err := r.Lookup(looking, "web.test"); err == nil || strings.Contains(err.Error(), "given up") {
			t.Error(err)
		}
	}
	if _, err := r.Lookup(within10s(t), "web.test"); err == nil || !strings.Contains(err.Error(), "given up after 1 failure:") {
		t.Errorf("a real look-up is the first that fails: %v", err)
	}
}
