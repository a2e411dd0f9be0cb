package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// A crowd is connections to a port of this process. Each has carried a request and its answer, and is kept open. The
// other ends belong to another process, since one process may not have that many files open.
type crowd struct {
	net.Listener
	open    []net.Conn
	clients *exec.Cmd
}

const (
	crowdRole   = "crowd"
	crowdTalk   = "PING" // what a client sends, and also the answer
	crowdWithin = 30 * time.Second
)

func newCrowd(ctx context.Context, size int) (_ *crowd, err error) {
	c := &crowd{}
	defer func() {
		if err != nil {
			c.Close()
			err = fmt.Errorf("%d connections cannot be held: %w", size, err)
		}
	}()
	if c.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return c, err
	}
	clients := exec.CommandContext(ctx, "/proc/self/exe", crowdRole, c.Addr().String(), strconv.Itoa(size))
	clients.Stderr = os.Stderr
	if _, err = clients.StdinPipe(); err != nil { // the clients' stdin ends with this process at the latest
		return c, err
	}
	if err = clients.Start(); err != nil {
		return c, err
	}
	c.clients = clients
	return c, c.meet(size)
}

// meet accepts the clients and answers each.
func (c *crowd) meet(size int) error {
	end := time.Now().Add(crowdWithin)
	if err := c.Listener.(*net.TCPListener).SetDeadline(end); err != nil {
		return err
	}
	for range size {
		conn, err := c.Accept()
		if err != nil {
			return err
		}
		c.open = append(c.open, conn)
		if err := echoOnce(conn, end); err != nil {
			return err
		}
	}
	return nil
}

func echoOnce(conn net.Conn, end time.Time) error {
	if err := conn.SetDeadline(end); err != nil {
		return err
	}
	_, err := io.CopyN(conn, conn, int64(len(crowdTalk)))
	return err
}

func (c *crowd) port() int { return c.Addr().(*net.TCPAddr).Port }

// Close kills the clients first, whatever they are doing. That resets their connections, so the next crowd does not see any of
// them.
func (c *crowd) Close() {
	if c.clients != nil {
		_ = c.clients.Process.Kill()
		_ = c.clients.Wait()
	}
	for _, conn := range c.open {
		_ = conn.Close()
	}
	if c.Listener != nil {
		_ = c.Listener.Close()
	}
}

// beClients is the other process. It makes so many connections, talks on each, and stays until its stdin ends.
func beClients(args []string) error {
	if len(args) != 2 {
		return errors.New("expected an address and a number")
	}
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	open := make([]net.Conn, size)
	for i := range open {
		if open[i], err = net.DialTimeout("tcp", args[0], crowdWithin); err != nil {
			return err
		}
		defer open[i].Close()
		if err := open[i].(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
		if _, err := io.WriteString(open[i], crowdTalk); err != nil {
			return err
		}
		if _, err := io.ReadFull(open[i], make([]byte, len(crowdTalk))); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, bufio.NewReader(os.Stdin))
	return err
}
