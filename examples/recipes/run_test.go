// Package recipes_test does what each recipe says: it runs a container's hook as the manifest has it, word for word,
// with the manifest's paths, ports, host names, volumes and environment, and looks at what comes of it.
//
// [inPod] is where a test begins. The test goes on in a pod of its own: a process with a network of its own, in which the
// manifest's ports are free and its host names are given addresses, and with a file system for each container, in which the
// manifest's volumes are where it mounts them. Nothing in a manifest is rewritten, unless a test says so to show that
// it can fail. What stands in for the world is served by the test itself:
//
//	func TestConsul(t *testing.T) {
//		t.Parallel()
//		inPod(t, "consul.yaml", func(t *testing.T, p *pod) {
//			p.host("consul", "127.0.0.2")
//			p.serve(t, "127.0.0.2:8500", fake)
//			c := p.container(t, "web")
//			c.set(graceVariable, "10") // less time: the same hook, and its waits are shortened
//			if got := c.hook(t); got.status != 0 {
//				t.Error(got)
//			}
//		})
//	}
//
// A container's main process is that of [container.start]; without one the hook finds a process 1 that sits there until it
// is told to go. Only root can do all that; elsewhere these tests are skipped, but with CI=true they fail.
package recipes_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/testserver"
)

const (
	asContainer   = "become-container"     // the first argument of a test binary that is to be a container's process
	binaryInPod   = "RECIPES_TEST_PRESTOP" // set in a pod: the path of the built binary
	rootsInPod    = "RECIPES_TEST_ROOTS"   // set in a pod: an empty directory for the containers' file systems
	graceVariable = "PRE_STOP_GRACE_PERIOD_SECONDS"
)

// prestop is the path of the binary, built once for all tests.
var prestop = os.Getenv(binaryInPod)

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // as in a container: its users are several
	if len(os.Args) > 1 && os.Args[1] == asContainer {
		fmt.Fprintln(os.Stderr, becomeContainer(os.Args[2], os.Args[3:]))
		os.Exit(127)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil { // they wait more than they work
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if prestop != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "recipes")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	prestop = filepath.Join(dir, "prestop")
	if err := build(prestop, "../../cmd/prestop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build makes a static binary of a package.
func build(to, pkg string) error {
	cmd := exec.Command("go", "build", "-o", to, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// inPod goes on with test in a pod of its own: it runs the calling test once more, there, and fails with it. The pod is that
// of the manifest's only workload. Of replace each second text takes the place of the one before it, which must be there.
// What comes before inPod in a test is done twice, outside and inside.
func inPod(t *testing.T, manifest string, test func(t *testing.T, p *pod), replace ...string) {
	t.Helper()
	if os.Getenv(rootsInPod) == "" {
		runInPod(t)
		return
	}
	if err := settle(os.Getenv(rootsInPod)); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("%s has no %q", manifest, replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	p, err := newPod(text, os.Getenv(rootsInPod))
	if err != nil {
		t.Fatalf("%s: %s", manifest, err)
	}
	if err := unix.Sethostname([]byte(p.manifest.Name)); err != nil {
		t.Fatal(err)
	}
	test(t, p)
}

// runInPod runs the test in namespaces of its own, and ends everything in them with it.
func runInPod(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		testserver.Lacks(t, "only root can make a pod")
	}
	args := []string{"-test.v", "-test.run=" + pattern(t.Name())}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), binaryInPod+"="+prestop, rootsInPod+"="+t.TempDir(), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM):
		testserver.Lacks(t, "a pod cannot be made: %v", err)
	case err != nil:
		t.Errorf("in the pod: %s\n%s", err, out)
	case bytes.Contains(out, []byte("--- SKIP: "+t.Name()+" ")):
		testserver.Lacks(t, "in the pod: %s", out)
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name()+" ")):
		t.Errorf("in the pod: the test was not run\n%s", out)
	case testing.Verbose():
		t.Logf("in the pod: %s", out)
	}
}

// pattern is a -test.run that matches the test of this name alone.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// settle makes this process the only one to be seen, its network usable, and what it mounts its own affair.
func settle(roots string) error {
	return errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""),
		unix.Mount("tmpfs", roots, "tmpfs", 0, "mode=755"),
		loopback(),
	)
}

// loopback brings up the interface lo.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// serve answers on an address of the pod's network, such as 127.0.0.2:80, until the test is over.
func (p *pod) serve(t *testing.T, address string, handler http.Handler) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
}
