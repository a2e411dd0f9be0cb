package drain

import (
	"bufio"
	"encoding/binary"
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

// A procSocket is a line of /proc/net/tcp, which is read if there is no netlink. It says who is connected, but not what was
// carried.
type procSocket struct {
	local, remote netip.AddrPort
	state         sockdiag.State
}

// procTable is the directory where the kernel shows these lines.
const procTable = "/proc/self/net"

// procSockets calls do for each TCP socket of both IP versions.
func procSockets(dir string, do func(procSocket)) error {
	for _, name := range []string{"tcp", "tcp6"} {
		err := procLines(filepath.Join(dir, name), func(line string) error {
			s, err := parseProc(line)
			if err == nil {
				do(s)
			}
			return err
		})
		if err != nil && !(name == "tcp6" && os.IsNotExist(err)) {
			return err
		}
	}
	return nil
}

// procLines calls do for each line of a file below the names of the columns.
func procLines(path string, do func(line string) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Scan()
	for n := 2; lines.Scan(); n++ {
		if err := do(lines.Text()); err != nil {
			return fmt.Errorf("%s: line %d: %w", path, n, err)
		}
	}
	return lines.Err()
}

func parseProc(line string) (s procSocket, err error) {
	columns := strings.Fields(line) // its number, the addresses and the state; the others do not matter
	if len(columns) < 5 {
		return s, fmt.Errorf("expected 5 columns or more, found %d", len(columns))
	}
	if s.local, err = procAddress(columns[1]); err != nil {
		return s, err
	}
	if s.remote, err = procAddress(columns[2]); err != nil {
		return s, err
	}
	state, err := strconv.ParseUint(columns[3], 16, 8)
	if err != nil || len(columns[3]) != 2 {
		return s, fmt.Errorf("expected a state, got %q", columns[3])
	}
	s.state = sockdiag.State(state)
	return s, nil
}

// procAddress reads ADDRESS:PORT in hexadecimal. The address is in words of four bytes, each in the machine's order.
func procAddress(text string) (netip.AddrPort, error) {
	address, number, _ := strings.Cut(text, ":")
	ip, err := hex.DecodeString(address)
	port, errPort := strconv.ParseUint(number, 16, 16)
	if err != nil || errPort != nil || len(ip) != 4 && len(ip) != 16 {
		return netip.AddrPort{}, fmt.Errorf("expected an address and a port, got %q", text)
	}
	for word := range slices.Chunk(ip, 4) {
		binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(word))
	}
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), nil
}
