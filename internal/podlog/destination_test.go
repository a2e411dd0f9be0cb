package podlog

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for to, ok := range map[string]bool{
		"": true, "auto": true, "container": true, "stdout": true, "stderr": true,
		"/var/log/hook": true, "./hook.log": true, "/dev/stdout": true, "/proc/1/fd/2": true,
		"sdtout": false, "AUTO": false, "hook.log": false, " ": false, "none": false,
	} {
		if err := Check(to); (err == nil) != ok {
			t.Errorf("%q: %v", to, err)
		}
	}
}

func TestAuto(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		to    string
		inPod bool
		want  string // who gets the line
	}{
		"in a pod":                {"", true, "container"},
		"in a pod, said":          {Auto, true, "container"},
		"not in a pod":            {Auto, false, "stdout"},
		"container, not in a pod": {Container, false, "container"},
		"stdout in a pod":         {Stdout, true, "stdout"},
		"stderr in a pod":         {Stderr, true, "stderr"},
		"bad file in a pod":       {"/nowhere/at/all", true, "container"},
		"bad file, not in a pod":  {"/nowhere/at/all", false, "stdout"},
		"bad word in a pod":       {"sdtout", true, "container"},
		"container by its path":   {"PROC/1/fd/2", true, "container"},
		"own stdout by its path":  {"PROC/self/fd/1", true, "stdout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProc(t)
			p.process(50, 0, 900, "0::/\n")
			p.self("50")
			p.process(1, 0, 100, "0::/\n")
			fifos := map[string]fifo{"container": newFIFO(t), "stdout": newFIFO(t), "stderr": newFIFO(t)}
			p.fd(1, 2, fifos["container"].path)
			p.fd(50, 1, fifos["stdout"].path)
			p.fd(50, 2, fifos["stderr"].path)

			out, notes := Open(strings.Replace(tt.to, "PROC", p.root, 1), Place{InPod: tt.inPod, Proc: p.root})
			out.Write([]byte("hello\n"))
			out.Close()
			for name, f := range fifos {
				want := map[bool]string{true: "hello\n"}[name == tt.want]
				if got := f.read(); got != want {
					t.Errorf("%s got %q, want %q", name, got, want)
				}
			}
			if bad := strings.HasPrefix(name, "bad"); (len(notes) == 1) != bad {
				t.Errorf("notes %q", notes)
			}
			if out.SharesStderr() != (tt.want == "stderr") {
				t.Errorf("%s: shares stderr: %v", out.Name(), out.SharesStderr())
			}
		})
	}
}

func TestMainProcessOfTheContainerItself(t *testing.T) {
	t.Parallel()
	stderr := newFIFO(t)
	p := newProc(t)
	p.process(1, 0, 100, "0::/\n")
	p.self("1")
	p.fd(1, 2, stderr.path)
	out, notes := Open(Auto, Place{InPod: true, Proc: p.root})
	out.Write([]byte("hello\n"))
	out.Close()
	if got := stderr.read(); got != "hello\n" || len(notes) > 0 {
		t.Errorf("stderr got %q, notes %q", got, notes)
	}
	if !out.SharesStderr() {
		t.Error("its log is its own stderr, and it does not say so")
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hook.log")
	for range 2 {
		out, notes := Open(path, Place{})
		if out.Name() != path || len(notes) > 0 || out.Terminal() || out.SharesStderr() {
			t.Fatalf("%s, notes %q", out.Name(), notes)
		}
		out.Write([]byte("hello\n"))
		out.Close()
	}
	if got := content(t, path); got != "hello\nhello\n" {
		t.Errorf("file holds %q, want both lines", got)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got&^0o640 != 0 {
		t.Errorf("mode %v, want 0640 at most", got)
	}
}

// No link is followed, and nothing but a file or a FIFO is opened.
func TestFileThroughNoLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, link, dangling := filepath.Join(dir, "target"), filepath.Join(dir, "link"), filepath.Join(dir, "dangling")
	if err := os.WriteFile(target, []byte("kept\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for to, at := range map[string]string{target: link, filepath.Join(dir, "created"): dangling} {
		if err := os.Symlink(to, at); err != nil {
			t.Fatal(err)
		}
	}
	out, notes := Open(link, Place{})
	out.Write([]byte("hello\n"))
	out.Close()
	if got := content(t, target); got != "kept\n" || len(notes) != 1 || out.Name() == link {
		t.Errorf("target holds %q, notes %q", got, notes)
	}
	for _, device := range []string{os.DevNull, "/dev/full", dir} {
		out, notes := Open(device+"/../"+filepath.Base(device), Place{})
		out.Close()
		if strings.Contains(out.Name(), device) || len(notes) != 1 {
			t.Errorf("%s, notes %q: want %s refused", out.Name(), notes, device)
		}
	}

	out, notes = Open("/proc/self/fd/1000000", Place{})
	out.Close()
	if strings.Contains(out.Name(), "1000000") || len(notes) != 1 {
		t.Errorf("%s, notes %q: want it refused", out.Name(), notes)
	}

	out, notes = Open(dangling, Place{})
	out.Close()
	if out.Name() == dangling || len(notes) != 1 {
		t.Errorf("%s, notes %q: want it refused", out.Name(), notes)
	}
	if _, err := os.Lstat(filepath.Join(dir, "created")); err == nil {
		t.Error("a file was created through a link")
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	l, err := net.Listen("unix", fmt.Sprintf("/proc/self/fd/%d/s", dir.Fd())) // which may not be as long as the directory's path
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	t.Cleanup(func() { l.Close() })
	return filepath.Join(dir.Name(), "s")
}

func TestDescriptorsAreNotInherited(t *testing.T) {
	t.Parallel()
	f := newFIFO(t)
	p := newProc(t)
	p.process(50, 0, 900, "0::/\n")
	p.self("50")
	p.fd(50, 1, f.path)
	file := filepath.Join(t.TempDir(), "log")
	for to, at := range map[string]Place{Stdout: {Proc: p.root}, Stderr: {Proc: p.root}, file: {}} {
		out, _ := Open(to, at)
		flags, err := unix.FcntlInt(uintptr(out.fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: a child would hold it open (%v)", to, err)
		}
		out.Close()
	}
}
