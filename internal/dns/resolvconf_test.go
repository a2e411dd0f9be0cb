package dns

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseResolvConf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		change     func(*config) // of what an empty file gives
	}{
		{"empty", "", func(*config) {}},
		{"of a pod", "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n", func(c *config) {
			c.search = []string{"default.svc.cluster.local", "svc.cluster.local", "cluster.local"}
			c.nameservers = servers("10.96.0.10:53")
			c.ndots = 5
		}},
		{"comments", "# nameserver 10.0.0.1\n;nameserver 10.0.0.2\nnameserver 10.0.0.3 # and\nnameserver 10.0.0.4;no\nsearch a ;b\n", func(c *config) {
			c.nameservers = servers("10.0.0.3:53")
			c.search = []string{"a"}
		}},
		{"no IP", "nameserver dns.example\nnameserver\nnameserver 10.0.0.1:53\nnameserver 10.0.0.256\nnameserver 010.0.0.1\n", func(*config) {}},
		{"no IP and one", "nameserver dns.example\nnameserver 10.0.0.1\n", func(c *config) { c.nameservers = servers("10.0.0.1:53") }},
		{"IPv6", "nameserver fd00::a\nnameserver fe80::1%eth0\nnameserver ::ffff:10.0.0.1\n", func(c *config) {
			c.nameservers = servers("[fd00::a]:53", "[fe80::1%eth0]:53", "10.0.0.1:53")
		}},
		{"four nameservers", "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n", func(c *config) {
			c.nameservers = servers("10.0.0.1:53", "10.0.0.2:53", "10.0.0.3:53")
		}},
		{"domain last", "search a b\ndomain c d\n", func(c *config) { c.search = []string{"c"} }},
		{"search last", "domain c\nsearch a b\n", func(c *config) { c.search = []string{"a", "b"} }},
		{"search of nothing", "search a\nsearch\ndomain\n", func(c *config) { c.search = []string{"a"} }},
		{"search domains", "search a. . b..c -x " + strings.Repeat("x", 64) + " é\n", func(c *config) { c.search = []string{"a", "", "-x"} }},
		{"options", "options ndots:3 timeout:1 attempts:1 rotate use-vc edns0 single-request\noptions trust-ad\n", func(c *config) {
			c.ndots, c.timeout, c.attempts, c.rotate, c.tcp = 3, time.Second, 1, true, true
		}},
		{"options too large", "options ndots:16 timeout:30 attempts:9\n", func(c *config) { c.ndots = 15 }},
		{"options far too large", "options ndots:99999999999999999999 timeout:99999999999999999999\n", func(c *config) { c.ndots = 15 }},
		{"options too small", "options ndots:-1 timeout:0 attempts:0\n", func(c *config) { c.ndots, c.timeout, c.attempts = 0, time.Second, 1 }},
		{"options that are no numbers", "options ndots: timeout attempts:x ndots:0x5 timeout:1s\n", func(c *config) {
			c.ndots, c.timeout, c.attempts = 0, time.Second, 1 // the C library takes them for 0 too
		}},
		{"a line that never ends", "search a\nsearch " + strings.Repeat("x", 1<<16) + "\nnameserver 10.0.0.1\n", func(c *config) {
			c.search, c.nameservers = []string{"a"}, servers("10.0.0.1:53")
		}},
		{"blanks", "\n \t\n\tnameserver\t 10.0.0.1 \r\n  search   a\tb\r\n", func(c *config) {
			c.nameservers, c.search = servers("10.0.0.1:53"), []string{"a", "b"}
		}},
		{"no end of line", "nameserver 10.0.0.1", func(c *config) { c.nameservers = servers("10.0.0.1:53") }},
		{"other words", "sortlist 10.0.0.0\nnameservers 10.0.0.1\nNAMESERVER 10.0.0.1\n\x00\xff nameserver 10.0.0.1\n", func(*config) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := config{nameservers: servers("127.0.0.1:53"), ndots: 1, timeout: 2 * time.Second, attempts: 2}
			c.change(&want)
			if have := parseResolvConf(c.text); !reflect.DeepEqual(have, want) {
				t.Errorf("have %+v\nwant %+v", have, want)
			}
		})
	}
}

func TestSearchListIsBounded(t *testing.T) {
	t.Parallel()
	text := "search"
	for i := range 100 {
		text += fmt.Sprintf(" d%d", i)
	}
	if n := len(parseResolvConf(text).search); n != maxSearch {
		t.Errorf("have %d search domains, want %d", n, maxSearch)
	}
}

func TestMissingFilesAreEmpty(t *testing.T) {
	t.Parallel()
	r := &Resolver{ResolvConf: "/nonexistent/resolv.conf", Hosts: t.TempDir()}
	if have := r.config().nameservers; !slices.Equal(have, servers("127.0.0.1:53")) {
		t.Errorf("have %v, want 127.0.0.1:53", have)
	}
	if r.local("a.test") != nil {
		t.Error("a directory has hosts")
	}
}

func servers(texts ...string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, text := range texts {
		all = append(all, netip.MustParseAddrPort(text))
	}
	return all
}

func FuzzResolvConf(f *testing.F) {
	for _, seed := range []string{
		"", "nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local\noptions ndots:5\n",
		"nameserver fe80::1%eth0 # x\n;y\ndomain a\nsearch . a..b\noptions rotate timeout:99999999999999999999 attempts:-1 ndots:0x1 use-vc",
		"options\nnameserver\nsearch\n\x00\xff", "options ::: ndots::1",
	} {
		f.Add(seed, "es-http.default.svc")
	}
	f.Fuzz(func(t *testing.T, text, host string) {
		c := parseResolvConf(text)
		if n := len(c.nameservers); n < 1 || n > maxNameservers || len(c.search) > maxSearch {
			t.Errorf("%d nameservers, %d search domains", n, len(c.search))
		}
		if c.ndots < 0 || c.ndots > 15 || c.timeout < time.Second || c.timeout > maxTimeout || c.attempts < 1 || c.attempts > maxAttempts {
			t.Errorf("out of bounds: %+v", c)
		}
		for _, s := range c.nameservers {
			if !s.IsValid() || s.Port() != 53 {
				t.Errorf("nameserver %v", s)
			}
		}
		names, err := c.names(host)
		if (err == nil) != (checkName(host) == nil) || err == nil && len(names) == 0 {
			t.Errorf("%q: %v, %v", host, names, err)
		}
		for i, name := range names {
			if checkName(name) != nil || !strings.HasSuffix(name, ".") || slices.Contains(names[:i], name) {
				t.Errorf("%q of %q", name, names)
			}
		}
	})
}
