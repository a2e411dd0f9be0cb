package podlog

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
)

// container opens the stderr of the container's main process, which is what kubectl logs shows.
//
// The kernel refuses it (EACCES) to another user or group, and to a hook with fewer capabilities
// than the main process. /dev/null counts as refused: nobody would see the lines.
func (at Place) container() (*Output, error) {
	pid, err := at.mainProcess()
	if err != nil {
		return nil, err
	}
	path := at.path(pid, "fd", "2")
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
