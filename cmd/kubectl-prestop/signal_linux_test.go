package main

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Somebody who forgot the pipe before "kubectl prestop lint -" gets away with one Ctrl-C.
func TestEndsBySignal(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	p := exec.Command("kubectl-prestop", "lint", "-")
	p.Stdin = read
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := write.WriteString("kind: Pod\n"); err != nil {
		t.Fatal(err)
	}
	every := time.Tick(5 * time.Millisecond)
	for unread := 1; unread > 0; <-every {
		if unread, err = unix.IoctlGetInt(int(read.Fd()), unix.TIOCINQ); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		p.Process.Kill()
		<-ended
		t.Error("it still reads 10 s after SIGINT")
	}
}
