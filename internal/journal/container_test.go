package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
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
	put := func(path, text string) {
		t.Helper()
		path = filepath.Join(proc, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("sys/kernel/random/boot_id", "c0ffee\n")
	put("uptime", "1 1\n")
	for _, p := range processes {
		pid := strconv.Itoa(p.pid)
		put(pid+"/cgroup", p.cgroup)
		put(pid+"/stat", fmt.Sprintf("%d (%s) S %d 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", p.pid, p.name, p.parent, p.started))
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

func TestContainerInit(t *testing.T) {
	t.Parallel()
	const ours, pause, neighbour = "0::/\n", "0::/../pause\n", "0::/../neighbour\n"
	rows := map[string]struct {
		self      int
		processes []fake
		pid       int
		started   uint64
		err       string
	}{
		"own process namespace": {
			self: 30, pid: 1, started: 500,
			processes: []fake{{1, 0, 500, ours, "app"}, {7, 1, 501, ours, "worker"}, {30, 0, 900, ours, "prestop"}},
		},
		"the hook is process 1": {
			self: 1, pid: 1, started: 500,
			processes: []fake{{1, 0, 500, ours, "prestop"}},
		},
		"a name that looks like fields": {
			self: 30, pid: 1, started: 500,
			processes: []fake{{1, 0, 500, ours, ") S 9 (a) 1 2 3\n"}, {30, 0, 900, ours, "prestop"}},
		},
		"shared by the pod": {
			self: 90, pid: 20, started: 510,
			processes: []fake{
				{1, 0, 500, pause, "pause"}, {9, 0, 505, neighbour, "proxy"}, {20, 0, 510, ours, "app"},
				{21, 20, 511, ours, "worker"}, {60, 0, 800, ours, "probe"}, {90, 0, 900, ours, "prestop"},
			},
		},
		"an orphan, adopted by pause": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 500, pause, "pause"}, {20, 0, 510, ours, "app"}, {22, 1, 510, ours, "daemon"}, {90, 0, 900, ours, "prestop"}},
		},
		"a child of the same tick, with a lower id": {
			self: 90, pid: 200, started: 510,
			processes: []fake{{1, 0, 500, pause, "pause"}, {20, 200, 510, ours, "worker"}, {200, 0, 510, ours, "app"}, {900, 0, 900, ours, "x"}, {90, 0, 900, ours, "prestop"}},
		},
		"ids have wrapped": {
			self: 19, pid: 30000, started: 510,
			processes: []fake{{1, 0, 500, pause, "pause"}, {30000, 0, 510, ours, "app"}, {12, 0, 700, ours, "probe"}, {19, 0, 900, ours, "prestop"}},
		},
		"the node's namespace: the parent is the shim": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 1, "0::/../../init.scope\n", "systemd"}, {15, 1, 400, "0::/../shim\n", "containerd-shim"}, {20, 15, 510, ours, "app"}, {90, 15, 900, ours, "prestop"}},
		},
		"cgroup v1, whole paths": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 500, "4:cpu:/kubepods/p/pause\n0::/\n", "pause"}, {20, 0, 510, "4:cpu:/kubepods/p/app\n0::/\n", "app"}, {90, 0, 900, "4:cpu:/kubepods/p/app\n0::/\n", "prestop"}},
		},
		"init cannot be seen": {
			self: 90, err: "no process but this one",
			processes: []fake{{1, 0, 500, pause, "pause"}, {90, 0, 900, ours, "prestop"}},
		},
		"process 1 cannot be seen": {
			self: 90, err: "no process but this one",
			processes: []fake{{90, 0, 900, ours, "prestop"}},
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := self(fakeProc(t, row.self, row.processes...))
			if row.err != "" {
				if err == nil || c != (Container{}) || !strings.Contains(err.Error(), row.err) {
					t.Fatalf("found %v, %v, expected an error with %q", c, err, row.err)
				}
				return
			}
			want := Container{Boot: "c0ffee", PIDNamespace: "pid:[4026531836]", MountNamespace: "mnt:[4026531841]", Init: row.pid, InitStartedTick: row.started}
			if err != nil || c != want {
				t.Errorf("found %v, %v, expected %v", c, err, want)
			}
		})
	}
}

func TestBrokenProc(t *testing.T) {
	t.Parallel()
	rows := map[string]func(proc string) error{
		"no boot id":    func(p string) error { return os.Remove(p + "/sys/kernel/random/boot_id") },
		"empty boot id": func(p string) error { return os.WriteFile(p+"/sys/kernel/random/boot_id", []byte("\n"), 0o600) },
		"no self":       func(p string) error { return os.Remove(p + "/self") },
		"no namespace":  func(p string) error { return os.Remove(p + "/30/ns/pid") },
		"no mounts":     func(p string) error { return os.Remove(p + "/30/ns/mnt") },
		"no cgroup":     func(p string) error { return os.Remove(p + "/30/cgroup") },
		"no stat":       func(p string) error { return os.Remove(p + "/1/stat") },
		"empty stat":    func(p string) error { return os.WriteFile(p+"/1/stat", nil, 0o600) },
		"short stat":    func(p string) error { return os.WriteFile(p+"/1/stat", []byte("1 (a) S 0"), 0o600) },
		"stat of words": func(p string) error {
			return os.WriteFile(p+"/1/stat", []byte("1 (a)"+strings.Repeat(" x", 20)), 0o600)
		},
		"negative start": func(p string) error {
			return os.WriteFile(p+"/1/stat", []byte("1 (a) S"+strings.Repeat(" -1", 20)), 0o600)
		},
	}
	for name, breakIt := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proc := fakeProc(t, 30, fake{1, 0, 500, "0::/\n", "app"}, fake{30, 0, 900, "0::/\n", "prestop"})
			if err := breakIt(proc); err != nil {
				t.Fatal(err)
			}
			if c, err := self(proc); err == nil || c != (Container{}) {
				t.Errorf("found %v, %v, expected an error and nothing", c, err)
			}
		})
	}
}

func TestSelfIsStable(t *testing.T) {
	t.Parallel()
	a, err := Self()
	if err != nil {
		t.Skip(err) // where /proc shows no one else
	}
	b, err := Self()
	if err != nil || a != b || a.ID() != b.ID() {
		t.Errorf("%v and %v, %v", a, b, err)
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	id := someContainer.ID()
	if !regexp.MustCompile("^[0-9a-f]{16}$").MatchString(id) {
		t.Errorf("ID %q, expected 16 hex digits", id)
	}
	restarted := someContainer
	restarted.InitStartedTick++
	if restarted.ID() == id {
		t.Error("a restarted container has the same ID")
	}
}
