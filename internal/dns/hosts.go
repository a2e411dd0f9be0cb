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

// readFile is what can be read of a file, in whole lines: none of the two files has to be there.
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

// parseHosts returns the addresses that a hosts file gives to name, IPv4 first: those of all lines, since hosts(5)
// has one address a line. Lines that begin with no address are passed over.
func parseHosts(text, name string) []netip.Addr {
	var addrs []netip.Addr
	for line := range strings.Lines(text) {
		fields := strings.Fields(beforeComment(line))
		if len(fields) < 2 || !slices.ContainsFunc(fields[1:], func(s string) bool { return strings.EqualFold(s, name) }) {
			continue
		}
		addr, err := netip.ParseAddr(fields[0])
		if addr = addr.Unmap(); err == nil && !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return ipv4First(addrs)
}

func beforeComment(line string) string {
	line, _, _ = strings.Cut(line, "#")
	return line
}

// ipv4First keeps the order within each family, which a nameserver may have chosen.
func ipv4First(addrs []netip.Addr) []netip.Addr {
	var all []netip.Addr
	for _, bits := range []int{32, 128} {
		for _, a := range addrs {
			if a.BitLen() == bits {
				all = append(all, a)
			}
		}
	}
	return all
}
