package dns

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"
)

func unasked(t *testing.T) exchanger {
	return func(_ context.Context, _ netip.AddrPort, q mdns.Question, _ bool) (*mdns.Msg, error) {
		t.Errorf("a nameserver was asked for %s", q.Name)
		return nil, context.Canceled
	}
}

func TestLocalAnswers(t *testing.T) {
	t.Parallel()
	const hosts = `
# 10.0.0.9 es
10.0.0.1	es.default.svc  es  # es2
fd00::1 es
10.0.0.2 ES
10.0.0.1 es
not-an-ip es
10.0.0.300 es
10.0.0.3
	10.0.0.4 indented#comment
fe80::1%eth0 scoped
::ffff:10.0.0.5 mapped
10.0.0.6 dev.localhost
`
	for _, c := range []struct {
		host string
		want []netip.Addr
	}{
		{"es", addrs("10.0.0.1", "10.0.0.2", "fd00::1")},
		{"Es.Default.SVC.", addrs("10.0.0.1")},
		{"indented", addrs("10.0.0.4")},
		{"scoped", addrs("fe80::1%eth0")},
		{"mapped", addrs("10.0.0.5")},
		{"localhost", addrs("127.0.0.1", "::1")},
		{"LOCALHOST.", addrs("127.0.0.1", "::1")},
		{"a.b.localhost", addrs("127.0.0.1", "::1")},
		{"dev.localhost", addrs("10.0.0.6")},
		{"10.1.2.3", addrs("10.1.2.3")},
		{"::1", addrs("::1")},
		{"fe80::2%lo", addrs("fe80::2%lo")},
	} {
		r := &Resolver{Hosts: file(t, hosts), exchange: unasked(t)}
		if have, err := r.Lookup(t.Context(), c.host); err != nil || !slices.Equal(have, c.want) {
			t.Errorf("%s: have %v, %v; want %v", c.host, have, err, c.want)
		}
		if have, err := r.Look(t.Context(), c.host); err != nil || !slices.Equal(have.Addrs, c.want) {
			t.Errorf("%s: Look has %v, %v; want %v", c.host, have.Addrs, err, c.want)
		}
	}
	r := &Resolver{Hosts: file(t, "127.0.0.5 localhost\n")}
	if have, err := r.Look(t.Context(), "localhost"); err != nil || !slices.Equal(have.Addrs, addrs("127.0.0.5")) || have.Server != r.Hosts {
		t.Errorf("have %v, %v; want the hosts file's localhost", have, err)
	}
}

func TestHostsFileHasNot(t *testing.T) {
	t.Parallel()
	text := "10.0.0.1 es2\n10.0.0.2 #es\n10.0.0.3 es.default\nes 10.0.0.4\n10.0.0.5\n"
	for _, name := range []string{"es", "", "10.0.0.5", "notlocalhost"} {
		if have := parseHosts(text, name); have != nil {
			t.Errorf("%q has %v", name, have)
		}
	}
}

// What is cut off a file that is too large takes the rest of its line with it.
func TestHostsFileIsBounded(t *testing.T) {
	t.Parallel()
	line := "10.0.0.1 es"
	path := file(t, strings.Repeat("#", maxFile-len(line)-1)+"\n"+line+"-long\n10.0.0.2 other\n")
	text := readFile(path)
	if len(text) >= maxFile || parseHosts(text, "es") != nil || parseHosts(text, "other") != nil {
		t.Errorf("%d bytes read", len(text))
	}
}

func FuzzHosts(f *testing.F) {
	f.Add("127.0.0.1 localhost\n::1 localhost ip6-localhost # comment\n10.0.0.1\tpod.ns.svc pod\r\n", "pod")
	f.Add("fe80::1%eth0 a\n::ffff:1.2.3.4 A\n1.2.3.4 a", "a")
	f.Add("#\n##\n \t\n10.0.0.1 #", "")
	f.Add("\x00 \xff", "\xff")
	f.Fuzz(func(t *testing.T, text, name string) {
		have := parseHosts(text, name)
		for i, addr := range have {
			if !addr.IsValid() || addr.Is4In6() || slices.Contains(have[:i], addr) || i > 0 && addr.Is4() && have[i-1].Is6() {
				t.Errorf("%v", have)
			}
		}
		if len(have) > 0 && !strings.Contains(strings.ToLower(text), strings.ToLower(name)) && isASCII(name) && isASCII(text) {
			t.Errorf("%q is not in %q", name, text)
		}
	})
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) }
