package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// A cgroup stands for a container that a hook is run in. The memory that its processes allocate is charged to it, and so is the
// kernel's memory for them. Files that were in the page cache before are not charged.
type cgroup struct {
	dir, peakFile string
	before        int64
	first         *exec.Cmd // stands for the container's own process
}

// memory has the names of files in the two versions of cgroups.
var memory = []struct{ root, usage, peak string }{
	{"/sys/fs/cgroup", "memory.current", "memory.peak"},
	{"/sys/fs/cgroup/memory", "memory.usage_in_bytes", "memory.max_usage_in_bytes"},
}

// newCgroup makes a cgroup. It needs root, a cgroup file system that can be written to, and a kernel that keeps the peak.
func newCgroup() (*cgroup, error) {
	var last error
	for _, m := range memory {
		dir, err := os.MkdirTemp(m.root, "prestop-bench-")
		if err != nil {
			last = err
			continue
		}
		g := &cgroup{dir: dir, peakFile: m.peak}
		if last = g.begin(m.usage); last == nil {
			return g, nil
		}
		g.close()
	}
	return nil, fmt.Errorf("no cgroup for memory: %w", last)
}

func (g *cgroup) begin(usage string) error {
	if _, err := g.read(g.peakFile); err != nil {
		return err
	}
	g.first = exec.Command("sleep", "600")
	if err := g.first.Start(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), strconv.AppendInt(nil, int64(g.first.Process.Pid), 10), 0); err != nil {
		return err
	}
	var err error
	g.before, err = g.read(usage)
	return err
}

// enter is a command that enters the cgroup, and then becomes the command that follows it.
func (g *cgroup) enter() []string {
	return []string{"/bin/sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(g.dir, "cgroup.procs")}
}

// peak is the most memory that was charged at any time, beyond what was charged before the hook, in bytes.
func (g *cgroup) peak() (int64, error) {
	n, err := g.read(g.peakFile)
	return n - g.before, err
}

func (g *cgroup) read(name string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(g.dir, name))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
}

func (g *cgroup) close() {
	if g.first != nil && g.first.Process != nil {
		_ = g.first.Process.Kill()
		_ = g.first.Wait()
	}
	_ = os.Remove(g.dir)
}
