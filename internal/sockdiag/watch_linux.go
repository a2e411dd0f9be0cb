package sockdiag

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A Watch is told of TCP sockets that end, with their counters, so that connections which come and go between two
// dumps are seen too. It is not safe for concurrent use.
type Watch struct {
	fd     int
	buffer []byte
}

// receiveBuffer is how much the kernel keeps for us between two looks. It is accounted to this process's container,
// but only as far as it is used.
const receiveBuffer = 1 << 20

// OpenWatch begins to listen for sockets whose local port is one of these; none given: for all.
func OpenWatch(ports ...uint16) (*Watch, error) {
	fd, err := open(unix.SOCK_NONBLOCK)
	if err != nil {
		return nil, err
	}
	if err := listen(fd, ports); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return &Watch{fd, make([]byte, bufferSize)}, nil
}

// listen joins the groups last, so that nothing comes that is not asked for.
func listen(fd int, ports []uint16) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer) // as much as the system allows
	}
	if program := announcedPorts(ports); program != nil {
		if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}); err != nil {
			return err
		}
	}
	for _, group := range []int{unix.SKNLGRP_INET_TCP_DESTROY, unix.SKNLGRP_INET6_TCP_DESTROY} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return err
		}
	}
	return nil
}

// Close stops listening.
func (w *Watch) Close() error { return unix.Close(w.fd) }

// Drain calls do for each socket that has ended since the last call. It does not wait. ErrLost means that there were more. do must
// not keep its Socket: the next socket overwrites it when do has returned.
func (w *Watch) Drain(do func(*Socket)) error {
	var lost error
	var s Socket
	for {
		n, err := unix.Read(w.fd, w.buffer)
		switch err {
		case nil:
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return lost
		case unix.ENOBUFS:
			lost = ErrLost
			continue
		default:
			return fmt.Errorf("announcements of sockets: %w", err)
		}
		err = messages(w.buffer[:n], 0, func(_ uint16, body []byte) error {
			err := s.parse(body)
			if err == nil {
				do(&s)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
}
