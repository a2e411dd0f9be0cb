package podlog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMainProcess(t *testing.T) {
	t.Parallel()
	const ours, theirs, pause = "0::/\n", "0::/../other\n", "0::/../pause\n"
	type proc struct {
		pid, parent, start int
		cgroup             string
	}
	self := proc{50, 0, 900, ours}
	for name, tt := range map[string]struct {
		procs []proc
		want  string // "": refused
	}{
		"private namespace":           {[]proc{{1, 0, 100, ours}, self}, "1"},
		"shared":                      {[]proc{{1, 0, 100, pause}, {7, 0, 150, theirs}, {8, 0, 200, ours}, self}, "8"},
		"shared, main process hidden": {[]proc{{1, 0, 100, pause}, self}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProc(t)
			for _, proc := range tt.procs {
				p.process(proc.pid, proc.parent, proc.start, proc.cgroup)
			}
			p.self("50")
			got, err := Place{Proc: p.root}.mainProcess()
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestMainProcessWithoutCgroups(t *testing.T) {
	t.Parallel()
	if pid, err := (Place{Proc: t.TempDir()}).mainProcess(); pid != "1" || err != nil {
		t.Errorf("got %q, %v; want PID 1, as in a private namespace", pid, err)
	}
}

func TestContainerLogIsWhereTheMainProcessWrites(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"private": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, seven := newFIFO(t), newFIFO(t)
			p := newProc(t)
			p.process(50, 0, 900, "0::/\n")
			p.self("50")
			p.process(7, 0, 200, "0::/\n")
			p.fd(7, 2, seven.path)
			p.process(1, 0, 100, map[bool]string{false: "0::/\n", true: "0::/../pause\n"}[shared])
			p.fd(1, 2, one.path)

			out, notes := Open(Container, Place{Proc: p.root})
			out.Write([]byte("hello\n"))
			out.Close()
			want := map[bool][2]string{false: {"hello\n", ""}, true: {"", "hello\n"}}[shared]
			if got := [2]string{one.read(), seven.read()}; got != want || len(notes) > 0 {
				t.Errorf("PID 1 and 7 got %q, notes %q; want %q", got, notes, want)
			}
			pid := map[bool]string{false: "1", true: "7"}[shared]
			if want := "container log (" + filepath.Join(p.root, pid, "fd/2") + ")"; out.Name() != want {
				t.Errorf("name %q, want %q", out.Name(), want)
			}
		})
	}
}

func TestContainerRefused(t *testing.T) {
	t.Parallel()
	unread := func(t *testing.T) string {
		f := newFIFO(t)
		writer, err := os.OpenFile(f.path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		f.reader.Close()
		awaitNoReader(t, int(writer.Fd()))
		return f.path
	}
	for name, tt := range map[string]struct {
		target func(t *testing.T) string
		want   string
	}{
		"/dev/null":    {func(*testing.T) string { return os.DevNull }, "is /dev/null"},
		"nobody reads": {unread, "no such device or address"},
		"a socket":     {socketPath, "no such device or address"},
		"gone":         {func(*testing.T) string { return "/nowhere/at/all" }, "no such file"},
		"a directory":  {func(t *testing.T) string { return t.TempDir() }, "is a directory"},
		"links to itself": {func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "loop")
			if err := os.Symlink(path, path); err != nil {
				t.Fatal(err)
			}
			return path
		}, "too many levels"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout := newFIFO(t)
			p := newProc(t)
			p.process(50, 0, 900, "0::/\n")
			p.self("50")
			p.fd(50, 1, stdout.path)
			p.process(1, 0, 100, "0::/\n")
			p.fd(1, 2, tt.target(t))
			for _, to := range []string{Auto, Container, "/nowhere/at/all"} {
				out, notes := Open(to, Place{InPod: true, Proc: p.root})
				out.Write([]byte("hello\n"))
				out.Close()
				if got := stdout.read(); got != "hello\n" || out.Name() != Stdout || out.Lost() != 0 {
					t.Errorf("%s: %s got %q, %d lost; want the line on stdout", to, out.Name(), got, out.Lost())
				}
				note := strings.Join(notes, "\n")
				if !strings.Contains(note, tt.want) || !strings.HasSuffix(note, ": logging to stdout instead") {
					t.Errorf("%s: notes %q, want one with %q", to, notes, tt.want)
				}
			}
		})
	}
}
