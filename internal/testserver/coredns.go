package testserver

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A Zone is what a CoreDNS knows by itself: addresses of names. They can change while it runs.
type Zone struct {
	*Process
	t      testing.TB
	file   string
	serial int
}

// CoreDNS starts a CoreDNS on an address from [Address]. It is the authority for a zone such as
// "svc.test". The first time, it is built from its Go module, which takes some minutes.
func CoreDNS(t testing.TB, address, zone string) *Zone {
	t.Helper()
	z := &Zone{t: t, file: filepath.Join(t.TempDir(), "zone")}
	z.Set(nil)
	z.Process = startCoreDNS(t, address, zone, fmt.Sprintf("file %s %s {\nreload 50ms\n}", z.file, zone))
	return z
}

// Set replaces everything in the zone by lines of a master file, as "web 5 IN A 10.0.0.7". CoreDNS answers so within a few hundred
// milliseconds.
func (z *Zone) Set(lines []string) {
	z.t.Helper()
	z.serial++
	text := fmt.Sprintf("@ 0 IN SOA ns host %d 60 60 60 0\n%s\n", z.serial, strings.Join(lines, "\n"))
	if err := os.WriteFile(z.file+"~", []byte(text), 0o600); err != nil {
		z.t.Fatal(err)
	}
	if err := os.Rename(z.file+"~", z.file); err != nil {
		z.t.Fatal(err)
	}
}

// CoreDNSCache starts a CoreDNS that asks another nameserver and keeps its answers.
func CoreDNSCache(t testing.TB, address, upstream, zone string) *Process {
	t.Helper()
	return startCoreDNS(t, address, zone, "cache 30\nforward . "+upstream)
}

func startCoreDNS(t testing.TB, address, zone, block string) *Process {
	t.Helper()
	at := netip.MustParseAddrPort(address)
	config := filepath.Join(t.TempDir(), "Corefile")
	text := fmt.Sprintf(".:%d {\nbind %s\nerrors\n%s\n}\n", at.Port(), at.Addr(), block)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Start(t, exec.Command(buildCoreDNS(t), "-conf", config), answers(address, "ready."+zone+"."))
}

// buildCoreDNS gives the path of the program. The go command builds it into its own cache, as a whole and under a name that stands for its
// inputs. So others may build it at the same time. Tests of one process wait for one build: each build would take all processors.
func buildCoreDNS(t testing.TB) string {
	t.Helper()
	dir := below(t, "internal/testserver/coredns")
	program, err := builtCoreDNS(dir)
	if err != nil {
		Lacks(t, "CoreDNS cannot be built: %v", err)
	}
	return program
}

var coreDNS struct {
	once    sync.Once
	program string
	err     error
}

// builtCoreDNS takes the directory of the program's module. It is the same directory for all tests.
func builtCoreDNS(dir string) (string, error) {
	coreDNS.once.Do(func() {
		build := exec.Command("go", "tool", "-n", "coredns")
		build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
		var wrong strings.Builder
		build.Stderr = &wrong
		out, err := build.Output()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, wrong.String())
		}
		coreDNS.program, coreDNS.err = strings.TrimSpace(string(out)), err
	})
	return coreDNS.program, coreDNS.err
}

// below finds a directory of the repository, starting from the directory of the package that is tested.
func below(t testing.TB, path string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if found := filepath.Join(dir, path); isDirectory(found) {
			return found
		}
	}
	t.Fatalf("no %s above the working directory", path)
	return ""
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
