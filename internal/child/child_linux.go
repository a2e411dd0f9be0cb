package child

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
)

const (
	// lastWords is how long a killed program has until it is gone and its output is read. Processes that have left its
	// group get the same time again.
	lastWords = 10 * time.Millisecond
	// leftGone is how long the processes that a program left behind have until they are gone after the kill. They may belong to
	// another user, and then we may not kill them.
	leftGone = time.Second
	// afterEnd is how long the output is still read after the program has ended, if something holds it open.
	afterEnd = 250 * time.Millisecond
)

// Run runs the program and waits for its end. It returns nil for exit status 0, and an [*ExitError] for any other. Every other
// error means that the program was not started, or did not end by itself.
func (p Program) Run(ctx context.Context, log *slog.Logger) error {
	// The program's file is looked at before the start: where the file cannot be read, no child waits for it.
	path, err := p.Find()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: not started: %w", p.Words[0], context.Cause(ctx))
	}
	c, err := p.start(path, log)
	if err != nil {
		return startError(err)
	}
	if p.Say == nil {
		log.Info("started", "program", path, "pid", c.process.Pid)
	}
	return c.finish(ctx)
}

// unseen is the status of a program before its end is known.
const unseen = ^syscall.WaitStatus(0)

// child is a program that was started, the leader of a process group.
type child struct {
	name    string
	process *os.Process
	log     *slog.Logger
	output  *output
	ended   chan struct{}      // closed when it has ended; until it is reaped, no other process gets its process id
	adopter int                // all descendants of this process come from the program; 0: there is no such process
	status  syscall.WaitStatus // of the end; unseen before reap
}

func (p Program) start(path string, log *slog.Logger) (*child, error) {
	out := &output{log: log, say: p.Say}
	adopter := 0
	if p.Adopt { // the Go runtime is this run's alone too
		defer withoutThisThread()()
		if adopt() {
			adopter = os.Getpid()
		}
	}
	process, err := out.start(path, p.Words)
	if err != nil {
		return nil, err
	}
	c := &child{name: p.Words[0], process: process, log: log, output: out, ended: make(chan struct{}), adopter: adopter, status: unseen}
	go c.watch()
	return c, nil
}

// withoutThisThread lets the rest of this process go on until the function that it returns is called, although this thread may stand still.
// A thread that starts a program keeps its processor of the Go runtime until the kernel has opened the program's file, and a network file
// system may stand still just then. So there is one processor more. Garbage is collected only once there is a lot of it, since that begins
// with a stop of all threads.
func withoutThisThread() (over func()) {
	const most = 64 << 20 // bytes of memory, which is the app's
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(most)
	processors := runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	return func() {
		runtime.GOMAXPROCS(processors)
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}
}

// watch waits for the program's end, and does not reap it.
func (c *child) watch() {
	defer close(c.ended)
	for {
		err := unix.Waitid(unix.P_PID, c.process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// finish waits for the program's end, and kills it if ctx ends before.
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
	reading, cancel := context.WithTimeout(ctx, afterEnd)
	defer cancel()
	if !c.output.end(reading) && ctx.Err() == nil {
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
	gone := true
	select {
	case <-c.ended:
		c.reap()
	case <-ctx.Done(): // the kernel is busy with it, and nothing can speed it up
		gone = false
		go func() { <-c.ended; c.reap() }()
	}
	c.output.end(ctx)
	switch {
	case gone && !(c.status.Signaled() && c.status.Signal() == syscall.SIGKILL):
		return c.verdict() // it ended before the kill
	case gone:
		return c.saying(fmt.Errorf("%s is killed: %w", c.name, cause))
	case errKill != nil:
		return c.saying(fmt.Errorf("%s is not done and cannot be killed: %w: %w", c.name, errKill, cause))
	default:
		return c.saying(fmt.Errorf("%s is killed, and not gone yet: %w", c.name, cause))
	}
}

// kill kills the whole group. The process id still belongs to the program, because the program is reaped later.
func (c *child) kill() error { return unix.Kill(-c.process.Pid, unix.SIGKILL) }

// reap takes a program that has ended out of the kernel's table.
func (c *child) reap() {
	if state, err := c.process.Wait(); err == nil {
		c.status = state.Sys().(syscall.WaitStatus)
	}
}

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
