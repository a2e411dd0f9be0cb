package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/sockdiag"
)

// A question is one until quiet that is to be run in the servers' namespace, for one client's address.
type question struct {
	ID            int
	Port          uint16
	UDP           bool
	Peer          string
	For, Min, Max time.Duration
	Word          drain.Protocol
	NoProbe       bool
	Before        time.Duration // how long the steps before it take
}

type answer struct {
	ID    int
	Said  string
	Stall time.Duration // by how much the process was late at most meanwhile, on a busy machine
}

// A hooks is a process in the servers' namespace that runs questions.
type hooks struct {
	mu      sync.Mutex
	in      *json.Encoder
	waiting map[int]chan answer
	next    int
}

func (l *lab) startHooks() error {
	cmd := exec.Command("/proc/self/exe", "hook")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := l.server.start(cmd); err != nil {
		return err
	}
	l.hooks = &hooks{in: json.NewEncoder(in), waiting: make(map[int]chan answer)}
	go func() {
		for lines := json.NewDecoder(bufio.NewReader(out)); ; {
			var a answer
			if lines.Decode(&a) != nil {
				return
			}
			l.hooks.mu.Lock()
			l.hooks.waiting[a.ID] <- a
			l.hooks.mu.Unlock()
		}
	}()
	return nil
}

// hook runs a question, and gives what it said.
func (l *lab) hook(q question) answer {
	h, done := l.hooks, make(chan answer, 1)
	h.mu.Lock()
	h.next++
	q.ID = h.next
	h.waiting[q.ID] = done
	err := h.in.Encode(q)
	h.mu.Unlock()
	if err != nil {
		return answer{Said: err.Error()}
	}
	return <-done
}

// hookMain is the main function of the process that runs questions.
func hookMain() {
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	for lines := json.NewDecoder(os.Stdin); ; {
		var q question
		if lines.Decode(&q) != nil {
			return
		}
		go func() {
			late := stalls()
			said := q.run()
			mu.Lock()
			defer mu.Unlock()
			out.Encode(answer{q.ID, said, late()})
		}()
	}
}

// stalls measures by how much this process is late at most, until the function it gives is called.
func stalls() func() time.Duration {
	const often = 50 * time.Millisecond
	stop, worst := make(chan struct{}), make(chan time.Duration)
	go func() {
		most, last := time.Duration(0), time.Now()
		for tick := time.Tick(often); ; {
			select {
			case <-tick:
				most = max(most, time.Since(last)-often)
				last = time.Now()
			case <-stop:
				worst <- most
				return
			}
		}
	}()
	return func() time.Duration { close(stop); return <-worst }
}

var errMax = errors.New("its max")

func (q question) run() string {
	ctx, cancel := context.WithTimeoutCause(context.Background(), q.Max, errMax)
	defer cancel()
	var said bytes.Buffer
	quiet := &drain.Quiet{Ports: []uint16{q.Port}, For: q.For, Min: q.Min, Protocol: q.Word, NoProbe: q.NoProbe, Ignore: allBut(netip.MustParseAddr(q.Peer))}
	if q.UDP {
		quiet.UDPPorts = quiet.Ports
	}
	defer quiet.Note()()
	pause(ctx, q.Before)
	err := quiet.Run(ctx, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		fmt.Fprintln(&said, err)
	}
	q.counters(&said)
	return said.String()
}

// counters are what the kernel knows of the client's connections.
func (q question) counters(said *bytes.Buffer) {
	d, err := sockdiag.OpenDump(q.Port)
	if err != nil {
		return
	}
	defer d.Close()
	_ = d.Each([]sockdiag.State{sockdiag.Established, sockdiag.CloseWait}, func(s *sockdiag.Socket) {
		if s.Remote.Addr().String() == q.Peer {
			fmt.Fprintf(said, "in %d segments, %d bytes, %v ago; out %d, %d, %v; acks %d, the last %v\n", s.Received, s.BytesReceived, s.SinceReceived, s.Sent, s.BytesAcked+s.Unacked, s.SinceSent, s.Acks, s.SinceAck)
		}
	})
}

// allBut are networks that have all addresses but this one.
func allBut(one netip.Addr) (all []netip.Prefix) {
	four := one.As4()
	for bit := 1; bit <= 32; bit++ {
		other := four
		other[(bit-1)/8] ^= 1 << (7 - (bit-1)%8)
		p, err := netip.AddrFrom4(other).Prefix(bit)
		if err != nil {
			panic(err)
		}
		all = append(all, p)
	}
	return all
}
