package proc

import (
	"errors"
	"os"
	"path/filepath"
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
			if c, err := self(proc); err == nil || c != "" {
				t.Errorf("found %q, %v, expected an error and nothing", c, err)
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

// Each of the things that a container is known by makes another container of it.
func TestWhatIsAnotherContainer(t *testing.T) {
	t.Parallel()
	link := func(proc, name, to string) error {
		name = filepath.Join(proc, "30/ns", name)
		return errors.Join(os.Remove(name), os.Symlink(to, name))
	}
	seen := map[Container]string{}
	ids := map[string]bool{}
	for name, row := range map[string]struct {
		pid     int
		started uint64
		change  func(proc string) error
	}{
		"the first":       {1, 77, func(string) error { return nil }},
		"boot":            {1, 77, func(p string) error { return os.WriteFile(p+"/sys/kernel/random/boot_id", []byte("another\n"), 0o600) }},
		"pid namespace":   {1, 77, func(p string) error { return link(p, "pid", "pid:[9]") }},
		"mount namespace": {1, 77, func(p string) error { return link(p, "mnt", "mnt:[9]") }},
		"init":            {9, 77, func(string) error { return nil }},
		"restart":         {1, 78, func(string) error { return nil }},
		"boundary":        {17, 7, func(string) error { return nil }},
	} {
		proc := fakeProc(t, 30, fake{1, 0, 5, "0::/../pause\n", "pause"}, fake{row.pid, 0, row.started, "0::/\n", "app"}, fake{30, 0, 900, "0::/\n", "prestop"})
		if err := row.change(proc); err != nil {
			t.Fatal(err)
		}
		c, err := self(proc)
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[c]; twice || ids[c.ID()] {
			t.Errorf("%s: %q is that of %q", name, c, other)
		}
		seen[c], ids[c.ID()] = name, true
		if !regexp.MustCompile("^[0-9a-f]{16}$").MatchString(c.ID()) {
			t.Errorf("ID %q, expected 16 hex digits", c.ID())
		}
	}
}
