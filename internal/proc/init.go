package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrCgroup is the error of [Init] where the caller's own cgroup cannot be read. Then nothing tells
// the processes of its container from others.
var ErrCgroup = errors.New("our own cgroup cannot be read")

// Init finds the first process of the container that the caller runs in. proc is where procfs is
// mounted; empty: /proc.
//
// Process 1 is the first if it is in our cgroup, or below it. If not, the pod shares one process namespace, or uses
// the node's. Process 1 then belongs to the pause container, or to the node. Our first process is then the
// one that started first of those in our cgroup with a parent outside of it. Hooks and exec probes have
// such a parent too, but start later.
//
// The caller itself is found only as process 1. Otherwise Init fails if it finds no process but the caller:
// a hook is never the first process, so the first has ended or is hidden. Init fails too if process 1 is hidden, as where procfs is
// mounted with hidepid=: whatever is seen then may be a worker, or another exec.
func Init(proc string) (Process, error) {
	cgroup, err := os.ReadFile(Path(proc, "self", "cgroup"))
	if err != nil {
		return Process{}, fmt.Errorf("%w: %w", ErrCgroup, err)
	}
	if _, err := os.Stat(Path(proc, "1", "cgroup")); err != nil {
		return Process{}, fmt.Errorf("process 1 cannot be seen, so the first process of this container is not known: %w", err)
	}
	if inCgroup(proc, "1", cgroup) {
		return Read(proc, "1")
	}
	self, err := Read(proc, "self")
	if err != nil {
		return Process{}, err
	}
	first, err := eldest(proc, cgroup)
	if err == nil && first.PID == self.PID {
		return Process{}, errors.New("process 1 is another container's, and no process but this one could be the first of its own")
	}
	return first, err
}

// eldest is the first process of the cgroup.
func eldest(proc string, cgroup []byte) (Process, error) {
	pids, err := PIDs(proc)
	if err != nil {
		return Process{}, err
	}
	members := map[int]Process{}
	for _, pid := range pids {
		if !inCgroup(proc, pid, cgroup) {
			continue
		}
		if p, err := Read(proc, pid); err == nil { // else it has just ended
			members[p.PID] = p
		}
	}
	var first Process
	for _, p := range members {
		if _, inside := members[p.Parent]; !inside && (first.PID == 0 || p.before(first)) {
			first = p
		}
	}
	if first.PID == 0 {
		return Process{}, errors.New("no process of this container can be seen")
	}
	return first, nil
}

// before orders the processes of a container that have a parent outside of it. If the pod shares a
// namespace, the runtime's own children have no parent there. They come before orphans, which process 1
// adopts. In the node's namespace, all have a parent: the runtime's shim.
func (p Process) before(q Process) bool {
	if outside := p.Parent == 0; outside != (q.Parent == 0) {
		return outside
	}
	return p.Started < q.Started || p.Started == q.Started && p.PID < q.PID
}

// inCgroup tells whether a process is in this cgroup or below it. A main process such as systemd or dockerd moves itself below.
func inCgroup(proc, pid string, cgroup []byte) bool {
	theirs, err := os.ReadFile(Path(proc, pid, "cgroup"))
	for line := range bytes.Lines(cgroup) { // one for each hierarchy
		ours := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("/"))
		var path []byte
		path, theirs, _ = bytes.Cut(theirs, []byte("\n"))
		below, ok := bytes.CutPrefix(path, ours)
		if !ok || len(below) > 0 && below[0] != '/' || bytes.HasPrefix(below, []byte("/..")) {
			return false
		}
	}
	return err == nil && len(theirs) == 0
}

// Path is a path in procfs. proc is where procfs is mounted; empty: /proc.
func Path(proc string, elem ...string) string {
	if proc == "" {
		proc = "/proc"
	}
	return filepath.Join(append([]string{proc}, elem...)...)
}
