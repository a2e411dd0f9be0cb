package proc

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/testserver"
)

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
		testserver.Lacks(t, "%v", err) // where /proc shows no one else
	}
	b, err := Self()
	if err != nil || a != b || a.ID() != b.ID() {
		t.Errorf("%v and %v, %v", a, b, err)
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	one := Container{Boot: "b", PIDNamespace: "pid:[1]", MountNamespace: "mnt:[2]", Init: 1, InitStartedTick: 77}
	id := one.ID()
	if !regexp.MustCompile("^[0-9a-f]{16}$").MatchString(id) {
		t.Errorf("ID %q, expected 16 hex digits", id)
	}
	restarted := one
	restarted.InitStartedTick++
	if restarted.ID() == id {
		t.Error("a restarted container has the same ID")
	}
}
