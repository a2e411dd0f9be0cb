package recipes_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/testmanifest"
)

// A pod is that of a manifest, with a network that is the test's as well.
type pod struct {
	manifest   manifest
	containers map[string]*container
}

// newPod makes what containers find when they start: each gets a file system below dir, with the manifest's volumes and
// prestop where the hook expects it.
func newPod(text, dir string) (*pod, error) {
	m, err := parse(text)
	if err != nil {
		return nil, err
	}
	p := &pod{m, map[string]*container{}}
	for _, spec := range m.containers() {
		c := &container{spec: spec, env: m.environment(spec), log: &testbuffer.Buffer{}}
		if p.containers[spec.Name], err = c, c.furnish(m, dir); err != nil {
			return nil, fmt.Errorf("%s: %w", spec.Name, err)
		}
	}
	p.host("localhost", "127.0.0.1")
	return p, nil
}

// container is the one of that name; with no name, the only one.
func (p *pod) container(t *testing.T, name ...string) *container {
	t.Helper()
	for _, c := range p.containers {
		if len(name) == 0 && len(p.containers) == 1 || len(name) == 1 && c.spec.Name == name[0] {
			return c
		}
	}
	t.Fatalf("expected one container %v", name)
	return nil
}

// host gives a host name an address, such as 127.0.0.2, in all containers.
func (p *pod) host(name, address string) {
	for _, c := range p.containers {
		c.hosts += address + " " + name + "\n"
		if err := os.WriteFile(c.root.path("/etc/hosts"), []byte(c.hosts), 0o644); err != nil {
			panic(err) // the file is on a file system of our own
		}
	}
}

// A container has a file system, an environment and, once it is started, a main process.
type container struct {
	spec  corev1.Container
	env   map[string]string
	hosts string
	root  root
	log   *testbuffer.Buffer // what its processes print, which kubectl logs would show
	main  *process
}

// furnish makes the container's file system.
func (c *container) furnish(m manifest, dir string) (err error) {
	own := []string{}
	for _, mount := range c.spec.VolumeMounts {
		own = append(own, mount.MountPath)
	}
	if c.root, err = newRoot(filepath.Join(dir, "containers", c.spec.Name), own...); err != nil {
		return err
	}
	for _, mount := range c.spec.VolumeMounts {
		if err := c.mount(mount, filepath.Join(dir, "volumes", mount.Name), m.files(mount.Name)); err != nil {
			return err
		}
	}
	if hook := testmanifest.Hook(c.spec); len(hook) > 0 {
		return bind(prestop, c.root.path(hook[0]), true)
	}
	return nil
}

// mount shows a volume, which is a directory of the pod's, with its files in it.
func (c *container) mount(at corev1.VolumeMount, volume string, files map[string]string) error {
	if err := os.MkdirAll(volume, 0o777); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(volume, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return cmp.Or(os.Chmod(volume, 0o777), bind(filepath.Join(volume, at.SubPath), c.root.path(at.MountPath), false))
}

// path is where the test finds a path of the container.
func (c *container) path(inside string) string { return c.root.path(inside) }

// write puts a file where it belongs to the image, or is the container's own doing.
func (c *container) write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(c.path(filepath.Dir(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.path(path), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// put shows a program of this machine, such as one that the test has built, in the container.
func (c *container) put(t *testing.T, program, path string) {
	t.Helper()
	if err := bind(program, c.path(path), true); err != nil {
		t.Fatal(err)
	}
}

// set changes a variable of what is started from now on.
func (c *container) set(name, value string) { c.env[name] = value }

// start starts the container's main process: the given program, or the manifest's command and arguments.
func (c *container) start(t *testing.T, argv ...string) *process {
	t.Helper()
	if len(argv) == 0 {
		argv = append(append(argv, c.spec.Command...), c.spec.Args...)
	}
	return c.run(t, argv...)
}

// run starts process 1 of the container.
func (c *container) run(t *testing.T, argv ...string) *process {
	t.Helper()
	if c.main != nil {
		t.Fatal("the container has a main process")
	}
	cmd := exec.Command("/proc/self/exe", append([]string{asContainer, c.root.dir}, argv...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	cmd.Env, cmd.Stdout, cmd.Stderr = c.environ(), c.log, c.log
	settled, inherited, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer settled.Close()
	cmd.ExtraFiles = []*os.File{inherited}
	c.main = startProcess(t, cmd)
	inherited.Close()
	_, _ = settled.Read(make([]byte, 1)) // it ends when the program has begun
	t.Cleanup(func() {
		c.main.signal(syscall.SIGKILL)
		<-c.main.Done
		if t.Failed() {
			t.Logf("%s's log:\n%s", c.spec.Name, c.log)
		}
	})
	return c.main
}

func (c *container) environ() (all []string) {
	for name, value := range c.env {
		all = append(all, name+"="+value)
	}
	return all
}

// A result is what came of a hook.
type result struct {
	status int // exit status; 128 + n where signal n ended it, as that of process 1's end does
	took   time.Duration
	output string // what the kubelet would see
	log    string // what came to the container's log in the meantime, such as the hook's lines
}

// String shows all of it.
func (r result) String() string {
	return fmt.Sprintf("the hook: exit status %d after %s\n%s\nlog:\n%s", r.status, r.took.Round(time.Millisecond), r.output, r.log)
}

// A line is what the hook's own lines say of time, in seconds.
type line struct {
	At            time.Time `json:"@timestamp"`
	Elapsed, Took float64
	AtMost        float64 `json:"at_most"`
}

// lines are the hook's own lines. On a slow machine a hook begins late and is seen to end late, and its lines say when.
func (r result) lines() (all []line) {
	for text := range strings.Lines(r.log) {
		var one line
		if json.Unmarshal([]byte(text), &one) == nil {
			all = append(all, one)
		}
	}
	return all
}

// hasHeld tells whether the hook has waited for as long as [limit] lets it, but for the second that is kept for a step after the wait, and
// for what its process needed to begin.
func (r result) hasHeld() bool {
	lines := r.lines()
	return len(lines) > 0 && r.took >= held-time.Duration(lines[0].Elapsed*float64(time.Second))
}

// outlived tells whether this hook has ended half a second after the other or later.
func (r result) outlived(other result) bool {
	ours, theirs := r.lines(), other.lines()
	return len(ours) > 0 && len(theirs) > 0 && ours[len(ours)-1].At.Sub(theirs[len(theirs)-1].At) >= 500*time.Millisecond
}

// hook runs the container's hook to its end, as the kubelet does: in the container's namespaces, with its environment.
func (c *container) hook(t *testing.T) result {
	t.Helper()
	if c.main == nil {
		c.run(t)
	}
	return c.exec(t, testmanifest.Hook(c.spec)...)
}

// exec runs a program in the container, as kubectl exec does.
func (c *container) exec(t *testing.T, argv ...string) result {
	t.Helper()
	pid := strconv.Itoa(c.main.PID)
	cmd := exec.CommandContext(t.Context(), "nsenter", append([]string{"-t", pid, "-m", "-p", "-r", "-w", "--"}, argv...)...)
	var output testbuffer.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = c.environ(), &output, &output
	begin, before := time.Now(), len(c.log.String())
	p := startProcess(t, cmd)
	<-p.Done
	took := time.Since(begin)
	return result{p.status(), took, output.String(), strings.ReplaceAll(c.logged(t)[before:], allBefore, "")}
}

// logged is the container's log with all that its processes have written so far. What they write comes through a pipe, so the log is
// whole once it has what is written here behind all of that.
func (c *container) logged(t *testing.T) string {
	t.Helper()
	marks := strings.Count(c.log.String(), allBefore)
	stderr, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/2", c.main.PID), os.O_WRONLY, 0)
	if err == nil {
		_, err = stderr.WriteString(allBefore)
		stderr.Close()
	}
	if err != nil { // process 1 has ended
		<-c.main.Done
		return c.log.String()
	}
	look := time.Tick(time.Millisecond)
	for strings.Count(c.log.String(), allBefore) == marks {
		select {
		case <-look:
		case <-t.Context().Done():
			t.Fatal("the container's log does not come")
		}
	}
	return c.log.String()
}

const allBefore = "(all before this line has come)\n"

// stop does what the kubelet does to a container that is to go: the hook, then the image's stop signal, and SIGKILL when
// the grace period is over, which fails the test.
func (c *container) stop(t *testing.T, signal syscall.Signal) result {
	t.Helper()
	grace := c.grace(t)
	over := time.After(grace)
	got := c.hook(t)
	c.main.signal(signal)
	select {
	case <-c.main.Done:
	case <-over:
		t.Errorf("%s still ran after its grace period of %s", c.spec.Name, grace)
		c.main.signal(syscall.SIGKILL)
		<-c.main.Done
	}
	return got
}

// receives tells whether process 1 handles the signal. HAProxy's first process comes to that after the second serves, and until then the
// kernel drops the signal.
func (c *container) receives(signal syscall.Signal) func(context.Context) error {
	return func(context.Context) error {
		if (proc.Process{PID: 1}).Reception(fmt.Sprintf("/proc/%d/root/proc", c.main.PID), signal) != proc.Received {
			return fmt.Errorf("%s does not handle %s", c.spec.Name, unix.SignalName(signal))
		}
		return nil
	}
}

// grace is the pod's grace period, which the manifest says twice.
func (c *container) grace(t *testing.T) time.Duration {
	t.Helper()
	seconds, err := strconv.Atoi(c.env[graceVariable])
	if err != nil {
		t.Fatalf("%s: %s", graceVariable, err)
	}
	return time.Duration(seconds) * time.Second
}
