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
)

// What a server answers, as long as it may be, costs little memory to read.
func TestMemoryOfAnswers(t *testing.T) {
	t.Parallel()
	const most = 8 << 10 // KiB, beyond a small answer's
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
	ask := func(body string) *hooked {
		app := newWitness(t, func(w http.ResponseWriter, _ sentRequest) { fmt.Fprint(w, body) })
		return startHookIn(t, binary, "PRE_STOP_GRACE_PERIOD_SECONDS=40", "PRE_STOP_STEPS=until "+app.URL+" json=.last in=yes stable=3 max=20s")
	}
	peak := func(h *hooked) int {
		<-h.ended
		if h.exit != exitDone || !strings.Contains(h.stdout.String(), `"met":true`) {
			t.Fatalf("exit %d after %s:\n%s", h.exit, h.took, &h.stdout)
		}
		return h.peak
	}
	asked := map[string]*hooked{}
	for name, body := range map[string]string{
		"numbers": repeat(`{"a": [`, "1", `], "last": "yes"}`),
		"keys":    repeat(`{`, `"k%": 1`, `, "last": "yes"}`),
		"objects": repeat(`{"a": [`, `{"k": {"l": "%"}}`, `], "last": "yes"}`),
		"small":   `{"last": "yes"}`,
		"text":    `{"a": "` + strings.Repeat("x", 1<<20-1000) + `", "last": "yes"}`,
	} {
		asked[name] = ask(body)
	}
	small := peak(asked["small"])
	for name, h := range asked {
		if got := peak(h) - small; got > most {
			t.Errorf("%s: %d KiB more than a small answer, want at most %d", name, got, most)
		} else {
			t.Logf("%s: %d KiB more than %d", name, got, small)
		}
	}
}

// limited is a run as a user of its own, of whom there are no other processes.
func limited(t *testing.T, limit string, env []string, steps ...string) *hooked {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: the hook runs as another user")
	}
	const user = 54321
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
	for _, limit := range []string{"--nproc=9", "--nofile=11"} {
		app := newWitness(t, answer(http.StatusOK, "", ""))
		steps := []string{"post " + app.URL + "/one", "exec true", "touch $TMPDIR/touched", "until file /no/such/file max=1s", "wait 1s", "post " + app.URL + "/last"}
		h := limited(t, limit, []string{"GOMAXPROCS=64"}, steps...)
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
	full := t.TempDir()
	if err := syscall.Mount("full", full, "tmpfs", 0, "size=4k"); err != nil {
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
	if err := syscall.Mount(full, "/tmp", "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount("/tmp", syscall.MNT_DETACH)
	cmd := exec.Command(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), binary.Fd()), "exec sh -c 'ls /dev/shm' once", "wait 10ms")
	cmd.Env = []string{"TMPDIR=" + full, "PATH=" + os.Getenv("PATH"), "PRE_STOP_LOG_TO=stdout"}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"output":"prestop-`) || strings.Contains(string(out), "second delivery") {
		t.Errorf("%v\n%s", err, out)
	}
}

// inMountNamespace runs the calling test again by a process with a mount namespace of its own. There the variable is the binary's
// path.
func inMountNamespace(t *testing.T, variable string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it mounts file systems in a mount namespace of its own")
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.timeout=2m", "-test.v=true")
	cmd.Env = append(os.Environ(), variable+"="+builtBinary(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
