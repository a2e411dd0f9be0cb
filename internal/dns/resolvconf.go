package dns

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

const (
	maxName  = 253 // without the final dot
	maxLabel = 63
	letters  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
)

// checkName tells why name cannot be a host name. It allows what DNS has in practice: underscores and hyphens anywhere.
func checkName(name string) error {
	name = strings.TrimSuffix(name, ".")
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(name) > maxName:
		return fmt.Errorf("it is longer than %d characters", maxName)
	case strings.Trim(name, "0123456789.") == "":
		return errors.New("it is neither a name nor a complete IP address")
	}
	for label := range strings.SplitSeq(name, ".") {
		switch rest := strings.TrimLeft(label, letters); {
		case label == "":
			return errors.New("a label is empty")
		case len(label) > maxLabel:
			return fmt.Errorf("a label is longer than %d characters", maxLabel)
		case rest != "":
			r, _ := utf8.DecodeRuneInString(rest)
			return fmt.Errorf("%q is neither letter, digit, hyphen nor underscore", r)
		}
	}
	return nil
}

// names are the names to ask for, in turn, with their final dots. A host with at least ndots dots is asked for as it is first, any other
// host as it is last. A host with a final dot is only asked for as it is.
func (c config) names(host string) ([]string, error) {
	if err := checkName(host); err != nil {
		return nil, err
	}
	list := mdns.ClientConfig{Search: c.search, Ndots: c.ndots}
	var names []string
	for _, name := range list.NameList(host) {
		if len(name) <= maxName+1 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}
