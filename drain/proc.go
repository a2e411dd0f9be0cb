package drain

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/prestop/prestop/internal/sockdiag"
)

// A procSocket is a line of /proc/net/tcp, which is what there is without netlink: it knows who is connected, but not
// what was carried.
type procSocket struct {
	local, remote netip.AddrPort
	state         sockdiag.State
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
		s, err := parseProc(lines.Bytes())
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", path, n+1, err)
		}
		do(s)
	}
	return lines.Err()
}

func parseProc(line []byte) (s procSocket, err error) {
	var columns [4][]byte // its number, the addresses and the state; the others do not matter
	for n := range columns {
		line = bytes.TrimLeft(line, " ")
		end := bytes.IndexByte(line, ' ')
		if end < 0 {
			return s, fmt.Errorf("expected more than %d columns, found %d", len(columns), n)
		}
		columns[n], line = line[:end], line[end:]
	}
	if s.local, err = procAddress(columns[1]); err != nil {
		return s, err
	}
	if s.remote, err = procAddress(columns[2]); err != nil {
		return s, err
	}
	var state [1]byte
	if n, err := hex.Decode(state[:], columns[3][:min(len(columns[3]), 2)]); err != nil || n != 1 || len(columns[3]) != 2 {
		return s, fmt.Errorf("expected a state, got %q", columns[3])
	}
	s.state = sockdiag.State(state[0])
	return s, nil
}

// procAddress reads ADDRESS:PORT in hexadecimal. The address is in words of four bytes, each in the machine's order.
func procAddress(text []byte) (netip.AddrPort, error) {
	var ip [16]byte
	var port [2]byte
	address, number, _ := bytes.Cut(text, []byte(":"))
	if len(address) != 8 && len(address) != 32 || len(number) != 4 {
		return netip.AddrPort{}, fmt.Errorf("expected an address and a port, got %q", text)
	}
	n, err := hex.Decode(ip[:], address)
	if _, errPort := hex.Decode(port[:], number); err != nil || errPort != nil {
		return netip.AddrPort{}, fmt.Errorf("expected an address and a port, got %q", text)
	}
	if littleEndian {
		for at := 0; at < n; at += 4 {
			slices.Reverse(ip[at : at+4])
		}
	}
	addr, _ := netip.AddrFromSlice(ip[:n])
	return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(port[:])), nil
}

// sortPorts has no copy of the sort of its own, as slices.Sort would: that is 8 KB of the binary for each type.
func sortPorts(ports []uint16) {
	sort.Slice(ports, func(i, j int) bool { return ports[i] < ports[j] })
}
