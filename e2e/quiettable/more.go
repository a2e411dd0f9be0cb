package main

import (
	"crypto/tls"
	"net"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// shake is a TLS handshake without a request.
func shake(c net.Conn) error {
	return tls.Client(c, &tls.Config{InsecureSkipVerify: true, ServerName: "lab"}).Handshake()
}

// datagram asks a UDP server, and waits for its answer.
func (l *lab) datagram(p peer) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		if err := unix.Setns(l.client.ns, unix.CLONE_NEWNET); err != nil {
			result <- err
			return
		}
		c, err := net.Dial("udp4", net.JoinHostPort(serverAddress, strconv.Itoa(p.port)))
		if err != nil {
			result <- err
			return
		}
		defer c.Close()
		if _, err = c.Write([]byte("request")); err == nil {
			_, err = c.Read(make([]byte, 100))
		}
		result <- err
	}()
	return <-result
}

func udpServer(l *lab, port int) error {
	if err := line(l, port); err != nil { // TCP on the same port
		return err
	}
	c, err := l.server.listenUDP(port)
	if err != nil {
		return err
	}
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := c.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			c.WriteToUDP(buffer[:n], from)
		}
	}()
	return nil
}
