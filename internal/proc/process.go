package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a line of /proc/PID/stat. PID and Started together name one process; a PID alone may be
// given to another.
type Process struct {
	PID     int
	Parent  int    // process id; 0: outside of the process namespace
	Group   int    // process id of its process group's leader
	Started uint64 // clock ticks since boot
	Name    string // of its program; any bytes, 15 at most

	state   byte
	threads int // the first one included, also when it alone has ended
}

// Read reads a process from procfs, which is mounted at proc (empty: /proc). pid is a number, or
// "self" for the caller. For a process that has ended the error is fs.ErrNotExist or ESRCH.
func Read(proc, pid string) (Process, error) {
	name := Path(proc, pid, "stat")
	data, err := os.ReadFile(name)
	if err != nil {
		return Process{}, err
	}
	p, err := parseStat(string(data))
	if err != nil {
		return Process{}, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// PIDs are the processes that can be seen, in no order, each as [Read] takes it. proc is where procfs is mounted; empty: /proc.
func PIDs(proc string) ([]string, error) {
	dir, err := os.Open(Path(proc))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	return slices.DeleteFunc(names, func(name string) bool { return strings.Trim(name, "0123456789") != "" }), err
}

// Lives tells whether the process still runs. A zombie does not run: it has ended, and its parent has not
// taken notice yet. If another process has the PID by now, the process does not run either.
func (p Process) Lives(proc string) (bool, error) {
	now, err := Read(proc, strconv.Itoa(p.PID))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return now.Started == p.Started && !now.Ended(), nil
}

// Age is how long ago the process started, to 10 ms: procfs counts in hundredths of a second on every machine that Go knows.
func (p Process) Age() (time.Duration, error) {
	now, err := SinceBoot()
	return now - time.Duration(p.Started)*(time.Second/100), err
}

// Ended tells whether the process had ended when it was read: it was a zombie. If only its first thread had ended and others had
// not, the process had not ended.
func (p Process) Ended() bool {
	return (p.state == 'Z' || p.state == 'X') && p.threads <= 1
}

// parseStat reads the fields 1 to 5, 20 and 22. The second is the program's name in brackets, which
// may hold blanks and brackets itself.
func parseStat(stat string) (Process, error) {
	pid, rest, opened := strings.Cut(stat, " (")
	end := strings.LastIndexByte(rest, ')')
	if !opened || end < 0 {
		return Process{}, errors.New("expected PID (NAME) …")
	}
	fields := strings.Fields(rest[end+1:]) // from the third on
	if len(fields) < 20 {
		return Process{}, fmt.Errorf("expected 22 fields or more, found %d", len(fields)+2)
	}
	p := Process{Name: rest[:end], state: fields[0][0]}
	var errs [5]error
	p.PID, errs[0] = strconv.Atoi(pid)
	p.Parent, errs[1] = strconv.Atoi(fields[1])
	p.Group, errs[2] = strconv.Atoi(fields[2])
	p.threads, errs[3] = strconv.Atoi(fields[17])
	p.Started, errs[4] = strconv.ParseUint(fields[19], 10, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return Process{}, err
	}
	return p, nil
}
