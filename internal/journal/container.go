package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Container is one life of one container: it differs from its neighbours in
// the pod and from what it was before a restart.
type Container struct {
	Boot            string // the kernel's boot id
	PIDNamespace    string // as /proc/self/ns/pid names it
	MountNamespace  string // never shared by two containers, as the process namespace may be
	Init            int    // process id of the container's own first process, in that namespace
	InitStartedTick uint64 // clock ticks from boot to that process's start
}

// ID is 16 hex digits for the container, the same in each of its processes.
// It is a hash, so it may be published.
func (c Container) ID() string {
	sum := sha256.Sum256([]byte(c.text()))
	return hex.EncodeToString(sum[:8])
}

func (c Container) text() string {
	return fmt.Sprintf("%s %s %s %d %d", c.Boot, c.PIDNamespace, c.MountNamespace, c.Init, c.InitStartedTick)
}

// Self is the container that the caller runs in, read from /proc. Outside of a
// container it is the session or service that the caller belongs to, which
// serves as well. It fails rather than take another container for its own.
func Self() (Container, error) {
	return self("/proc")
}

func self(proc string) (Container, error) {
	boot, err := os.ReadFile(filepath.Join(proc, "sys/kernel/random/boot_id"))
	if err != nil {
		return Container{}, err
	}
	c := Container{Boot: strings.TrimSpace(string(boot))}
	if c.Boot == "" {
		return Container{}, errors.New("the kernel's boot id is empty")
	}
	if c.PIDNamespace, err = os.Readlink(filepath.Join(proc, "self/ns/pid")); err != nil {
		return Container{}, err
	}
	if c.MountNamespace, err = os.Readlink(filepath.Join(proc, "self/ns/mnt")); err != nil {
		return Container{}, err
	}
	first, err := containerInit(proc)
	if err != nil {
		return Container{}, err
	}
	c.Init, c.InitStartedTick = first.pid, first.started
	return c, nil
}

// containerInit finds the container's own first process. That is process 1,
// unless the pod shares one process namespace: then process 1 is the pause
// container's, or the node's, which is seen by its cgroup.
func containerInit(proc string) (process, error) {
	me, err := os.Readlink(filepath.Join(proc, "self"))
	if err != nil {
		return process{}, err
	}
	cgroup, err := os.ReadFile(filepath.Join(proc, me, "cgroup"))
	if err != nil {
		return process{}, err
	}
	if inCgroup(proc, "1", cgroup) {
		return readProcess(proc, "1")
	}
	first, err := eldest(proc, cgroup)
	if err == nil && strconv.Itoa(first.pid) == me {
		err = errors.New("no process but this one could be the first of its container")
	}
	return first, err
}

// eldest is the process of the cgroup that started first, among those whose
// parent is outside of it. The parent decides where both started in the same
// tick; it is 0 in a namespace shared by the pod, and the runtime's shim in the
// node's.
func eldest(proc string, cgroup []byte) (process, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return process{}, err
	}
	members := map[int]process{}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil || !inCgroup(proc, e.Name(), cgroup) {
			continue
		}
		if p, err := readProcess(proc, e.Name()); err == nil { // else it has just ended
			members[p.pid] = p
		}
	}
	var first process
	for _, p := range members {
		if _, inside := members[p.parent]; !inside && (first.pid == 0 || p.before(first)) {
			first = p
		}
	}
	if first.pid == 0 {
		return first, errors.New("no process of this container can be seen")
	}
	return first, nil
}

func inCgroup(proc, pid string, cgroup []byte) bool {
	data, err := os.ReadFile(filepath.Join(proc, pid, "cgroup"))
	return err == nil && bytes.Equal(data, cgroup)
}

type process struct {
	pid, parent int
	started     uint64 // clock ticks since boot
}

func (p process) before(q process) bool {
	if p.started != q.started {
		return p.started < q.started
	}
	return p.pid < q.pid
}

// readProcess reads /proc/PID/stat. The name in it may hold blanks and
// parentheses, so the fields are counted from the last one.
func readProcess(proc, pid string) (process, error) {
	path := filepath.Join(proc, pid, "stat")
	data, err := os.ReadFile(path)
	if err != nil {
		return process{}, err
	}
	id, errPID := strconv.Atoi(pid)
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if errPID != nil || len(fields) < 20 {
		return process{}, fmt.Errorf("%s: %d fields after the name, expected at least 20", path, len(fields))
	}
	parent, errParent := strconv.Atoi(fields[1])
	started, errStarted := strconv.ParseUint(fields[19], 10, 64)
	if err := errors.Join(errParent, errStarted); err != nil {
		return process{}, fmt.Errorf("%s: %w", path, err)
	}
	return process{pid: id, parent: parent, started: started}, nil
}
