package dns

import (
	"bufio"
	"net/netip"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

const (
	maxNameservers = 3  // resolv.conf(5), and what the kubelet allows
	maxSearch      = 32 // what the kubelet allows

	// The C library's defaults are 5 s and 2 attempts. Two dead nameservers cost 20 s then: more than half of the usual grace period.
	// resolv.conf can only shorten our values.
	maxTimeout  = 2 * time.Second
	maxAttempts = 2
)

// config is what resolv.conf says.
type config struct {
	nameservers []netip.AddrPort // never none
	search      []string
	ndots       int
	timeout     time.Duration // for one nameserver to answer
	attempts    int           // rounds through all nameservers
	rotate      bool          // begin each look with the next nameserver
	tcp         bool          // options use-vc
}

// parseResolvConf reads resolv.conf(5). It ignores what it does not understand. Unlike the C library, it makes no search domain of the
// host name, and ignores the environment (LOCALDOMAIN, RES_OPTIONS).
func parseResolvConf(text string) config {
	var c config
	var kept strings.Builder
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || len(line) > bufio.MaxScanTokenSize { // the library would empty the list, or end there
			continue
		}
		kept.WriteString(line)
		if words[0] == "options" { // the library reads the other options
			c.rotate = c.rotate || slices.Contains(words, "rotate")
			c.tcp = c.tcp || slices.Contains(words, "use-vc")
		}
	}
	known, _ := mdns.ClientConfigFromReader(strings.NewReader(kept.String())) // no error: a text can be read
	c.ndots = known.Ndots
	c.timeout = min(time.Duration(known.Timeout), maxTimeout/time.Second) * time.Second
	c.attempts = min(known.Attempts, maxAttempts)
	for _, server := range known.Servers {
		if addr, err := netip.ParseAddr(server); err == nil && len(c.nameservers) < maxNameservers {
			c.nameservers = append(c.nameservers, netip.AddrPortFrom(addr.Unmap(), 53))
		}
	}
	if len(c.nameservers) == 0 {
		c.nameservers = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")}
	}
	for _, domain := range known.Search {
		if strings.ContainsAny(domain[:1], "#;") { // a comment
			break
		}
		if (domain == "." || checkName(domain) == nil) && len(c.search) < maxSearch {
			c.search = append(c.search, strings.TrimSuffix(domain, "."))
		}
	}
	return c
}
