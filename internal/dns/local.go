package dns

import (
	"net/netip"
	"strings"
)

// local answers what no nameserver is asked: addresses, what the hosts file has, and the names of this machine.
func (r *Resolver) local(host string) (Answer, bool) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return Answer{Addrs: []netip.Addr{addr}, Name: host}, true
	}
	name := strings.TrimSuffix(host, ".")
	if addrs := parseHosts(readFile(r.Hosts), name); len(addrs) > 0 {
		return Answer{Addrs: addrs, Name: host, Server: r.Hosts}, true
	}
	if isLocalhost(name) {
		return Answer{Addrs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, Name: host}, true
	}
	return Answer{}, false
}

// isLocalhost follows RFC 6761: localhost and all below it is this machine, and DNS is not to be asked.
func isLocalhost(name string) bool {
	name = strings.ToLower(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}
