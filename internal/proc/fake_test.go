package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// fake is a process in a /proc of our own.
type fake struct {
	pid, parent int
	started     uint64
	cgroup      string
	name        string
}

func fakeProc(t *testing.T, self int, processes ...fake) string {
	t.Helper()
	proc := t.TempDir()
	put(t, proc, "sys/kernel/random/boot_id", "c0ffee\n")
	put(t, proc, "uptime", "1 1\n")
	for _, p := range processes {
		pid := strconv.Itoa(p.pid)
		put(t, proc, pid+"/cgroup", p.cgroup)
		put(t, proc, pid+"/stat", fmt.Sprintf("%d (%s) S %d 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", p.pid, p.name, p.parent, p.started))
	}
	me := filepath.Join(proc, strconv.Itoa(self), "ns")
	for _, err := range []error{
		os.MkdirAll(me, 0o700),
		os.Symlink("pid:[4026531836]", filepath.Join(me, "pid")),
		os.Symlink("mnt:[4026531841]", filepath.Join(me, "mnt")),
		os.Symlink(strconv.Itoa(self), filepath.Join(proc, "self")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return proc
}

func put(t *testing.T, proc, name, text string) {
	t.Helper()
	name = filepath.Join(proc, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
