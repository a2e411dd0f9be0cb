package drain

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/prestop/prestop/internal/sockdiag"
)

// Listeners are the addresses of the TCP listeners and of the bound UDP sockets at some moment.
type Listeners []Listener

// A Listener is one such address.
type Listener struct {
	Addr netip.AddrPort
	UDP  bool
}

// NoteListeners returns the listeners that there are now. The hook calls it before its first step. It asks the kernel for the TCP
// listeners by netlink, or else looks at /proc/net/tcp. It reads the UDP sockets in /proc/net/udp.
func NoteListeners() (Listeners, error) {
	all := make(Listeners, 0, 8)
	note := func(a netip.AddrPort) { all = append(all, Listener{Addr: a}) }
	err := eachListener(nil, note)
	if err != nil {
		return nil, err
	}
	for _, u := range udpSockets(procTable) {
		all = append(all, Listener{u.local, true})
	}
	return all, nil
}

// eachListener calls do for each TCP listener on one of these ports; none given: on any.
func eachListener(among []uint16, do func(netip.AddrPort)) error {
	dumped := func(s *sockdiag.Socket) { do(s.Local) }
	return eachSocket(among, []sockdiag.State{sockdiag.Listen}, dumped, func() error {
		return procSockets(procTable, func(s procSocket) {
			if s.state == sockdiag.Listen && (len(among) == 0 || slices.Contains(among, s.local.Port())) {
				do(s.local)
			}
		})
	})
}

// eachSocket calls do for each TCP socket in one of these states on one of these ports; none given: on any. Where the kernel refuses to
// answer by netlink, it calls refused instead.
func eachSocket(ports []uint16, states []sockdiag.State, do func(*sockdiag.Socket), refused func() error) error {
	d, err := sockdiag.OpenDump(ports...)
	if err == nil {
		defer d.Close()
		err = d.Each(states, do)
	}
	if errors.Is(err, sockdiag.ErrRefused) {
		return refused()
	}
	return err
}

// ports gives the ports of the wanted listeners.
func (l Listeners) ports(wanted func(Listener) bool) (all []uint16) {
	for _, one := range l {
		if wanted(one) {
			all = withPort(all, one.Addr.Port())
		}
	}
	return all
}

// outward gives the TCP ports that others can reach, and which of these ports have a bound UDP socket too.
func (l Listeners) outward() (tcp, udp []uint16) {
	tcp = l.ports(func(one Listener) bool { return !one.UDP && !one.Addr.Addr().IsLoopback() })
	return tcp, l.ports(func(one Listener) bool {
		return one.UDP && !one.Addr.Addr().IsLoopback() && slices.Contains(tcp, one.Addr.Port())
	})
}

// tcp are the ports that were listened on.
func (l Listeners) tcp() []uint16 { return l.ports(func(one Listener) bool { return !one.UDP }) }

// withPort adds a port at its place, unless it is among them. The ports are in order, each of them once.
func withPort(ports []uint16, port uint16) []uint16 {
	at, found := slices.BinarySearch(ports, port)
	if found {
		return ports
	}
	return slices.Insert(ports, at, port)
}
