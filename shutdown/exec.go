package shutdown

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxLines   = 500     // of a program's output in the log
	maxLine    = 2 << 10 // bytes of one of them
	lingering  = 100 * time.Millisecond
	lastInText = 200 // bytes of the last line that an error repeats
)

// An Exec is a program that is run, without a shell. It gets no input; its output goes to the log, line by line.
//
// It has a process group of its own, which is killed when the time is over and when the program itself has ended, so that
// nothing that it began goes on. Its output is a pipe of ours: a child that takes it along and leaves the group holds up
// neither the step nor the runtime, which waits for all who have the hook's own output.
type Exec struct {
	Program []string // the program, found by PATH if it has no slash, and its arguments
}

// Run runs the program. It fails unless the program's exit status is 0.
func (e Exec) Run(ctx context.Context, log *slog.Logger) error {
	path, err := e.path()
	if err != nil {
		return err
	}
	from, to, err := os.Pipe()
	if err != nil {
		return err
	}
	out := &output{log: log, ended: make(chan struct{})}
	go out.read(from)
	defer out.close(from)

	err = e.wait(ctx, e.command(path, to), to)
	out.settle(ctx)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%s is killed: %w%s", e.Program[0], context.Cause(ctx), out.said())
	}
	if err != nil {
		return fmt.Errorf("%s: %w%s", e.Program[0], err, out.said())
	}
	return nil
}

func (e Exec) path() (string, error) {
	path, err := exec.LookPath(e.Program[0])
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%s: no such program in the image, by its PATH %q", e.Program[0], os.Getenv("PATH"))
	case err != nil:
		return "", fmt.Errorf("%s: %w", e.Program[0], bareExec(err))
	}
	return path, nil
}

// bareExec is err without the program's name, which stands before it already.
func bareExec(err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	return err
}

func (e Exec) command(path string, to *os.File) *exec.Cmd {
	return &exec.Cmd{
		Path: path, Args: e.Program, Stdout: to, Stderr: to,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
}

// wait starts the program and returns when it has ended and its group with it. The kernel kills the program when the
// thread that started it ends: so it is the one that waits for it.
func (e Exec) wait(ctx context.Context, cmd *exec.Cmd, to *os.File) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	to.Close()
	if err != nil {
		return bareExec(err)
	}
	group := -cmd.Process.Pid
	killed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(killed)
		syscall.Kill(group, syscall.SIGKILL)
	})
	waited := waitUnreaped(cmd.Process.Pid)
	if !stop() {
		<-killed
	}
	syscall.Kill(group, syscall.SIGKILL)
	return errors.Join(waited, cmd.Wait())
}

// waitUnreaped waits until a child has ended, and leaves its number, which is its group's, to it.
func waitUnreaped(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

// Check looks the program up.
func (e Exec) Check(_ context.Context, log *slog.Logger) error {
	path, err := e.path()
	if err == nil {
		log.Info("the program is there", "path", path)
	}
	return err
}

// output is what a program says, on its way to the log. It is read to its end, also beyond what is logged, so that the
// program is never held up.
type output struct {
	log   *slog.Logger
	ended chan struct{} // closed when all is read; then the following may be looked at
	lines int
	last  string
}

func (o *output) read(from io.Reader) {
	defer close(o.ended)
	lines := bufio.NewReaderSize(from, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		cut := err == bufio.ErrBufferFull
		o.note(string(line), cut)
		for err == bufio.ErrBufferFull {
			_, err = lines.ReadSlice('\n')
		}
		if err != nil {
			break
		}
	}
	if o.lines > maxLines {
		o.log.Warn("more output than is logged", "lines_left_out", o.lines-maxLines)
	}
}

func (o *output) note(line string, cut bool) {
	line = strings.ToValidUTF8(strings.TrimRight(line, "\r\n"), "�")
	if line == "" {
		return
	}
	if cut {
		line += "…"
	}
	o.lines++
	o.last = line
	if o.lines <= maxLines {
		o.log.Info("output", "line", line)
	}
}

// settle gives what has been said the time to be read. Somebody who has left the group may hold the pipe open.
func (o *output) settle(ctx context.Context) {
	late := time.NewTimer(lingering)
	if ctx.Err() != nil {
		late.Reset(lingering / 10)
	}
	defer late.Stop()
	select {
	case <-o.ended:
	case <-late.C:
	}
}

// close ends the reading, whoever still has the other end.
func (o *output) close(from *os.File) {
	from.Close()
	<-o.ended
}

// said is the last line, for an error.
func (o *output) said() string {
	select {
	case <-o.ended:
	default:
		return ""
	}
	if o.last == "" {
		return ""
	}
	if len(o.last) > lastInText {
		return fmt.Sprintf("; it said: %s…", strings.ToValidUTF8(o.last[:lastInText], ""))
	}
	return "; it said: " + o.last
}
