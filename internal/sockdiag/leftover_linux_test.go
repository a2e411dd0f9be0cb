package sockdiag

import (
	"net"
	"testing"

	"github.com/prestop/prestop/internal/testserver"
	"golang.org/x/sys/unix"
)

// What an error left unread of an earlier answer is not taken for the next answer.
func TestLeftOverAnswer(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := uint16(l.Addr().(*net.TCPAddr).Port)
	c, _ := net.Dial("tcp4", l.Addr().String())
	defer c.Close()
	d, err := OpenDump(p)
	if err != nil {
		testserver.Lacks(t, "%v", err)
	}
	defer d.Close()
	d.number++
	unix.Sendto(d.fd, d.request([]State{Listen}), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	saw := false
	for range 5 {
		n := 0
		err = d.Each([]State{Established}, func(s *Socket) {
			if s.State == Established {
				n++
			}
		})
		if saw = saw || err == nil; err == nil && n != 1 {
			t.Errorf("saw %d established connections", n)
		}
	}
	if !saw {
		t.Error(err)
	}
}
