package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// A pod is a replica of the app: a process, and where it listens.
type pod struct {
	number        int
	name, address string
	prestop, dir  string // the hook's program, and a directory for its state
	app           *process
	begun, ready  time.Time
	deleted       bool
	termination
	finished chan struct{} // closed when the termination is over
	failure  error         // what stood in the way of it; to be read after finished
}

// startPod starts this program once more, as the app, and hands it a listener.
func startPod(number int, s strategy, prestop, dir string) (*pod, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	state, err := os.MkdirTemp(dir, "pod-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, appArgument, s.onSIGTERM)
	cmd.ExtraFiles = []*os.File{file}
	p := &pod{number: number, name: fmt.Sprintf("web-%d", number), address: listener.Addr().String(), prestop: prestop, dir: state,
		begun: time.Now(), finished: make(chan struct{})}
	if p.app, err = start(cmd); err != nil {
		return nil, fmt.Errorf("failed to start the app: %w", err)
	}
	return p, nil
}

func (p *pod) port() string {
	_, port, _ := net.SplitHostPort(p.address)
	return port
}

// probe asks for readiness until it is there.
func (p *pod) probe(ctx context.Context) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	tick := time.Tick(50 * time.Millisecond)
	for {
		if answer, err := client.Get("http://" + p.address + "/ready"); err == nil {
			answer.Body.Close()
			p.ready = time.Now()
			return nil
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// delete begins to end the pod, and says so by finished.
func (p *pod) delete(ctx context.Context, s strategy) {
	var hook *exec.Cmd
	if s.hook != nil {
		hook = s.command(*p)
	}
	p.deleted = true
	go func() {
		defer close(p.finished)
		p.termination, p.failure = kubelet{grace}.terminate(ctx, p.app, hook)
	}()
}
