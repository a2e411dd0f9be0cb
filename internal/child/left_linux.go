package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
)

// adopt makes this process the parent of all processes that its descendants leave behind, and tells whether it did. Then each child
// of this process comes from the program that is started next. That would not hold if there are children already: a shell that
// this process replaced may leave some. It would not hold for process 1 either: its children may come from anybody.
func adopt() bool {
	return os.Getpid() != 1 && !hasChildren() && unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == nil
}

func hasChildren() bool {
	return !errors.Is(unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil), unix.ECHILD)
}

// started are the processes that the program started, as far as /proc shows them: the others of its group, and all
// descendants of the adopter. Processes that have ended and are not reaped are among them. The program must not be reaped yet:
// it may be the parent of some.
func (c *child) started() []proc.Process {
	pids, _ := proc.PIDs("")
	all := map[int]proc.Process{}
	for _, pid := range pids {
		if p, err := proc.Read("", pid); err == nil {
			all[p.PID] = p
		}
	}
	descends := func(p proc.Process) bool {
		for range all { // a bound for the loop: parents may have changed while they were read
			if p.Parent == c.adopter {
				return true
			}
			if p = all[p.Parent]; p.PID == 0 {
				return false
			}
		}
		return false
	}
	leader := c.process.Pid
	var started []proc.Process
	for _, p := range all {
		if p.PID != leader && (p.Group == leader || c.adopter != 0 && descends(p)) {
			started = append(started, p)
		}
	}
	return started
}

// tellLeft logs the names of what still runs when the program has ended, and tells whether anything is left.
func (c *child) tellLeft() bool {
	started := c.started()
	var names []string
	for _, p := range started {
		if !p.Ended() {
			names = append(names, fmt.Sprintf("%s (%d)", p.Name, p.PID))
		}
	}
	if len(names) > 0 {
		c.log.Warn("the program has ended, but not all that it started; the rest is killed", "event.code", "program-left-processes", "processes", names)
	}
	return len(started) > 0
}

// endDescendants kills what the program left to the adopter, and all that these processes started. There may be little time left, so
// it is quick even on a machine with many processes.
func (c *child) endDescendants() {
	var all []int
	for next := []int{c.adopter}; len(next) > 0; next = next[1:] {
		for _, pid := range children(next[0]) {
			next = append(next, pid)
			if pid != c.process.Pid {
				all = append(all, pid)
			}
		}
	}
	for _, pid := range all {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// children are the process ids of the children of a process.
func children(pid int) (all []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list) // it fails for a thread that has just ended
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// endLeft kills what has left the group, and then what these processes leave behind, until nothing is left. Even if no time is left,
// it kills every process that there is now.
func (c *child) endLeft(ctx context.Context, within time.Duration) {
	if c.adopter == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	c.endDescendants()
	for look := time.Tick(time.Millisecond); ; {
		left := c.started()
		for _, p := range left {
			endProcess(p)
			_, _ = unix.Wait4(p.PID, nil, unix.WNOHANG, nil)
		}
		if len(left) == 0 {
			return
		}
		select {
		case <-look:
		case <-ctx.Done():
			return
		}
	}
}

// endProcess kills this process. It does not kill another process that has got the same process id by now.
func endProcess(p proc.Process) {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return
	}
	defer handle.Release()
	if lives, _ := p.Lives(""); lives {
		_ = handle.Kill()
	}
}
