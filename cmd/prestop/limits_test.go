package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testserver"
	"github.com/prestop/prestop/internal/timing"
)

// What a file holds that is sent, and what a server answers, as long as they may be, cost little memory to read. The least of a few runs is
// what the hook itself needs: a busy machine holds up the garbage collector now and then, and can only add to it.
func TestMemoryOfBodies(t *testing.T) {
	t.Parallel()
	const most, runs = 8 << 10, 3 // KiB, beyond small bodies'
	repeat := func(begin, one, end string) string {
		var text strings.Builder
		text.WriteString(begin)
		for n := 0; text.Len() < 1<<20-1000; n++ {
			if n > 0 {
				text.WriteByte(',')
			}
			text.WriteString(strings.ReplaceAll(one, "%", strconv.Itoa(n)))
		}
		return text.String() + end
	}
	binary := builtBinary(t)
	const little = `{"last": "yes"}`
	type bodies struct{ sent, answered string }
	ask := func(b bodies) *hooked {
		app := newWitness(t, func(w http.ResponseWriter, _ sentRequest) { fmt.Fprint(w, b.answered) })
		file := filepath.Join(t.TempDir(), "body")
		if err := os.WriteFile(file, []byte(b.sent), 0o600); err != nil {
			t.Fatal(err)
		}
		return startHookIn(t, binary, "PRE_STOP_GRACE_PERIOD_SECONDS=40", "PRE_STOP_STEPS=post "+app.URL+" body=@"+file+"\nuntil "+app.URL+" json=.last in=yes stable=3 max=20s")
	}
	peak := func(h *hooked) int {
		<-h.ended
		if h.exit != exitDone || !strings.Contains(h.stdout.String(), `"met":true`) {
			t.Fatalf("exit %d after %s:\n%s", h.exit, h.took, &h.stdout)
		}
		return h.peak
	}
	tests := map[string]bodies{}
	for name, body := range map[string]string{
		"numbers": repeat(`{"a": [`, "1", `], "last": "yes"}`),
		"keys":    repeat(`{`, `"k%": 1`, `, "last": "yes"}`),
		"objects": repeat(`{"a": [`, `{"k": {"l": "%"}}`, `], "last": "yes"}`),
		"text":    `{"a": "` + strings.Repeat("x", 1<<20-1000) + `", "last": "yes"}`,
	} {
		tests[name+" sent"], tests[name+" answered"] = bodies{body, little}, bodies{little, body}
	}
	asked := map[string]*hooked{}
	for name, test := range tests {
		asked[name] = ask(test)
	}
	small := peak(ask(bodies{little, little}))
	for name, h := range asked {
		got := peak(h) - small
		for run := 1; got > most && run < runs; run++ {
			t.Logf("%s: %d KiB more than %d, run again", name, got, small)
			got = min(got, peak(ask(tests[name]))-small)
		}
		if got > most {
			t.Errorf("%s: %d KiB more than small bodies, want at most %d", name, got, most)
		} else {
			t.Logf("%s: %d KiB more than %d", name, got, small)
		}
	}
}

// limited is a run as this user, of whom there are no other processes.
func limited(t *testing.T, user uint32, limit string, env []string, steps ...string) *hooked {
	t.Helper()
	if os.Getuid() != 0 {
		testserver.Lacks(t, "needs root: the hook runs as another user")
	}
	dir, binary := t.TempDir(), builtBinary(t)
	for path, mode := range map[string]os.FileMode{dir: 0o777, filepath.Dir(dir): 0o711, filepath.Dir(binary): 0o711} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	h := &hooked{cmd: exec.Command("prlimit", append([]string{limit, binary}, steps...)...), ended: make(chan struct{})}
	h.cmd.Env = append([]string{"TMPDIR=" + dir, "PATH=" + os.Getenv("PATH"), "PRE_STOP_LOG_TO=stdout", "PRE_STOP_GRACE_PERIOD_SECONDS=30"}, env...)
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	h.begin(t)
	return h
}

// Where eight threads, processes or descriptors are free, the wait is kept, on a node with many processors too.
func TestFewLeft(t *testing.T) {
	t.Parallel()
	for n, limit := range []string{"--nproc=9", "--nofile=11"} {
		app := newWitness(t, answer(http.StatusOK, "", ""))
		steps := []string{"post " + app.URL + "/one", "exec true", "exec true", "exec true", "exec true", "touch $TMPDIR/touched", "until file /no/such/file max=1s", "wait 1s", "post " + app.URL + "/last"}
		h := limited(t, uint32(54321+n), limit, []string{"GOMAXPROCS=64"}, steps...)
		<-h.ended
		if h.took < 2*time.Second || h.exit > exitFailed || !strings.Contains(h.stdout.String(), `"message":"prestop ends"`) {
			t.Errorf("%s: exit %d after %s\n%s%s", limit, h.exit, h.took, &h.stderr, &h.stdout)
		}
	}
}

// A state directory that is full is given up for the next.
func TestFullStateDirectory(t *testing.T) {
	const within = "TEST_FULL"
	if os.Getenv(within) == "" {
		inMountNamespace(t, within)
		return
	}
	binary, err := os.Open(os.Getenv(within)) // which is below /tmp
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	for _, lacks := range []string{"size=4k", "nr_inodes=2"} { // room, or files
		fullStateDirectory(t, lacks, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), binary.Fd()))
	}
}

func fullStateDirectory(t *testing.T, lacks, binary string) {
	t.Helper()
	full := t.TempDir()
	if err := syscall.Mount("full", full, "tmpfs", 0, lacks); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(full, syscall.MNT_DETACH)
	if err := os.WriteFile(filepath.Join(full, "x"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	next := t.TempDir() // in place of /tmp, whose own is not written to
	if err := syscall.Mount(next, "/dev/shm", "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount("/dev/shm", syscall.MNT_DETACH)
	if err := syscall.Mount(full, "/tmp", "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount("/tmp", syscall.MNT_DETACH)
	cmd := exec.Command(binary, "exec sh -c 'ls /dev/shm' once", "wait 10ms")
	cmd.Env = []string{"TMPDIR=" + full, "PATH=" + os.Getenv("PATH"), "PRE_STOP_LOG_TO=stdout"}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"output":"prestop-`) || strings.Contains(string(out), "second delivery") {
		t.Errorf("%s: %v\n%s", lacks, err, out)
	}
	for explicit, want := range map[string]string{"": "state: /dev/shm\n", full: "would fail now: not begun"} { // as the hook does
		dry := exec.Command(cmd.Path, "--dry-run", "--state-dir="+explicit, "--grace-period=30", "exec true once", "wait 10ms")
		dry.Env = cmd.Env
		if out, _ := dry.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("%s: state directory %q: want %q\n%s", lacks, explicit, want, out)
		}
	}
}

// inMountNamespace runs the calling test again by a process with a mount namespace of its own. There the variable is the binary's
// path.
func inMountNamespace(t *testing.T, variable string) {
	t.Helper()
	if os.Getuid() != 0 {
		testserver.Lacks(t, "needs root: it mounts file systems in a mount namespace of its own")
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.timeout=2m", "-test.v=true")
	cmd.Env = append(os.Environ(), variable+"="+builtBinary(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A processor is a cgroup that limits how much of one its processes get together.
type processor struct{ dir string }

// newProcessor makes one of so many percent, by either version of cgroups.
func newProcessor(t *testing.T, percent int) processor {
	t.Helper()
	for _, v := range []struct{ root, file, text string }{
		{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", strconv.Itoa(percent * 1000)},
		{"/sys/fs/cgroup", "cpu.max", strconv.Itoa(percent*1000) + " 100000"},
	} {
		dir, err := os.MkdirTemp(v.root, "prestop-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(dir) })
		if os.WriteFile(filepath.Join(dir, v.file), []byte(v.text), 0) == nil {
			return processor{dir}
		}
	}
	t.Skip("needs root, and a cgroup file system that can be written, with the cpu controller")
	return processor{}
}

// start has a command begin in it.
func (p processor) start(t *testing.T, command ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, p.dir}, command...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(), "PRE_STOP_LOG_TO=" + filepath.Join(t.TempDir(), "log"), "PRE_STOP_GRACE_PERIOD_SECONDS=5", "PRE_STOP_RESERVE_SECONDS=2"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// Where the app uses up the container's few percent of a processor, the hook is late to begin and late to end, and over in time. Whoever
// else runs on this machine takes from the few percent too, so that only make timing judges it.
func TestLittleProcessorTime(t *testing.T) {
	binary := builtBinary(t)
	late := watchLateness(t, binary)
	for _, percent := range []int{5, 10, 20} {
		limit := newProcessor(t, percent)
		app := limit.start(t, "sh", "-c", "while :; do :; done")
		begin := time.Now()
		hook := limit.start(t, binary, "post http://127.0.0.1:1/ max=500ms", "until file /no/such/file max=2s", "exec sleep 9")
		_ = hook.Wait()
		took, spare := time.Since(begin), overdueAtMost+late.since(begin)
		app.Process.Kill()
		app.Wait()
		if exit := hook.ProcessState.ExitCode(); timing.Judged && took > 3*time.Second+spare || took < 2*time.Second || exit != exitFailed {
			t.Errorf("%d %%: exit %d after %s, want 1 by 3s and %s", percent, exit, took, spare)
		}
	}
}
