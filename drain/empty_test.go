package drain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/step"
)

// Each letter is half a second: a digit is so many connections, e cannot see; the last is so for ever.
func TestUntilEmpty(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		looks  string
		empty  Empty
		took   time.Duration // of 20 s
		err    string
		unseen bool
	}{
		{"0", Empty{}, 3 * s, "", false},
		{"0", Empty{For: s}, s, "", false},
		{"0", Empty{For: s, Min: 5 * s}, 5 * s, "", false},
		{"330", Empty{}, 3500 * ms, "", false}, // full until 0.5 s
		{"300030", Empty{For: s}, s, "", false},
		{"300030", Empty{For: 2 * s}, 4 * s, "", false},
		{"3000e0", Empty{For: 2 * s}, 4 * s, "", false}, // what nobody could see does not count
		{"2", Empty{AtMost: 2, For: s}, s, "", false},
		{"3", Empty{AtMost: 2, For: s}, 20 * s, "not met: 3 connections of 2 peers, 2 of them of 10.0.0.1: its max is reached", false},
		{"3", Empty{Ignore: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}}, 20 * s, "not met: 1 connections of 1 peers, 1 of them of 10.0.0.2", false},
		{"3", Empty{Ignore: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, For: s}, s, "", false},
		{"0e", Empty{For: s}, 20 * s, "could not see: connection refused", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := -1
			w := &emptyWatch{Empty: &test.empty, full: time.Now(), each: func(do func(local, remote netip.AddrPort)) error {
				n = min(n+1, len(test.looks)-1)
				if test.looks[n] == 'e' {
					return errLook
				}
				for i := range int(test.looks[n] - '0') {
					do(netip.AddrPort{}, netip.MustParseAddrPort([]string{"10.0.0.1:1000", "10.0.0.1:1001", "10.0.0.2:1000"}[i]))
				}
				return nil
			}}
			ctx, cancel := context.WithTimeoutCause(t.Context(), 20*s, errMax)
			defer cancel()
			begin := time.Now()
			err := w.run(ctx, silent)
			if took := time.Since(begin); took != test.took || (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) || errors.Is(err, ErrUnseen) != test.unseen {
				t.Errorf("%s %+v: %v after %v; want %q after %v", test.looks, test.empty, err, took, test.err, test.took)
			}
		})
	}
}

// How many connections both ways of looking see, of those that are open, half closed by either side, and closed.
// What may have come and gone while the hook stood still was not seen to be absent.
func TestUntilEmptyAfterAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pause := time.After(s)
		w := &emptyWatch{Empty: &Empty{}, full: time.Now(), each: func(func(local, remote netip.AddrPort)) error {
			select {
			case <-pause:
				<-time.After(5 * s)
			default:
			}
			return nil
		}}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 20*s, errMax)
		defer cancel()
		begin := time.Now()
		if err := w.run(ctx, silent); err != nil || time.Since(begin) != 9*s {
			t.Errorf("%v after %v, want 9s", err, time.Since(begin))
		}
	})
}

func TestUntilEmptyCounts(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var ours, theirs []*net.TCPConn
	for range 4 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		a, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs = append(ours, a.(*net.TCPConn)), append(theirs, c.(*net.TCPConn))
		defer a.Close()
		defer c.Close()
	}
	e := &Empty{Ports: []uint16{port(l)}}
	count := func(each func(do func(local, remote netip.AddrPort)) error) int {
		n := 0
		if err := each(func(local, remote netip.AddrPort) { n++ }); err != nil {
			t.Error(err)
		}
		return n
	}
	expect := func(what string, netlink, proc int) {
		t.Helper()
		w, err := e.watch()
		if err != nil {
			t.Fatal(err)
		}
		fallback := func(do func(local, remote netip.AddrPort)) error { return procOpen(procTable, e.Ports, do) }
		a, b := count(w.each), count(fallback) // procfs may name a socket twice while others come and go
		for late := time.Now().Add(5 * s); (a != netlink || b != proc) && time.Now().Before(late); a, b = count(w.each), count(fallback) {
			<-time.After(10 * ms)
		}
		if a != netlink || b != proc {
			t.Errorf("%s: %d and %d, want %d and %d", what, a, b, netlink, proc)
		}
	}
	expect("open", 4, 4)
	ours[0].CloseWrite()
	theirs[1].CloseWrite()
	expect("half closed", 4, 4)
	ours[2].Close() // and its peer does not
	expect("closed by us", 3, 4)
	theirs[2].Close()
	theirs[1].Close()
	ours[1].Close()
	expect("closed by both", 2, 2)
	found, err := e.Check(t.Context())
	if err != nil || len(found) != 1 || found[0].Text != "2 connections of 1 peers, 2 of them of 127.0.0.1" {
		t.Errorf("%v, %v", found, err)
	}
	l.Close()
	expect("without a listener", 2, 2)
	e.For = s
	begin := time.Now()
	for n := range ours {
		time.AfterFunc(700*ms, func() { ours[n].Close(); theirs[n].Close() })
	}
	if err := e.Run(t.Context(), silent); err != nil || time.Since(begin) < 1500*ms {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

// A port of which nothing is known is always empty: somebody mistyped it. Beside others, another test might get the port.
func TestUntilEmptyWithoutListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &Empty{Ports: []uint16{port(l)}, For: 100 * ms}
	noted, err := NoteListeners()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := e.Run(t.Context(), silent); !errors.Is(err, ErrUnseen) || !strings.Contains(err.Error(), fmt.Sprintf("nothing listens on port %d", e.Ports[0])) {
		t.Error(err)
	}
	if _, err := e.Check(t.Context()); err == nil {
		t.Error("checked")
	}
	if e.Noted = noted; e.Run(t.Context(), silent) != nil {
		t.Error("its listener was noted")
	}
}

func TestUntilEmptyBrokenProc(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nothing := func(local, remote netip.AddrPort) { t.Errorf("%s %s", local, remote) }
	if err := procOpen(dir, []uint16{80}, nothing); err == nil {
		t.Error("no error without a table")
	}
	table := "  sl  local_address rem_address   st\n   0: 0100007F:0050 0100007F:9C40 01 x\n"
	if err := os.WriteFile(filepath.Join(dir, "tcp"), []byte(table[:len(table)-20]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := procOpen(dir, []uint16{80}, nothing); err == nil {
		t.Error("no error for a table that breaks off")
	}
}

func TestEmptyVerb(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*Empty{
		"until empty 5672":                        {Ports: []uint16{5672}, Min: 10 * s},
		"until empty 5672,80 max=4s":              {Ports: []uint16{5672, 80}, Min: 4 * s},
		"until empty 80 min=0 at-most=2 for=5s":   {Ports: []uint16{80}, AtMost: 2, For: 5 * s},
		"until empty 80 min=1s ignore=10.0.0.0/8": {Ports: []uint16{80}, Min: s, Ignore: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
	} {
		n, got, err := bound(text, step.Means{Elsewhere: true})
		if err != nil || !reflect.DeepEqual(got, want) || !slices.Equal(n.Ports, want.Ports) || n.Least != max(s, want.Min) || !n.Guard || n.Default == strings.Contains(text, "max") || n.Quiet != nil {
			t.Errorf("%q: %+v, %+v, %v", text, n, got, err)
		}
	}
	_, got, err := bound("until empty 80", step.Means{})
	if e, ok := got.(*Empty); err != nil || !ok || e.Noted == nil {
		t.Errorf("%+v, %v", got, err)
	}
}
