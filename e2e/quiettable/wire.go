package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A side is a network namespace with one end of the wire. do runs functions in the namespace. The processes and sockets that they make are
// in it too.
type side struct {
	work chan func()
	ns   int
	tun  *os.File
}

// The addresses of the two sides. Each run of a row speaks from an address of its own, so that a hook can tell it from others.
const (
	serverAddress = "10.77.0.1"
	clientNet     = "10.77."
	mostRuns      = 40
)

// newWire makes two namespaces and a wire between them, which takes half of the round trip each way. The wire is made of tun devices, which
// nearly every kernel has. Not every kernel has a delay of its own (netem). loss is how many of a hundred packets the wire loses each way.
func newWire(roundTrip time.Duration, loss float64) (server, client *side, err error) {
	if server, err = newSide(); err != nil {
		return nil, nil, err
	}
	if client, err = newSide(); err != nil {
		return nil, nil, err
	}
	script := "ip addr add " + serverAddress + "/16 dev wire; ip link set wire up; ip link set lo up"
	if err := server.shell(script); err != nil {
		return nil, nil, err
	}
	// All addresses of 10.77.128.0/17 are the client's.
	script = "ip addr add 10.77.128.1/16 dev wire; ip link set wire up; ip link set lo up; ip route add local 10.77.128.0/17 dev lo"
	if err := client.shell(script); err != nil {
		return nil, nil, err
	}
	go carry(server.tun, client.tun, roundTrip/2, loss)
	go carry(client.tun, server.tun, roundTrip/2, loss)
	return server, client, nil
}

func newSide() (*side, error) {
	s := &side{work: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread is in a namespace of its own
		made <- s.enter()
		for do := range s.work {
			do()
		}
	}()
	return s, <-made
}

func (s *side) enter() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("a network namespace: %w", err)
	}
	var err error
	if s.ns, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	request, err := unix.NewIfreq("wire")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return fmt.Errorf("tun: %w", err)
	}
	s.tun = os.NewFile(uintptr(fd), "wire")
	return nil
}

// do runs f in the namespace. Calls run one after the other.
func (s *side) do(f func()) {
	done := make(chan struct{})
	s.work <- func() { defer close(done); f() }
	<-done
}

// start starts a process in the namespace. It ends with this one.
func (s *side) start(cmd *exec.Cmd) (err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.do(func() { err = cmd.Start() })
	return err
}

func (s *side) shell(script string) error {
	cmd := exec.Command("sh", "-e", "-c", script)
	cmd.Stderr = os.Stderr
	if err := s.start(cmd); err != nil {
		return err
	}
	return cmd.Wait()
}

// listen and dial make sockets in the namespace.
func (s *side) listen(port int) (l net.Listener, err error) {
	s.do(func() { l, err = net.Listen("tcp4", fmt.Sprintf(":%d", port)) })
	return l, err
}

func (s *side) listenUDP(port int) (c *net.UDPConn, err error) {
	s.do(func() { c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: port}) })
	return c, err
}

// dial takes a thread of its own, because it waits.
func (s *side) dial(from string, port int) (net.Conn, error) {
	type made struct {
		c   net.Conn
		err error
	}
	result := make(chan made)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		if err := unix.Setns(s.ns, unix.CLONE_NEWNET); err != nil {
			result <- made{nil, err}
			return
		}
		d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("tcp4", net.JoinHostPort(serverAddress, strconv.Itoa(port)))
		result <- made{c, err}
	}()
	m := <-result
	return m.c, m.err
}

// carry takes packets from one end to the other, and loses some.
func carry(from, to *os.File, delay time.Duration, loss float64) {
	type packet struct {
		due  time.Time
		data []byte
	}
	under := make(chan packet, 1<<14)
	go func() {
		for p := range under {
			if wait := time.Until(p.due); wait > 0 {
				<-time.After(wait)
			}
			to.Write(p.data)
		}
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			close(under)
			return
		}
		if 100*rand.Float64() < loss {
			continue
		}
		p := packet{time.Now().Add(delay), append([]byte(nil), buffer[:n]...)}
		under <- p
	}
}
