package dns

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const (
	maxNameservers = 3  // resolv.conf(5), and what the kubelet allows
	maxSearch      = 32 // what the kubelet allows
	maxNdots       = 15

	// The C library's defaults are 5 s and 2, 20 s for two dead nameservers: more than half of the usual grace
	// period. resolv.conf can only shorten these.
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

// parseResolvConf reads resolv.conf(5). What cannot be understood is passed over, as the C library does. Unlike
// there, no search domain is made of the host name, and the environment (LOCALDOMAIN, RES_OPTIONS) has no say.
func parseResolvConf(text string) config {
	c := config{ndots: 1, timeout: maxTimeout, attempts: maxAttempts}
	for line := range strings.Lines(text) {
		fields := fieldsBeforeComment(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			c.addNameserver(fields[1])
		case "domain":
			c.setSearch(fields[1:2])
		case "search":
			c.setSearch(fields[1:])
		case "options":
			for _, option := range fields[1:] {
				c.setOption(option)
			}
		}
	}
	if len(c.nameservers) == 0 {
		c.addNameserver("127.0.0.1")
	}
	return c
}

func fieldsBeforeComment(line string) []string {
	fields := strings.Fields(line)
	for i, field := range fields {
		if field[0] == '#' || field[0] == ';' {
			return fields[:i]
		}
	}
	return fields
}

func (c *config) addNameserver(text string) {
	addr, err := netip.ParseAddr(text)
	if err == nil && len(c.nameservers) < maxNameservers {
		c.nameservers = append(c.nameservers, netip.AddrPortFrom(addr.Unmap(), 53))
	}
}

// setSearch replaces the list: the last of all domain and search lines counts.
func (c *config) setSearch(domains []string) {
	c.search = nil
	for _, domain := range domains {
		root := domain == "."
		if (root || checkName(domain) == nil) && len(c.search) < maxSearch {
			c.search = append(c.search, strings.TrimSuffix(domain, "."))
		}
	}
}

func (c *config) setOption(option string) {
	name, value, _ := strings.Cut(option, ":")
	switch name {
	case "rotate":
		c.rotate = true
	case "use-vc":
		c.tcp = true
	case "ndots":
		c.ndots = within(value, 0, maxNdots, c.ndots)
	case "attempts":
		c.attempts = within(value, 1, maxAttempts, c.attempts)
	case "timeout":
		seconds := within(value, 1, int(maxTimeout/time.Second), int(c.timeout/time.Second))
		c.timeout = time.Duration(seconds) * time.Second
	}
}

// within is text's number, moved into its bounds, or otherwise if it is none.
func within(text string, least, most, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return otherwise
	}
	return max(least, min(n, most))
}
