package drain

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// datagrams is what is known of UDP, from look to look. The kernel counts datagrams only for the network namespace as a whole. For
// a single socket, it only tells how much lies unread there.
type datagrams struct {
	dir  string
	last uint64
	seen bool
	at   time.Time // when a datagram was last seen; zero: none was
}

// silent looks, and tells whether no datagram has come or gone, or lay unread, for atLeast or longer. t gets what is said of that.
func (d *datagrams) silent(now time.Time, atLeast time.Duration, t *talk) (bool, error) {
	n, err := countDatagrams(d.dir)
	if err != nil {
		return false, fmt.Errorf("datagrams: %w", err)
	}
	unread := func(u udpSocket) bool { return u.unread }
	if d.seen && n != d.last || slices.ContainsFunc(udpSockets(d.dir), unread) {
		d.at = now
	}
	d.last, d.seen = n, true
	if d.at.IsZero() {
		t.udp = ", no datagrams"
		return true, nil
	}
	t.udp = fmt.Sprintf(", last datagram %.1fs ago", time.Since(d.at).Seconds())
	return now.Sub(d.at) >= atLeast, nil
}

// countDatagrams sums up what came and went, over both IP versions.
func countDatagrams(dir string) (sum uint64, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "snmp"))
	if err != nil {
		return 0, err
	}
	lines := strings.Split(string(text), "\n")
	for n := 1; n < len(lines); n++ {
		names, values := strings.Fields(lines[n-1]), strings.Fields(lines[n])
		if len(names) != len(values) || len(names) < 2 || names[0] != "Udp:" || values[0] != "Udp:" {
			continue
		}
		for i, name := range names[1:] {
			if name == "InDatagrams" || name == "OutDatagrams" {
				v, err := strconv.ParseUint(values[i+1], 10, 64)
				if err != nil {
					return 0, fmt.Errorf("snmp: %w", err)
				}
				sum += v
			}
		}
		return sum + countDatagrams6(dir), nil
	}
	return 0, fmt.Errorf("%s: no numbers of UDP", filepath.Join(dir, "snmp"))
}

// countDatagrams6 is 0 where there is no IPv6.
func countDatagrams6(dir string) (sum uint64) {
	text, _ := os.ReadFile(filepath.Join(dir, "snmp6"))
	for line := range strings.SplitSeq(string(text), "\n") {
		name, value, _ := strings.Cut(line, " ")
		if name == "Udp6InDatagrams" || name == "Udp6OutDatagrams" {
			v, _ := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
			sum += v
		}
	}
	return sum
}

// A udpSocket is a UDP socket that is bound, and is not connected to one peer.
type udpSocket struct {
	procSocket
	unread bool // datagrams lie there that its process has not read
}

// udpSockets are the UDP sockets of both IP versions. What cannot be read is left out.
func udpSockets(dir string) (all []udpSocket) {
	for _, name := range []string{"udp", "udp6"} {
		_ = procLines(filepath.Join(dir, name), func(line string) error {
			if s, err := parseProc(line); err == nil && s.remote.Port() == 0 {
				columns := strings.Fields(line) // number, addresses, state, queues
				_, unread, _ := strings.Cut(columns[4], ":")
				all = append(all, udpSocket{s, strings.Trim(unread, "0") != ""})
			}
			return nil
		})
	}
	return all
}
