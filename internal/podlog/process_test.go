package podlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testserver"
	"github.com/prestop/prestop/internal/testterminal"
	"golang.org/x/sys/unix"
)

// A pipe holds 64 KiB; three times that blocks a program that just prints.
var flood = hookTask{To: Stdout, Lines: 200, Bytes: 1024}

func TestHookOnAFullPipe(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]Place{
		"opened anew":         {},
		"duplicated, no proc": {Proc: "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read, write := pipe(t)
			task := flood
			task.Place = place
			cmd, result := hook(t, task)
			cmd.Stdout = write
			if err := cmd.Run(); err != nil {
				t.Fatalf("the hook ended with %v", err)
			}
			flags, err := unix.FcntlInt(write.Fd(), unix.F_GETFL, 0)
			if err != nil || flags&unix.O_NONBLOCK != 0 {
				t.Errorf("the description that all share was made non-blocking (%v)", err)
			}
			write.Close()
			data, err := io.ReadAll(read)
			if err != nil {
				t.Fatal(err)
			}
			r := result()
			lines := strings.SplitAfter(strings.TrimSuffix(string(data), "\n"), "\n")
			if r.Lost == 0 || len(lines)+r.Lost != flood.Lines {
				t.Errorf("%d lines arrived and %d were counted as lost, want %d", len(lines), r.Lost, flood.Lines)
			}
			for i, line := range lines {
				if want := string(numbered(i, flood.Bytes)); strings.TrimSuffix(want, "\n") != strings.TrimSuffix(line, "\n") {
					t.Fatalf("line %d is torn: %.20q, %d bytes", i, line, len(line))
				}
			}
			if r.Took > 5*time.Second {
				t.Errorf("took %v", r.Took)
			}
		})
	}
}

func TestHookWithLinesLongerThanAPipe(t *testing.T) {
	t.Parallel()
	for _, proc := range []string{"", "/nowhere"} {
		_, write := pipe(t)
		cmd, result := hook(t, hookTask{To: Stdout, Place: Place{Proc: proc}, Lines: 3, Bytes: 100_000})
		cmd.Stdout = write
		if err := cmd.Run(); err != nil {
			t.Fatalf("the hook ended with %v", err)
		}
		if r := result(); r.Lost != 3 || r.Took > 5*time.Second {
			t.Errorf("%d lost after %v, want 3", r.Lost, r.Took)
		}
	}
}

func TestHookOnAClosedPipe(t *testing.T) {
	t.Parallel()
	for _, to := range []string{Stdout, Stderr, "/dev/stdout", Auto} {
		t.Run(strings.ReplaceAll(to, "/", "_"), func(t *testing.T) {
			t.Parallel()
			read, write := pipe(t)
			read.Close()
			awaitNoReader(t, int(write.Fd()))
			task := flood
			task.To = to
			task.Around = true
			cmd, result := hook(t, task)
			cmd.Stdout, cmd.Stderr = write, write
			if err := cmd.Run(); err != nil {
				t.Fatalf("the hook ended with %v", err)
			}
			if r := result(); r.Lost != flood.Lines || r.Took > 5*time.Second {
				t.Errorf("%d lost after %v, want %d", r.Lost, r.Took, flood.Lines)
			}
		})
	}
}

func TestHookOnASocket(t *testing.T) {
	t.Parallel()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	read, write := os.NewFile(uintptr(fds[0]), "read"), os.NewFile(uintptr(fds[1]), "write")
	defer read.Close()
	defer write.Close()
	if err := unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
		t.Fatal(err)
	}
	task := flood
	task.Bytes = 4095
	cmd, result := hook(t, task)
	cmd.Stdout = write
	if err := cmd.Run(); err != nil {
		t.Fatalf("the hook ended with %v", err)
	}
	write.Close()
	data, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	r := result()
	whole := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		if len(line) == task.Bytes-1 {
			whole++
		}
	}
	if r.Lost == 0 || whole+r.Lost != task.Lines || r.Took > 5*time.Second {
		t.Errorf("%d arrived, %d counted as lost after %v, want %d", whole, r.Lost, r.Took, task.Lines)
	}
}

func TestHookWithClosedStreams(t *testing.T) {
	t.Parallel()
	cmd, result := hook(t, hookTask{To: Stdout, Lines: 3, Bytes: 10})
	cmd.Args = []string{"sh", "-c", `exec /proc/self/fd/9 >&- 2>&-`}
	cmd.Path = "/bin/sh"
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd.ExtraFiles = append(cmd.ExtraFiles, nil, nil, nil, nil, self)
	if err := cmd.Run(); err != nil {
		t.Fatalf("the hook ended with %v", err)
	}
	if r := result(); r.Name != Stdout && r.Name != "nowhere" {
		t.Errorf("it opened %s, notes %q", r.Name, r.Notes)
	}
}

// The shell's "> file 2>&1": one description, whose offset all must share.
func TestHookIntoARegularFile(t *testing.T) {
	t.Parallel()
	for to, place := range map[string]Place{Stdout: {}, Stderr: {Proc: "/nowhere"}, "/dev/stdout": {}, "/dev/stderr": {}} {
		file, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		cmd, result := hook(t, hookTask{To: to, Place: place, Lines: 2, Bytes: 6, Around: true})
		cmd.Stdout, cmd.Stderr = file, file
		if err := cmd.Run(); err != nil {
			t.Fatalf("the hook ended with %v", err)
		}
		if got, want := content(t, file.Name()), "before\n0....\n1....\nafter\n"; got != want {
			t.Errorf("%s: file holds %q, want %q", to, got, want)
		}
		if r := result(); !r.SharesStderr {
			t.Errorf("%s: it does not see that stderr is the same file", to)
		}
	}
}

func TestHookOnATerminal(t *testing.T) {
	t.Parallel()
	master, slave := testterminal.New(t)
	container := newFIFO(t)
	p := newProc(t)
	p.process(1, 0, 100, content(t, "/proc/self/cgroup"))
	p.fd(1, 2, container.path)
	p.self("/proc/self")

	cmd, result := hook(t, hookTask{To: Auto, Place: Place{InPod: true, Proc: p.root}, Lines: 1, Bytes: 6})
	cmd.Stdout = slave
	if err := cmd.Run(); err != nil {
		t.Fatalf("the hook ended with %v", err)
	}
	if r := result(); r.Name != Stdout || !r.Terminal || len(r.Notes) > 0 {
		t.Errorf("%+v: want stdout, which is a terminal", r)
	}
	line := make([]byte, 100)
	n, err := master.Read(line)
	if got := string(line[:n]); got != "0....\r\n" {
		t.Errorf("terminal shows %q, %v", got, err)
	}

	p = newProc(t)
	p.process(1, 0, 100, content(t, "/proc/self/cgroup"))
	p.fd(1, 2, slave.Name())
	p.self("/proc/self")
	out, notes := Open(Container, Place{Proc: p.root})
	defer out.Close()
	if !strings.HasPrefix(out.Name(), "container log") || out.Terminal() {
		t.Errorf("%s, notes %q: a container with tty: true has a log, not a reader", out.Name(), notes)
	}
}

// As after Ctrl-S: the terminal takes some, and then nothing.
func TestHookOnAStoppedTerminal(t *testing.T) {
	t.Parallel()
	_, slave := testterminal.New(t)
	cmd, result := hook(t, flood)
	cmd.Stdout = slave
	if err := cmd.Run(); err != nil {
		t.Fatalf("the hook ended with %v", err)
	}
	if r := result(); r.Lost == 0 || r.Took > 5*time.Second {
		t.Errorf("%d lost after %v", r.Lost, r.Took)
	}
}

// Who may write to the log of a real PID 1, in a PID namespace of its own.
func TestContainerLogOfARealMainProcess(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		testserver.Lacks(t, "only root can make PID namespaces and other users' processes")
	}
	const refused, other = "permission denied", 65534
	inPod := hookTask{To: Auto, Place: Place{InPod: true}, Lines: 3, Bytes: 10}
	for name, tt := range map[string]struct {
		jail       jail
		uid        uint32
		dropPtrace bool
		want       string // the note; "": its lines are in PID 1's log
	}{
		"root, root":                            {jail{}, 0, false, ""},
		"root, root with fewer capabilities":    {jail{}, 0, true, refused},
		"root, user":                            {jail{}, other, false, refused},
		"user, same user":                       {jail{UID: other, Chown: true, Exec: true}, other, false, ""},
		"user, same user, pipe is root's":       {jail{UID: other, Exec: true}, other, false, refused},
		"user, another user":                    {jail{UID: other, Chown: true, Exec: true}, 1000, false, refused},
		"dropped to user, same user":            {jail{UID: other, Chown: true}, other, false, refused},
		"dropped to user, root without ptrace":  {jail{UID: other}, 0, true, refused},
		"dropped to user, root with everything": {jail{UID: other}, 0, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := tt.jail
			j.Hook = inPod
			j.Hook.UID, j.Hook.DropPtrace = tt.uid, tt.dropPtrace
			log, stdout, r := imprison(t, j)
			want := "0........\n1........\n2........\n"
			if tt.want == "" {
				if log != want || stdout != "" || r.Name != "container log (/proc/1/fd/2)" || len(r.Notes) > 0 {
					t.Errorf("log %q, stdout %q, %+v", log, stdout, r)
				}
				return
			}
			if log != "" || stdout != want || r.Name != Stdout || !strings.Contains(strings.Join(r.Notes, ""), tt.want) {
				t.Errorf("log %q, stdout %q, %+v", log, stdout, r)
			}
			if r.Lost != 0 {
				t.Errorf("%d lost", r.Lost)
			}
		})
	}
	t.Run("the hook is the main process", func(t *testing.T) {
		t.Parallel()
		log, stdout, r := imprison(t, jail{Self: true, Hook: inPod})
		if log != "0........\n1........\n2........\n" || stdout != "" || !r.SharesStderr || len(r.Notes) > 0 {
			t.Errorf("log %q, stdout %q, %+v", log, stdout, r)
		}
	})
}

// imprison runs a main process and its hook in new PID and mount namespaces, and returns what the
// one's stderr and the other's stdout got.
func imprison(t *testing.T, j jail) (log, stdout string, r hookResult) {
	t.Helper()
	outRead, outWrite := pipe(t)
	resultRead, resultWrite := pipe(t)
	var stderr bytes.Buffer
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = environ("main process", jailKey, j)
	cmd.Stderr = &stderr
	cmd.ExtraFiles = []*os.File{outWrite, resultWrite}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	err := cmd.Run()
	if errors.Is(err, unix.EPERM) {
		testserver.Lacks(t, "root may not make PID namespaces here")
	}
	outWrite.Close()
	resultWrite.Close()
	if err != nil {
		t.Fatalf("the main process ended with %v: %s", err, stderr.String())
	}
	if err := json.NewDecoder(resultRead).Decode(&r); err != nil {
		t.Fatalf("the hook left no result: %v; %s", err, stderr.String())
	}
	data, err := io.ReadAll(outRead)
	if err != nil {
		t.Fatal(err)
	}
	return stderr.String(), string(data), r
}
