package podlog

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
)

// patience is how long an Output waits for room in a full pipe. It is for all lines together, until a
// line goes out at once again.
const patience = 100 * time.Millisecond

// atOnce is the longest that a write takes if it does not have to wait.
const atOnce = time.Millisecond

// Output is an open destination, safe for concurrent use.
type Output struct {
	name     string
	terminal bool
	stderr   bool
	again    func() (int, error) // opens it for each line; nil: it stays open

	mu       sync.Mutex
	fd       int           // -1: closed, or nowhere
	patience time.Duration // what is left of it
	torn     bool          // the last thing written is half a line
	lost     int
}

func (at Place) output(name string, fd int) *Output {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return &Output{
		name:     name,
		terminal: isTerminal(fd),
		stderr:   err == nil && at.isStderr(st),
		fd:       fd,
		patience: patience,
	}
}

func (at Place) isStderr(st unix.Stat_t) bool {
	var own unix.Stat_t
	err := unix.Stat(proc.Path(at.Proc, "self", "fd", "2"), &own)
	if err != nil {
		err = unix.Fstat(2, &own)
	}
	return err == nil && own.Dev == st.Dev && own.Ino == st.Ino
}

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// Name says where the lines go, for people: "container log (/proc/1/fd/2)", "stdout", "stderr",
// the path of a file, or "nowhere".
func (o *Output) Name() string { return o.name }

// Terminal says whether somebody reads the lines as they come. The container log is never one.
func (o *Output) Terminal() bool { return o.terminal }

// SharesStderr says whether the lines go to the same place as the process's own stderr. They do if
// this process is the container's main process. What was logged need not be said on stderr again.
func (o *Output) SharesStderr() bool { return o.stderr }

// Lost is the number of lines that could not be written, or only in part.
func (o *Output) Lost() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

// Write writes one line, newline included. It never fails: if there is no room, or no
// reader any more, the line is counted in Lost. It waits for room, 100 ms in all. When these are spent,
// it tries lines without waiting, until a line goes out at once. A line of up to 4095 bytes goes
// into a pipe whole or not at all. After half of a longer line, a new line is begun.
func (o *Output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	start := time.Now()
	var err error
	if o.fd < 0 && o.again != nil {
		o.fd, err = o.again()
	}
	if err == nil {
		err = o.deliver(line, start.Add(o.patience))
	}
	if o.again != nil {
		o.shut()
	}
	took := time.Since(start)
	o.patience = max(0, o.patience-took)
	switch {
	case err != nil:
		o.lost++
	case took <= atOnce:
		o.patience = patience
	}
	return len(line), nil
}

// deliver writes a line, waiting for room until end.
func (o *Output) deliver(line []byte, end time.Time) error {
	if o.torn {
		line = append([]byte{'\n'}, line...)
	}
	for rest := line; len(rest) > 0; {
		n, err := o.some(rest[:min(len(rest), pipeBuf)], end)
		if err != nil {
			o.torn = o.torn || len(rest) < len(line)
			return err
		}
		rest = rest[n:]
	}
	o.torn = false
	return nil
}

// some writes as much as there is room for. A duplicated stream has no O_NONBLOCK. But then await has
// found a free page in the pipe, or most of a socket's buffer free, and p is no longer than that.
func (o *Output) some(p []byte, end time.Time) (int, error) {
	for {
		if err := o.await(end); err != nil {
			return 0, err
		}
		n, err := unix.Write(o.fd, p)
		taken := err == unix.EAGAIN && time.Now().Before(end) // the application has taken the room
		if !taken && err != unix.EINTR {
			return n, err
		}
	}
}

// await returns as soon as there is room or writing would fail. After end it looks once.
func (o *Output) await(end time.Time) error {
	if o.fd < 0 {
		return errors.New("closed")
	}
	ready := []unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLOUT}}
	for {
		left := max(0, time.Until(end))
		n, err := unix.Poll(ready, int(left.Milliseconds()))
		switch {
		case err == nil && n == 0:
			return errors.New("no room")
		case err != unix.EINTR:
			return err
		}
	}
}

// Close closes the destination, never the stream that the process was started with. Lines written
// after it are lost.
func (o *Output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.again = nil
	return o.shut()
}

func (o *Output) shut() error {
	if o.fd < 0 {
		return nil
	}
	fd := o.fd
	o.fd = -1
	return unix.Close(fd)
}
