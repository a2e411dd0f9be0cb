package drain

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/sockdiag"
)

// A procSocket is a line of /proc/net/tcp, which is what there is without netlink: it knows who is connected, and
// what lies in the queues, but not what was carried.
type procSocket struct {
	local, remote netip.AddrPort
	state         sockdiag.State
	queued        bool
	inode         uint64
}

// procTable is where the kernel shows them.
const procTable = "/proc/self/net"

// procSockets calls do for each TCP socket of both IP versions.
func procSockets(dir string, do func(procSocket)) error {
	for _, name := range []string{"tcp", "tcp6"} {
		err := procFile(filepath.Join(dir, name), do)
		if err != nil && !(name == "tcp6" && os.IsNotExist(err)) {
			return err
		}
	}
	return nil
}

func procFile(path string, do func(procSocket)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 0; lines.Scan(); n++ {
		if n == 0 { // the names of the columns
			continue
		}
		s, err := parseProc(lines.Text())
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", path, n+1, err)
		}
		do(s)
	}
	return lines.Err()
}

func parseProc(line string) (s procSocket, err error) {
	fields := strings.Fields(line)
	if len(fields) < 10 {
		return s, fmt.Errorf("expected 10 columns, found %d", len(fields))
	}
	if s.local, err = procAddress(fields[1]); err != nil {
		return s, err
	}
	if s.remote, err = procAddress(fields[2]); err != nil {
		return s, err
	}
	state, err := strconv.ParseUint(fields[3], 16, 8)
	if err != nil {
		return s, fmt.Errorf("expected a state, got %q", fields[3])
	}
	s.state = sockdiag.State(state)
	s.queued = strings.Trim(fields[4], "0:") != ""
	if s.inode, err = strconv.ParseUint(fields[9], 10, 64); err != nil {
		return s, fmt.Errorf("expected an inode, got %q", fields[9])
	}
	return s, nil
}

// procAddress reads ADDRESS:PORT in hexadecimal. The address is in words of four bytes, each in the machine's order.
func procAddress(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	b, errHex := hex.DecodeString(address)
	n, errPort := strconv.ParseUint(port, 16, 16)
	if errHex != nil || errPort != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, fmt.Errorf("expected an address and a port, got %q", text)
	}
	if littleEndian {
		for word := range slices.Chunk(b, 4) {
			slices.Reverse(word)
		}
	}
	ip, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(ip.Unmap(), uint16(n)), nil
}

// procListening is [listening] without netlink.
func procListening(among []uint16) ([]uint16, error) {
	var found []uint16
	err := procSockets(procTable, func(s procSocket) {
		if s.state == sockdiag.Listen && (len(among) == 0 || slices.Contains(among, s.local.Port())) {
			found = append(found, s.local.Port())
		}
	})
	slices.Sort(found)
	return slices.Compact(found), err
}
