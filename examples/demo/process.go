package main

import (
	"os/exec"
	"syscall"
	"time"
)

// A process is one that was started here as a container runtime does it: in a session of its own, without a
// terminal, its output read through pipes.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and its pipes are closed
	err  error         // of its end; to be read after done
}

// start starts cmd and gives each line that it prints to stdout or stderr.
func start(cmd *exec.Cmd, stdout, stderr func(string)) (*process, error) {
	cmd.Stdout, cmd.Stderr = &lines{each: stdout}, &lines{each: stderr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
	}()
	return p, nil
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

// kill ends it and waits until it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// ended tells whether it has.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}
