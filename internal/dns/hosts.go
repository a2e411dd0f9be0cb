package dns

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// maxFile is how much of resolv.conf and of the hosts file is read. Some block lists come as a hosts file.
const maxFile = 1 << 20

// local answers what needs no nameserver: addresses, names in the hosts file, and the names of this machine. For any other host it is
// nil.
func (r *Resolver) local(host string) *Answer {
	if addr, err := netip.ParseAddr(host); err == nil {
		return &Answer{Addrs: []netip.Addr{addr}, Name: host}
	}
	name := strings.TrimSuffix(host, ".")
	if addrs := parseHosts(readFile(r.Hosts), name); len(addrs) > 0 {
		return &Answer{Addrs: addrs, Name: host, Server: r.Hosts}
	}
	if isLocalhost(name) {
		return &Answer{Addrs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, Name: host}
	}
	return nil
}

// isLocalhost follows RFC 6761: localhost and all names below it are this machine, and DNS must not be asked for them.
func isLocalhost(name string) bool {
	name = strings.ToLower(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// readFile is what can be read of a file, in whole lines. Neither of the two files has to be there.
func readFile(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	text, _ := io.ReadAll(io.LimitReader(file, maxFile))
	if len(text) == maxFile {
		text = text[:bytes.LastIndexByte(text, '\n')+1]
	}
	return string(text)
}

// parseHosts returns the addresses that a hosts file gives to name, IPv4 first. It reads all lines, since hosts(5) has one address a
// line. It ignores lines that do not begin with an address.
func parseHosts(text, name string) []netip.Addr {
	var v4, v6 []netip.Addr
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 || !slices.ContainsFunc(fields[1:], func(s string) bool { return strings.EqualFold(s, name) }) {
			continue
		}
		addr, err := netip.ParseAddr(fields[0])
		switch addr = addr.Unmap(); {
		case err != nil || slices.Contains(v4, addr) || slices.Contains(v6, addr):
		case addr.Is4():
			v4 = append(v4, addr)
		default:
			v6 = append(v6, addr)
		}
	}
	return slices.Concat(v4, v6)
}
