package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInit(t *testing.T) {
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
		"the node's namespace, a child of the same tick": {
			self: 90, pid: 200, started: 510,
			processes: []fake{{1, 0, 1, "0::/../../init.scope\n", "systemd"}, {15, 1, 400, "0::/../shim\n", "containerd-shim"}, {20, 200, 510, ours, "worker"}, {200, 15, 510, ours, "app"}, {90, 15, 900, ours, "prestop"}},
		},
		"cgroup v1, whole paths": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 500, "4:cpu:/kubepods/p/pause\n0::/\n", "pause"}, {20, 0, 510, "4:cpu:/kubepods/p/app\n0::/\n", "app"}, {90, 0, 900, "4:cpu:/kubepods/p/app\n0::/\n", "prestop"}},
		},
		"an orphan that seems to be older": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 500, pause, "pause"}, {20, 0, 510, ours, "app"}, {9, 1, 505, ours, "daemon"}, {90, 0, 900, ours, "prestop"}},
		},
		"an older process beside process 1": {
			self: 90, pid: 1, started: 500,
			processes: []fake{{1, 0, 500, ours, "app"}, {7, 0, 490, ours, "x"}, {90, 0, 900, ours, "prestop"}},
		},
		"started in one tick": {
			self: 90, pid: 89, started: 900,
			processes: []fake{{1, 0, 500, pause, "pause"}, {89, 0, 900, ours, "app"}, {90, 0, 900, ours, "prestop"}, {91, 0, 900, ours, "probe"}},
		},
		"shared, names that look like fields": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 500, pause, "1 (a) S 0"}, {20, 0, 510, ours, "x) Z 90 (y (z) "}, {21, 20, 510, ours, ") S 0"}, {90, 0, 900, ours, "p) R 1 1"}},
		},
		"a child of the hook": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 500, pause, "pause"}, {20, 0, 510, ours, "app"}, {90, 0, 900, ours, "prestop"}, {8, 90, 901, ours, "curl"}},
		},
		"the hook is a shell's child": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 500, pause, "pause"}, {20, 0, 510, ours, "app"}, {89, 0, 890, ours, "sh"}, {90, 89, 900, ours, "prestop"}},
		},
		"a zombie": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 500, pause, "pause"}, {20, 0, 510, ours, "app) Z 0 (b"}, {90, 0, 900, ours, "prestop"}},
		},
		"process 1 has moved below": {
			self: 90, pid: 1, started: 500,
			processes: []fake{{1, 0, 500, "0::/init.scope\n", "systemd"}, {60, 0, 800, ours, "sh"}, {90, 60, 900, ours, "prestop"}},
		},
		"process 1 has moved below, cgroup v1": {
			self: 90, pid: 1, started: 500,
			processes: []fake{{1, 0, 500, "4:cpu:/kubepods/p/app\n0::/p/app/init\n", "dockerd"}, {90, 0, 900, "4:cpu:/kubepods/p/app\n0::/p/app\n", "prestop"}},
		},
		"shared, and the app has moved below": {
			self: 90, pid: 20, started: 510,
			processes: []fake{{1, 0, 500, pause, "pause"}, {9, 0, 505, "0::/../neighbour/x\n", "proxy"}, {20, 0, 510, "0::/x\n", "app"}, {90, 0, 900, ours, "prestop"}},
		},
		"a neighbour whose name begins alike": {
			self: 90, err: "no process but this one",
			processes: []fake{{1, 0, 500, "0::/p/pause\n", "pause"}, {20, 0, 510, "0::/p/app-2\n", "app"}, {90, 0, 900, "0::/p/app\n", "prestop"}},
		},
		"a longer path that begins alike": {
			self: 90, err: "no process but this one",
			processes: []fake{{1, 0, 500, pause, "pause"}, {20, 0, 510, ours + "x", "app"}, {90, 0, 900, ours, "prestop"}},
		},
		"the hook is the first": {
			self: 20, err: "no process but this one",
			processes: []fake{{1, 0, 500, pause, "pause"}, {20, 0, 510, ours, "prestop"}, {90, 0, 900, ours, "probe"}},
		},
		"init cannot be seen": {
			self: 90, err: "no process but this one",
			processes: []fake{{1, 0, 500, pause, "pause"}, {90, 0, 900, ours, "prestop"}},
		},
		"process 1 cannot be seen": {
			self: 90, err: "process 1 cannot be seen",
			processes: []fake{{90, 0, 900, ours, "prestop"}},
		},
		"process 1 cannot be seen, an older exec can": {
			self: 90, err: "process 1 cannot be seen",
			processes: []fake{{60, 0, 800, ours, "sh"}, {90, 0, 900, ours, "prestop"}},
		},
		"process 1 cannot be seen, a worker can": {
			self: 90, err: "process 1 cannot be seen",
			processes: []fake{{7, 1, 501, ours, "worker"}, {89, 7, 890, ours, "sh"}, {90, 89, 900, ours, "prestop"}},
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proc := fakeProc(t, row.self, row.processes...)
			// Some that end while they are looked at.
			put(t, proc, "3/cgroup", ours)
			put(t, proc, "4/cgroup", ours)
			put(t, proc, "4/stat", "")
			put(t, proc, "5/stat", "5 (cut) S 0 1")
			put(t, proc, "6/cgroup", ours)
			put(t, proc, "6/stat", "6 (cut")
			c, err := self(proc)
			if row.err != "" {
				if err == nil || c != "" || !strings.Contains(err.Error(), row.err) {
					t.Fatalf("found %v, %v, expected an error with %q", c, err, row.err)
				}
				return
			}
			want := Container(fmt.Sprintf("c0ffee pid:[4026531836] mnt:[4026531841] %d %d", row.pid, row.started))
			if err != nil || c != want {
				t.Errorf("found %v, %v, expected %v", c, err, want)
			}
		})
	}
}

func TestInitOfAnUnreadableHook(t *testing.T) {
	t.Parallel()
	proc := fakeProc(t, 30, fake{1, 0, 500, "0::/../pause\n", "pause"}, fake{20, 0, 510, "0::/\n", "app"}, fake{30, 0, 900, "0::/\n", "prestop"})
	put(t, proc, "30/stat", "30 (cut")
	if p, err := Init(proc); err == nil || p != (Process{}) {
		t.Errorf("found %+v, %v; expected an error", p, err)
	}
}

func TestInitWithoutCgroup(t *testing.T) {
	t.Parallel()
	proc := fakeProc(t, 30, fake{1, 0, 500, "0::/\n", "app"}, fake{30, 0, 900, "0::/\n", "prestop"})
	if err := os.Remove(filepath.Join(proc, "30/cgroup")); err != nil {
		t.Fatal(err)
	}
	for _, proc := range []string{proc, t.TempDir()} {
		if p, err := Init(proc); !errors.Is(err, ErrCgroup) || p != (Process{}) {
			t.Errorf("found %+v, %v; expected %q", p, err, ErrCgroup)
		}
	}
	put(t, proc, "30/cgroup", "0::/\n")
	put(t, proc, "1/stat", "")
	if _, err := Init(proc); err == nil || errors.Is(err, ErrCgroup) {
		t.Errorf("%v, expected an error that is another one", err)
	}
}
