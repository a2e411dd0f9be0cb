package shutdown

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lastWords is how long a program that was killed is given to be gone, and its output to be read. What has left its
	// group is given the same again.
	lastWords = 10 * time.Millisecond
	// afterEnd is how long the output of a program that has ended is read, if something holds it open.
	afterEnd = 250 * time.Millisecond
)

// child is a program that was started, the leader of a process group.
type child struct {
	cmd     *exec.Cmd
	log     *slog.Logger
	output  *output
	ended   chan struct{} // closed when it has ended; until it is reaped its process id is not given to another
	adopter int           // the process whose descendants are all the program's; 0: there is none
}

func (e Exec) start(path string, log *slog.Logger) (*child, error) {
	out := &output{log: log}
	adopter := 0
	if e.Adopt && adopt() {
		adopter = os.Getpid()
	}
	cmd := &exec.Cmd{Path: path, Args: e.Program, SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}}
	if err := out.start(cmd); err != nil {
		return nil, err
	}
	c := &child{cmd, log, out, make(chan struct{}), adopter}
	go c.watch()
	return c, nil
}

// watch waits for the program's end and leaves it to be reaped.
func (c *child) watch() {
	defer close(c.ended)
	for {
		err := unix.Waitid(unix.P_PID, c.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// finish waits for the program's end, or brings it about.
func (c *child) finish(ctx context.Context) error {
	select {
	case <-c.ended:
	case <-ctx.Done():
		return c.cut(context.Cause(ctx))
	}
	c.tellLeft()
	_ = c.kill()
	c.reap()
	ctx, cancel := context.WithTimeout(ctx, afterEnd)
	defer cancel()
	c.endAdopted(ctx)
	if !c.output.end(ctx) {
		c.log.Warn("the program has ended, but something that it started holds its output open; it is read no longer")
	}
	return c.verdict()
}

// cut kills the program, all of its group, and what has left the group.
func (c *child) cut(cause error) error {
	errKill := c.kill()
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	gone := c.gone(ctx)
	c.endLeft()
	c.output.end(ctx)
	switch name := c.cmd.Args[0]; {
	case gone && !c.wasKilled():
		return c.verdict() // it was quicker
	case gone:
		return c.saying(fmt.Errorf("%s is killed: %w", name, cause))
	case errKill != nil:
		return c.saying(fmt.Errorf("%s is not done and cannot be killed: %w: %w", name, errKill, cause))
	default:
		return c.saying(fmt.Errorf("%s is killed, and not gone yet: %w", name, cause))
	}
}

// endLeft kills what has left the group, also if the program itself is not gone.
func (c *child) endLeft() {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	c.endAdopted(ctx)
}

// gone waits for the end of a program that was killed. If it takes longer, the kernel is at it and nothing can hurry it.
func (c *child) gone(ctx context.Context) bool {
	select {
	case <-c.ended:
		c.reap()
		return true
	case <-ctx.Done():
		go func() { <-c.ended; c.reap() }()
		return false
	}
}

// kill takes all of the group. The process id is still the program's, because it is not reaped before.
func (c *child) kill() error { return unix.Kill(-c.cmd.Process.Pid, unix.SIGKILL) }

// reap takes a program that has ended out of the kernel's table. What became of it is in ProcessState then.
func (c *child) reap() { _ = c.cmd.Wait() }

func (c *child) status() syscall.WaitStatus {
	status, _ := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return status
}

func (c *child) wasKilled() bool {
	return c.status().Signaled() && c.status().Signal() == syscall.SIGKILL
}

// verdict is what its exit status says.
func (c *child) verdict() error {
	name, status := c.cmd.Args[0], c.status()
	switch {
	case c.cmd.ProcessState.Success():
		return nil
	case status.Signaled():
		return c.saying(fmt.Errorf("%s: ended by %s", name, signalName(status.Signal())))
	}
	return c.saying(fmt.Errorf("%s: exit status %d", name, status.ExitStatus()))
}

// saying adds the last line that the program printed.
func (c *child) saying(err error) error {
	if last := c.output.last(); last != "" {
		return fmt.Errorf("%w; it said: %s", err, last)
	}
	return err
}
