package podlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/regular"
)

// Place is what Open needs to know about where the hook runs.
type Place struct {
	InPod bool   // KUBERNETES_SERVICE_HOST is set, and nobody is at a terminal
	Proc  string // where procfs is mounted; empty: /proc
}

// Open opens a destination for a log. If it cannot be opened, another one is used. For a file this is what Auto would
// be, for anything else stdout, and for stdout an Output that only counts. Each note is a sentence about one
// such refusal, for the log's first warnings.
//
// A file is appended to, and created with mode 0640 if it is missing. It is a regular file or a
// FIFO that somebody reads. The path must not end in a symbolic link: whoever may write into a shared
// volume must not choose what the hook writes to. The links of /proc/1/fd belong to the kernel, and
// are followed to whatever they stand for.
func Open(to string, at Place) (out *Output, notes []string) {
	var refused []error
	nowhere := func() (*Output, error) { return &Output{name: "nowhere", fd: -1}, nil }
	for _, open := range append(at.choices(to), nowhere) {
		var err error
		if out, err = open(); err == nil {
			break
		}
		refused = append(refused, err)
	}
	for _, err := range refused {
		notes = append(notes, fmt.Sprintf("%v: logging to %s instead", err, out.Name()))
	}
	return out, notes
}

// choices are the destinations to try, in order.
func (at Place) choices(to string) []func() (*Output, error) {
	stdout := func() (*Output, error) { return at.own(Stdout, 1) }
	stderr := func() (*Output, error) { return at.own(Stderr, 2) }
	auto := []func() (*Output, error){at.container, stdout}
	if !at.InPod || at.onTerminal() {
		auto = auto[1:]
	}
	switch to {
	case "", Auto:
		return auto
	case Container:
		return []func() (*Output, error){at.container, stdout}
	case Stdout, "/dev/stdout":
		return []func() (*Output, error){stdout}
	case Stderr, "/dev/stderr":
		return []func() (*Output, error){stderr, stdout}
	}
	file := func() (*Output, error) { return at.file(to) }
	return append([]func() (*Output, error){file}, auto...)
}

func (at Place) onTerminal() bool {
	stdout, err := at.own(Stdout, 1)
	if err != nil {
		return false
	}
	defer stdout.Close()
	return stdout.Terminal()
}

// container opens the stderr of the container's main process, which is what kubectl logs shows.
//
// The kernel refuses it (EACCES) to another user or group, and to a hook with fewer capabilities
// than the main process. /dev/null counts as refused: nobody would see the lines.
func (at Place) container() (*Output, error) {
	pid, err := at.mainProcess()
	if err != nil {
		return nil, err
	}
	path := proc.Path(at.Proc, pid, "fd", "2")
	fd, err := openToWrite(path, 0)
	if err != nil {
		return nil, err
	}
	if isNull(fd) {
		return nil, errors.Join(fmt.Errorf("%s is /dev/null", path), unix.Close(fd))
	}
	out := at.output("container log ("+path+")", fd)
	out.terminal = false // the log of a container with tty: true is collected all the same
	return out, nil
}

func isNull(fd int) bool {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && uint64(st.Rdev) == unix.Mkdev(1, 3)
}

// mainProcess finds the pid of the container's main process. If not even our own cgroup can be
// read, it takes PID 1, as in a private namespace: a log in the wrong container is better than none.
func (at Place) mainProcess() (string, error) {
	first, err := proc.Init(at.Proc)
	if errors.Is(err, proc.ErrCgroup) {
		return "1", nil
	}
	if err != nil {
		return "", fmt.Errorf("container log: %w", err)
	}
	return strconv.Itoa(first.PID), nil
}

// own opens one of the hook's own streams.
//
// A pipe or a terminal is opened anew, because O_NONBLOCK on the inherited description would
// change it for every process that shares it. A regular file is not opened anew: a second description has an offset of its own,
// and one would write over the other. If a stream cannot be opened anew (a socket, a pipe that belongs to
// another user or lost its reader, no /proc), it is duplicated. Only then a write can block: on a stopped
// terminal of another user.
func (at Place) own(name string, fd int) (*Output, error) {
	var st unix.Stat_t
	path := proc.Path(at.Proc, "self", "fd", strconv.Itoa(fd))
	_ = unix.Stat(path, &st) // without /proc it is of no kind
	if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFIFO || kind == unix.S_IFCHR {
		if anew, err := openToWrite(path, 0); err == nil {
			return at.output(name, anew), nil
		}
	}
	duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, &os.PathError{Op: "duplicate", Path: name, Err: err}
	}
	return at.output(name, duplicate), nil
}

// file opens a path, and creates a file only if nothing is there, not even a link.
func (at Place) file(path string) (*Output, error) {
	if err := Check(path); err != nil {
		return nil, err
	}
	if at.isDescriptor(path) {
		fd, err := openToWrite(path, 0)
		if err != nil {
			return nil, err
		}
		return at.output(path, fd), nil
	}
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeNamedPipe { // opening it could have an effect
		return nil, &regular.KindError{Path: path, Mode: info.Mode()}
	}
	open := func() (int, error) { // others may have put a link there meanwhile, or have moved the file away
		fd, err := openToWrite(path, unix.O_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			fd, err = openToWrite(path, unix.O_NOFOLLOW|unix.O_CREAT)
		}
		return fd, err
	}
	fd, err := open()
	if err != nil {
		return nil, err
	}
	out := at.output(path, fd)
	// A regular file is opened anew for each line. If a process ends with an open file on a file system in user space, the kernel waits
	// for the server of that file system, whatever becomes of the process.
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
		out.again = open
	}
	return out, nil
}

// isDescriptor tells whether a path stands for an open file of some process.
func (at Place) isDescriptor(path string) bool {
	dir, number := filepath.Split(filepath.Clean(path))
	_, err := strconv.ParseUint(number, 10, 31)
	inProc, _ := filepath.Match(proc.Path(at.Proc, "*", "fd")+"/", dir)
	return err == nil && (inProc || dir == "/dev/fd/")
}

// openToWrite never blocks, never truncates, and never makes a terminal the controlling one.
func openToWrite(path string, more int) (int, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_APPEND|unix.O_NOCTTY|unix.O_CLOEXEC|more, 0o640)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}
