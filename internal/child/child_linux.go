package child

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
)

const (
	// lastWords is how long a program that was killed is given to be gone, and its output to be read. What has left its
	// group is given the same again.
	lastWords = 10 * time.Millisecond
	// leftGone is how long what a program left behind is given to be gone when it was killed. It may be another user's, whom
	// we may not kill.
	leftGone = time.Second
	// afterEnd is how long the output of a program that has ended is read, if something holds it open.
	afterEnd = 250 * time.Millisecond
)

// Run runs the program and waits for its end. Done is exit status 0. Any other is an [*ExitError], and every other error means
// that it was not started, or did not end by itself.
func (p Program) Run(ctx context.Context, log *slog.Logger) error {
	// The program is read before it is started: Go stands still as a whole while a child waits for its program's file.
	path, err := p.Find()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: not started: %w", p.Words[0], context.Cause(ctx))
	}
	c, err := p.start(path, log)
	if err != nil {
		return startError(path, err)
	}
	if p.Say == nil {
		log.Info("started", "program", path, "pid", c.process.Pid)
	}
	return c.finish(ctx)
}

// unseen is the status of no end.
const unseen = ^syscall.WaitStatus(0)

// child is a program that was started, the leader of a process group.
type child struct {
	name    string
	process *os.Process
	log     *slog.Logger
	output  *output
	ended   chan struct{}      // closed when it has ended; until it is reaped its process id is not given to another
	adopter int                // the process whose descendants are all the program's; 0: there is none
	status  syscall.WaitStatus // of the end; unseen before reap
}

func (p Program) start(path string, log *slog.Logger) (*child, error) {
	out := &output{log: log, say: p.Say}
	adopter := 0
	if p.Adopt && adopt() {
		adopter = os.Getpid()
	}
	process, err := out.start(path, p.Words)
	if err != nil {
		return nil, err
	}
	c := &child{name: p.Words[0], process: process, log: log, output: out, ended: make(chan struct{}), adopter: adopter, status: unseen}
	go c.watch()
	return c, nil
}

// watch waits for the program's end and leaves it to be reaped.
func (c *child) watch() {
	defer close(c.ended)
	for {
		err := unix.Waitid(unix.P_PID, c.process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
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
	left := c.tellLeft()
	_ = c.kill()
	if left {
		c.endLeft(ctx, leftGone)
	}
	c.reap()
	ctx, cancel := context.WithTimeout(ctx, afterEnd)
	defer cancel()
	if !c.output.end(ctx) {
		c.log.Warn("the program has ended, but something that it started holds its output open; it is read no longer", "event.code", "program-output-held")
	}
	return c.verdict()
}

// cut kills the program, all of its group, and what has left the group.
func (c *child) cut(cause error) error {
	errKill := c.kill()
	c.endLeft(context.Background(), lastWords) // before all else: there may be little time
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	gone := c.gone(ctx)
	if gone {
		c.reap()
	} else {
		go func() { <-c.ended; c.reap() }()
	}
	c.output.end(ctx)
	switch {
	case gone && !c.wasKilled():
		return c.verdict() // it was quicker
	case gone:
		return c.saying(fmt.Errorf("%s is killed: %w", c.name, cause))
	case errKill != nil:
		return c.saying(fmt.Errorf("%s is not done and cannot be killed: %w: %w", c.name, errKill, cause))
	default:
		return c.saying(fmt.Errorf("%s is killed, and not gone yet: %w", c.name, cause))
	}
}

// gone waits for the end of a program that was killed. If it takes longer, the kernel is at it and nothing can hurry it.
func (c *child) gone(ctx context.Context) bool {
	select {
	case <-c.ended:
		return true
	case <-ctx.Done():
		return false
	}
}

// kill takes all of the group. The process id is still the program's, because it is not reaped before.
func (c *child) kill() error { return unix.Kill(-c.process.Pid, unix.SIGKILL) }

// reap takes a program that has ended out of the kernel's table.
func (c *child) reap() {
	if state, err := c.process.Wait(); err == nil {
		c.status = state.Sys().(syscall.WaitStatus)
	}
}

func (c *child) wasKilled() bool { return c.status.Signaled() && c.status.Signal() == syscall.SIGKILL }

// verdict is what its exit status says.
func (c *child) verdict() error {
	switch {
	case c.status.Signaled():
		return c.saying(fmt.Errorf("%s: ended by %s", c.name, proc.SignalName(c.status.Signal())))
	case c.status.ExitStatus() != 0:
		return &ExitError{c.name, c.status.ExitStatus(), c.output.last()}
	}
	return nil
}

// saying adds the last line that the program printed.
func (c *child) saying(err error) error { return said(err, c.output.last()) }
