package podlog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// container opens the stderr of the container's main process, which is what kubectl logs shows.
//
// The kernel refuses it (EACCES) to another user or group, and to a hook with fewer capabilities
// than that process. /dev/null counts as refused: nobody would see the lines.
func (at Place) container() (*Output, error) {
	pid, err := at.mainProcess()
	if err != nil {
		return nil, err
	}
	path := at.path(pid, "fd", "2")
	fd, err := openToWrite(path)
	if err != nil {
		return nil, err
	}
	if isNull(fd) {
		return nil, errors.Join(fmt.Errorf("%s is /dev/null", path), unix.Close(fd))
	}
	out := at.output("container log ("+path+")", fd)
	out.terminal = false // a container with tty: true has its log collected all the same
	return out, nil
}

func isNull(fd int) bool {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && uint64(st.Rdev) == unix.Mkdev(1, 3)
}

// mainProcess finds the pid of the container's main process.
//
// That is PID 1, unless the pod shares one process namespace; then PID 1 is in a cgroup of its own,
// and ours is the process in our cgroup that has no parent in the namespace, as the runtime's
// children have not, and started first. Hooks and exec probes look the same but start later.
func (at Place) mainProcess() (string, error) {
	cgroup, err := os.ReadFile(at.path("self", "cgroup"))
	if err != nil || at.shares("1", cgroup) {
		return "1", nil
	}
	first, err := at.process("self")
	if err != nil {
		return "", err
	}
	self := first.pid
	entries, err := os.ReadDir(at.path())
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		p, err := at.process(entry.Name())
		if err == nil && p.parent == 0 && p.before(first) && at.shares(entry.Name(), cgroup) {
			first = p
		}
	}
	if first.pid == self {
		return "", errors.New("container log: PID 1 is another container's, and this one's main process is not to be seen")
	}
	return strconv.Itoa(first.pid), nil
}

// shares says whether a process is in this cgroup, given as its /proc/PID/cgroup.
func (at Place) shares(pid string, cgroup []byte) bool {
	other, err := os.ReadFile(at.path(pid, "cgroup"))
	return err == nil && bytes.Equal(other, cgroup)
}

// process is a line of /proc/PID/stat.
type process struct {
	pid, parent int
	start       uint64 // in clock ticks since boot
}

func (p process) before(q process) bool {
	return p.start < q.start || p.start == q.start && p.pid < q.pid
}

func (at Place) process(pid string) (process, error) {
	data, err := os.ReadFile(at.path(pid, "stat"))
	if err != nil {
		return process{}, err
	}
	p, err := parseStat(string(data))
	if err != nil {
		return process{}, fmt.Errorf("failed to read %s: %w", at.path(pid, "stat"), err)
	}
	return p, nil
}

// parseStat reads the first, fourth and 22nd field. The second is the program's name in brackets,
// which may hold spaces and brackets itself.
func parseStat(stat string) (process, error) {
	pid, _, opened := strings.Cut(stat, " (")
	end := strings.LastIndexByte(stat, ')')
	if !opened || end < 0 {
		return process{}, errors.New("expected PID (NAME) …")
	}
	fields := strings.Fields(stat[end+1:]) // from the third on
	if len(fields) < 20 {
		return process{}, fmt.Errorf("expected 22 fields or more, found %d", len(fields)+2)
	}
	var p process
	var errs [3]error
	p.pid, errs[0] = strconv.Atoi(pid)
	p.parent, errs[1] = strconv.Atoi(fields[1])
	p.start, errs[2] = strconv.ParseUint(fields[19], 10, 64)
	return p, errors.Join(errs[:]...)
}
