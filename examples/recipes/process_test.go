package recipes_test

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A process is one that runs until Done is closed.
type process struct {
	PID  int // as the test sees it
	Done <-chan struct{}
	cmd  *exec.Cmd
}

func startProcess(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	cmd.WaitDelay = time.Second // for its output, which a child may hold
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // what became of it is in the process's state
	}()
	return &process{cmd.Process.Pid, done, cmd}
}

// signal does nothing to a process that has ended.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// status is known once Done is closed.
func (p *process) status() int {
	if s := p.cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
		return 128 + int(s.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}
