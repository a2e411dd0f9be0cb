package drain

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/sockdiag"
	"github.com/prestop/prestop/internal/testserver"
)

func TestProcSockets(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("its lines are of a little-endian machine")
	}
	const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	line4 := "   0: 0100007F:1F90 0B00000A:C350 01 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0\n"
	line6 := "1234: 0000000000000000FFFF00000100007F:1F90 000000FD000000000000000007000000:C350 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000000000000000\n"
	for name, test := range map[string]struct {
		tcp, tcp6 string // "": no such file
		want      []procSocket
		bad       bool
	}{
		"nothing":        {tcp: header, tcp6: header},
		"without IPv6":   {tcp: header + line4, want: []procSocket{{netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("10.0.0.11:50000"), sockdiag.Established}}},
		"a mapped one":   {tcp: header, tcp6: header + line6, want: []procSocket{{netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("[fd00::7]:50000"), sockdiag.TimeWait}}},
		"no file":        {bad: true},
		"cut off":        {tcp: header + line4[:30], bad: true},
		"a long address": {tcp: header + "0: 0100007F00:1F90 0B00000A:C350 01 00\n", bad: true},
		"no port":        {tcp: header + "0: 0100007F 0B00000A:C350 01 00\n", bad: true},
		"no hexadecimal": {tcp: header + "0: 010000ZF:1F90 0B00000A:C350 01 00\n", bad: true},
		"no state":       {tcp: header + "0: 0100007F:1F90 0B00000A:C350 X1 00\n", bad: true},
		"a long state":   {tcp: header + "0: 0100007F:1F90 0B00000A:C350 011 00\n", bad: true},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"tcp": test.tcp, "tcp6": test.tcp6} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var got []procSocket
		err := procSockets(dir, func(s procSocket) { got = append(got, s) })
		if (err != nil) != test.bad || len(got) != len(test.want) {
			t.Errorf("%s: %v (%v), want %v", name, got, err, test.want)
			continue
		}
		for n := range got {
			if netip := got[n]; netip != test.want[n] {
				t.Errorf("%s: %v, want %v", name, got, test.want)
			}
		}
	}
}

// What was there at one look and is not at the next may have ended just before it, however long ago that one was.
func TestProcWatchCountsFromTheLookThatSeesNone(t *testing.T) {
	const header = "  sl  local_address rem_address   st\n"
	const open = "   0: 0100007F:1F90 0B00000A:C350 01 00\n"
	dir := t.TempDir()
	write := func(text string) {
		for _, file := range []string{"tcp", "tcp6"} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			text = header
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newProcWatch(&Quiet{Ports: []uint16{8080}, For: s}, dir)
		for _, look := range []struct {
			table string
			after time.Duration
			met   bool
		}{
			{open, 0, false}, {open, s / 4, false}, {"", 2 * s, false}, {"", s - ms, false}, {"", ms, true}, {open, s / 4, false},
		} {
			<-time.After(look.after)
			write(header + look.table)
			if seen, err := w.look(t.Context()); err != nil || seen.met != look.met {
				t.Errorf("%+v: %+v (%v)", look, seen, err)
			}
		}
	})
}

// A connection that the kernel shows twice in one reading is one connection.
func TestProcWatchOfOneShownTwice(t *testing.T) {
	const header = "  sl  local_address rem_address   st\n"
	const open, closed = "   0: 0100007F:1F90 0B00000A:C350 01 00\n", "   1: 0100007F:1F90 0B00000A:C350 06 00\n"
	const another = "   2: 0100007F:1F90 0B00000A:C351 01 00\n"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tcp6"), []byte(header), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newProcWatch(&Quiet{Ports: []uint16{8080}, For: s}, dir)
	for _, look := range []struct {
		table  string
		active int
	}{{open + another + open, 2}, {open + open, 1}, {another + open + closed + another, 2}, {closed + closed, 1}, {closed + another + another, 1}} {
		if err := os.WriteFile(filepath.Join(dir, "tcp"), []byte(header+look.table), 0o600); err != nil {
			t.Fatal(err)
		}
		if seen, err := w.look(t.Context()); err != nil || w.talk.active != look.active {
			t.Errorf("%q: %d connections, want %d: %+v (%v)", look.table, w.talk.active, look.active, seen, err)
		}
	}
}

// A client may use its port again when its connection has closed. That connection is a new one.
func TestProcWatchOfAPortUsedAgain(t *testing.T) {
	const header = "  sl  local_address rem_address   st\n"
	const open, closed = "   0: 0100007F:1F90 0B00000A:C350 01 00\n", "   1: 0100007F:1F90 0B00000A:C350 06 00\n"
	for _, test := range []struct {
		new    bool
		looks  []string
		active []int
	}{
		{false, []string{open, closed, closed, open}, []int{1, 1, 0, 1}},
		{false, []string{closed, open, closed}, []int{0, 1, 1}},
		{true, []string{open, open, closed, closed, open, closed}, []int{0, 0, 0, 0, 1, 1}},
		{true, []string{closed, open, open}, []int{0, 1, 1}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tcp6"), []byte(header), 0o600); err != nil {
			t.Fatal(err)
		}
		w := newProcWatch(&Quiet{Ports: []uint16{8080}, For: s, New: test.new}, dir)
		for n, table := range test.looks {
			if err := os.WriteFile(filepath.Join(dir, "tcp"), []byte(header+table), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := w.look(t.Context()); err != nil || w.talk.active != test.active[n] {
				t.Errorf("%+v, look %d: %d connections, want %d (%v)", test, n+1, w.talk.active, test.active[n], err)
			}
		}
	}
}

// Where datagrams count and cannot be counted, nothing is said of the traffic.
func TestProcWatchWithoutCounters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, file := range []string{"tcp", "tcp6"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("  sl  local_address rem_address   st\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := newProcWatch(&Quiet{UDPPorts: []uint16{53}, For: s}, dir)
	if seen, err := w.look(t.Context()); err == nil || seen.met || !strings.Contains(err.Error(), "datagrams: ") {
		t.Errorf("%+v, %v", seen, err)
	}
}

// The kernel's own table, on whatever machine.
func TestProcListening(t *testing.T) {
	t.Parallel()
	for _, family := range []struct{ network, address string }{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}} {
		t.Run(family.network, func(t *testing.T) {
			l, err := net.Listen(family.network, family.address)
			if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
				testserver.Lacks(t, "this machine has none of it: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			found := false
			err = procSockets(procTable, func(s procSocket) {
				found = found || s.state == sockdiag.Listen && s.local == netip.MustParseAddrPort(l.Addr().String())
			})
			if err != nil || !found {
				t.Errorf("%s is not found (%v)", l.Addr(), err)
			}
		})
	}
}

func FuzzParseProc(f *testing.F) {
	f.Add("0: 0100007F:1F90 0B00000A:C350 01 00")
	f.Add("0: : : ")
	f.Add("")
	f.Fuzz(func(t *testing.T, line string) {
		s, err := parseProc(line)
		if err == nil && (!s.local.IsValid() || !s.remote.IsValid()) {
			t.Errorf("%q: %v", line, s)
		}
	})
}
