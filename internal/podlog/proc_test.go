package podlog

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fakeProc is a directory that looks like procfs as far as Open looks.
type fakeProc struct {
	t    *testing.T
	root string
}

func newProc(t *testing.T) fakeProc { return fakeProc{t, t.TempDir()} }

func (p fakeProc) write(path, content string) {
	p.t.Helper()
	path = filepath.Join(p.root, path)
	p.ok(os.MkdirAll(filepath.Dir(path), 0o755))
	p.ok(os.WriteFile(path, []byte(content), 0o644))
}

// process adds a process whose name is as hostile as the kernel allows.
func (p fakeProc) process(pid, parent, start int, cgroup string) {
	p.t.Helper()
	dir := strconv.Itoa(pid)
	p.write(dir+"/cgroup", cgroup)
	p.write(dir+"/stat", fmt.Sprintf("%d (a) S 0 (b) S %d%s %d 0 0\n", pid, parent, strings.Repeat(" 7", 17), start))
	p.ok(os.MkdirAll(filepath.Join(p.root, dir, "fd"), 0o755))
}

func (p fakeProc) self(pid string) {
	p.t.Helper()
	p.ok(os.Symlink(pid, filepath.Join(p.root, "self")))
}

// fd points a descriptor of a process at a file.
func (p fakeProc) fd(pid, fd int, target string) {
	p.t.Helper()
	p.ok(os.Symlink(target, filepath.Join(p.root, strconv.Itoa(pid), "fd", strconv.Itoa(fd))))
}

func (p fakeProc) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// awaitNoReader waits until the last reader of a pipe is gone. After Close that may take a moment:
// a process that another test has just forked holds all descriptors until it executes its program.
func awaitNoReader(t *testing.T, writer int) {
	t.Helper()
	for {
		fds := []unix.PollFd{{Fd: int32(writer)}}
		n, err := unix.Poll(fds, 10_000)
		if n == 1 {
			return
		}
		if err != unix.EINTR {
			t.Fatalf("the pipe still has a reader (%v)", err)
		}
	}
}

// fifo is a named pipe with a reader; read returns what it got, once all writers are gone.
type fifo struct {
	t      *testing.T
	path   string
	reader *os.File
}

func newFIFO(t *testing.T) fifo {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	return fifo{t, path, reader}
}

func (f fifo) read() string {
	f.t.Helper()
	data, err := io.ReadAll(f.reader)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(data)
}
