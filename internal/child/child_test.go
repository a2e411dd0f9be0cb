package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/testexpect"
)

const s = time.Second

var errShare = errors.New("share used up")

// soon is when a machine that is busy with other things must have come to it.
const soon = 10 * s

// execTime is a context that ends a test that hangs.
func execTime(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

var pidLine = regexp.MustCompile(`pid (\d+)\.`)

func pidsIn(text string) (all []int) {
	for _, found := range pidLine.FindAllStringSubmatch(text, -1) {
		pid, _ := strconv.Atoi(found[1])
		all = append(all, pid)
	}
	return all
}

// exists tells whether there is a process, be it a zombie.
func exists(pid int) bool { return unix.Kill(pid, 0) != unix.ESRCH }

// lives tells whether a process has not ended; who has to reap it does not matter.
func lives(pid int) bool {
	p, err := proc.Read("", strconv.Itoa(pid))
	return err == nil && !p.Ended()
}

func expectEnds(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		t.Cleanup(func() { unix.Kill(pid, unix.SIGKILL) })
		testexpect.Soon(t, fmt.Sprintf("process %d has ended", pid), func() bool { return !lives(pid) })
	}
}

func TestProgram(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		program []string
		err     string // empty: done
		says    []string
	}{
		{"done", role("exit", "0"), "", []string{`level=INFO msg="the program says" stream=stdout output="on stdout"`}},
		{"no output", role("say"), "", nil},
		{"arguments are not looked at", role("say", "a  b", "$HOME", "*", `"`, ";", "|"), "", []string{`output="a  b $HOME * \" ; |"`}},
		{"no newline at the end", role("say", "begun"), "", []string{"stream=stdout output=begun\n"}},
		{"status 3", role("exit", "3", "no such upstream"), `: exit status 3; it said: no such upstream`,
			[]string{"stream=stdout", `stream=stderr output="no such upstream"`}},
		{"status 3, and a blank line", role("exit", "3", "why\n\n \n"), `: exit status 3; it said: why`, nil},
		{"status 3, nothing on stderr", role("exit", "3"), `: exit status 3; it said: on stdout`, nil},
		{"status 255, much on stderr", role("exit", "255", strings.Repeat("ö", 1000)), `: exit status 255; it said: ` + strings.Repeat("ö", 128) + `…`, nil},
		{"status 128+9 is no signal", role("exit", "137"), ": exit status 137", nil},
		{"killed by another", []string{"sh", "-c", "kill -9 $$"}, ": ended by SIGKILL", nil},
		{"crashed", []string{"sh", "-c", "kill -SEGV $$"}, ": ended by SIGSEGV", nil},
		{"a signal without a name", []string{"sh", "-c", "kill -40 $$"}, ": ended by SIG", nil},
		{"by PATH", []string{"true"}, "", nil},
		{"by PATH, failing", []string{"false"}, "false: exit status 1", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var log testbuffer.Buffer
			err := Program{Words: test.program}.Run(execTime(t), log.Logger())
			testexpect.Error(t, err, test.err)
			for _, text := range test.says {
				if log.Count(strings.TrimSuffix(text, "\n")) != 1 {
					t.Errorf("no %q in the log\n%s", text, &log)
				}
			}
		})
	}
}

func TestProgramGivesWhatItShould(t *testing.T) {
	t.Parallel()
	var log testbuffer.Buffer
	testexpect.Error(t, Program{Words: role("self")}.Run(execTime(t), log.Logger()), "")
	if want := "stdin /dev/null, pipes true, shared false, leader true, parent's group false"; log.Count(want) != 1 {
		t.Errorf("want %s, got\n%s", want, &log)
	}
}

func TestProgramCut(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		program []string
		pids    int
		outside bool // the last of them is not of the group, and lives on
	}{
		"ignores SIGTERM":            {role("hang"), 1, false},
		"with a child that holds on": {role("with", "hang"), 3, false},
		"with a child that floods":   {role("with", "loud"), 1, false},
		"with a grandchild":          {role("with", "with", "hang"), 5, false},
		"with a child of a session":  {role("with out", "hang"), 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(execTime(t))
			defer cancel(nil)
			var log testbuffer.Buffer
			var pids []int
			var ended time.Time
			go func() {
				defer cancel(errShare)
				testexpect.Soon(t, "all say who they are", func() bool { pids = pidsIn(log.String()); return len(pids) >= test.pids })
				ended = time.Now()
			}()
			err := Program{Words: test.program}.Run(ctx, log.Logger())
			took := time.Since(ended)
			testexpect.Error(t, err, ": share used up") // is killed; on a busy machine: and not gone yet
			testexpect.Error(t, err, " is killed")
			if !errors.Is(err, errShare) {
				t.Errorf("%v does not wrap the cause", err)
			}
			testexpect.Took(t, took, 0, soon/2) // what holds on would do so for ever
			leader := execLeader(t, &log)
			testexpect.Soon(t, "the program is gone", func() bool { return !exists(leader) })
			for _, pid := range slices.Compact(slices.Sorted(slices.Values(pids))) {
				if test.outside && pid != leader {
					if !lives(pid) {
						t.Errorf("process %d of another group is dead", pid)
					}
					unix.Kill(pid, unix.SIGKILL)
				}
			}
			expectEnds(t, pids...)
		})
	}
}

// execLeader is the process id of the program that was run.
func execLeader(t *testing.T, log *testbuffer.Buffer) int {
	t.Helper()
	found := regexp.MustCompile(`msg=started .* ?pid=(\d+)`).FindStringSubmatch(log.String())
	if found == nil {
		t.Fatalf("nothing was started\n%s", log)
	}
	pid, _ := strconv.Atoi(found[1])
	return pid
}

func TestProgramLeavesNothing(t *testing.T) {
	t.Parallel()
	var log testbuffer.Buffer
	begin := time.Now()
	testexpect.Error(t, Program{Words: role("leave", "hang")}.Run(execTime(t), log.Logger()), "")
	took := time.Since(begin)
	pids := pidsIn(log.String())
	if len(pids) == 0 {
		t.Fatalf("nothing was left behind\n%s", &log)
	}
	expectEnds(t, pids...)
	testexpect.Took(t, took, 0, soon/2)
	if log.Count("level=WARN", "not all that it started", fmt.Sprintf("(%d)", pids[0])) != 1 {
		t.Errorf("no word of process %d\n%s", pids[0], &log)
	}
	if log.Count("holds its output open") != 0 {
		t.Errorf("nobody holds it open\n%s", &log)
	}
}

func TestProgramIsNotHeldByAnotherSession(t *testing.T) {
	t.Parallel()
	var log testbuffer.Buffer
	begin := time.Now()
	testexpect.Error(t, Program{Words: role("leave out", "hang")}.Run(execTime(t), log.Logger()), "")
	took := time.Since(begin)
	pids := pidsIn(log.String())
	if len(pids) == 0 || !lives(pids[0]) {
		t.Errorf("nothing was left behind\n%s", &log)
	}
	for _, pid := range pids {
		unix.Kill(pid, unix.SIGKILL)
	}
	testexpect.Took(t, took, afterEnd, soon/2)
	if log.Count("level=WARN", "holds its output open") != 1 {
		t.Errorf("no word of it\n%s", &log)
	}
}

func TestProgramEndedWhileHeld(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(execTime(t))
	defer cancel(nil)
	var log testbuffer.Buffer
	go func() {
		testexpect.Soon(t, "the program's end is seen", func() bool { return log.Count("msg=started") == 1 && !exists(execLeader(t, &log)) }) // it is reaped
		cancel(errShare)
	}()
	testexpect.Error(t, Program{Words: role("leave out", "hang")}.Run(ctx, log.Logger()), "")
	for _, pid := range pidsIn(log.String()) {
		unix.Kill(pid, unix.SIGKILL)
	}
}

func TestProgramEndedWithItsTime(t *testing.T) {
	t.Parallel()
	for range 20 { // finish may see either end first
		var log testbuffer.Buffer
		p := Program{Words: role("say", "done")}
		path, err := p.Find()
		testexpect.Error(t, err, "")
		c, err := p.start(path, log.Logger())
		testexpect.Error(t, err, "")
		<-c.ended
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errShare)
		testexpect.Error(t, c.finish(ctx), "")
		if log.Count("holds its output open") != 0 {
			t.Fatalf("nobody holds it open\n%s", &log)
		}
	}
}

func TestProgramNotStartedLate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(execTime(t))
	cancel(errShare)
	var log testbuffer.Buffer
	err := Program{Words: role("say", "too late")}.Run(ctx, log.Logger())
	testexpect.Error(t, err, "not started: share used up")
	if !errors.Is(err, errShare) || log.String() != "" {
		t.Errorf("%v\n%s", err, &log)
	}
}

func TestProgramMuchOutput(t *testing.T) {
	t.Parallel()
	var log testbuffer.Buffer
	testexpect.Error(t, Program{Words: role("flood")}.Run(execTime(t), log.Logger()), "")
	if n := log.Count("stream=stdout"); n != maxLines {
		t.Errorf("%d lines are logged, want %d", n, maxLines)
	}
	if log.Count("level=WARN", "lines=500", "left_out_lines=499500") != 1 {
		t.Errorf("no count of the rest:%s", log.String()[strings.LastIndex(log.String(), "time="):])
	}
}

func TestProgramLongLine(t *testing.T) {
	t.Parallel()
	var log testbuffer.Buffer
	testexpect.Error(t, Program{Words: role("long line")}.Run(execTime(t), log.Logger()), "")
	want := fmt.Sprintf("output=%s… left_out_bytes=%d\n", strings.Repeat("0123456789", maxLine)[:maxLine], 10<<20-maxLine)
	if !strings.HasSuffix(log.String(), want) {
		t.Errorf("%.3000s", &log)
	}
}

// outputs is a log that keeps what a program says.
type outputs struct {
	slog.Handler
	said *[]string
}

func (o outputs) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "output" {
			*o.said = append(*o.said, a.Value.String())
		}
		return true
	})
	return nil
}

func TestProgramBytes(t *testing.T) {
	t.Parallel()
	var said []string
	log := slog.New(outputs{slog.NewTextHandler(io.Discard, nil), &said})
	testexpect.Error(t, Program{Words: role("bytes")}.Run(execTime(t), log), "")
	if len(said) != 4 || !strings.HasPrefix(said[0], "\x00\x01") || said[1] != "wörter" || said[2] != "" || said[3] != "\uFFFD" {
		t.Errorf("%q", said)
	}
	for _, line := range said {
		if !utf8.ValidString(line) {
			t.Errorf("not UTF-8: %q", line)
		}
	}
}

// hookOutput runs a hook of its own process to the end of its stdout.
func hookOutput(t *testing.T, words ...string) string {
	t.Helper()
	words = role(words...)
	out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestProgramLeavesNothingInTheHook(t *testing.T) {
	t.Parallel()
	for _, program := range [][]string{{"say", "x"}, {"leave", "hang"}, {"exit", "1"}} {
		out := hookOutput(t, append([]string{"hooks"}, program...)...)
		if !strings.Contains(out, "left: files 0 goroutines 1 children false") {
			t.Errorf("%q: %s", program, out[strings.LastIndex(out, "left:"):])
		}
	}
}

func TestProgramMemory(t *testing.T) {
	t.Parallel()
	out := hookOutput(t, "hook", "flood")
	var kib int
	if _, err := fmt.Sscanf(out[strings.LastIndex(out, " memory ")+1:], "memory %d", &kib); err != nil || kib > 8<<10 {
		t.Errorf("%d KiB more after 50 MB of output, %v", kib, err)
	}
	t.Logf("%d KiB more", kib)
}

// A container runtime waits for all who hold a hook's output.
func TestProgramNobodyHoldsTheHooksOutput(t *testing.T) {
	t.Parallel()
	out := hookOutput(t, "hook", "leave out", "hang")
	pids := pidsIn(out)
	if len(pids) == 0 || !lives(pids[0]) {
		t.Errorf("nobody was left who could hold it\n%s", out)
	}
	for _, pid := range pids {
		unix.Kill(pid, unix.SIGKILL)
	}
}

// What leaves the group, and what that leaves, ends with the step all the same, and is reaped.
func TestProgramAdopts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		program []string
		pids    int // that are said at least: what is left may be killed before it says who it is
		cut     bool
	}{
		"left in a session":                {[]string{"leave out", "hang"}, 1, false},
		"left by what was left":            {[]string{"leave out", "leave out", "hang"}, 1, false},
		"left in the group and a session":  {[]string{"leave", "leave out", "hang"}, 1, false},
		"in a session, cut":                {[]string{"with out", "hang"}, 3, true},
		"a chain of sessions, cut":         {[]string{"with out", "with out", "hang"}, 5, true},
		"in a session, floods, cut":        {[]string{"with out", "loud"}, 1, true},
		"left by what ended in time, cut":  {[]string{"with out", "leave out", "hang"}, 4, true},
		"nothing in a session":             {[]string{"leave", "hang"}, 1, false},
		"nothing left":                     {[]string{"say", "x"}, 0, false},
		"in a session, output not held on": {[]string{"leave out", "leave", "hang"}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			how := "adopting"
			if test.cut {
				how = "cutting"
			}
			words := role(append([]string{how}, test.program...)...)
			hook, out := exec.CommandContext(execTime(t), words[0], words[1:]...), new(testbuffer.Buffer)
			hook.Stdout = out
			stdin, err := hook.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := hook.Start(); err != nil {
				t.Fatal(err)
			}
			if test.cut {
				testexpect.Soon(t, "all say who they are", func() bool { return len(pidsIn(out.String())) >= test.pids })
				io.WriteString(stdin, "cut\n")
			}
			if err := hook.Wait(); err != nil {
				t.Error(err)
			}
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the hook's output:\n%s", out)
				}
			})
			pids := pidsIn(out.String())
			if len(pids) < test.pids || out.Count("holds its output open") != 0 {
				t.Errorf("%d of %d:\n%s", len(pids), test.pids, out)
			}
			if !test.cut && out.Count("left: files", "children false") != 1 {
				t.Errorf("a child was not reaped:\n%s", out)
			}
			expectEnds(t, pids...)
		})
	}
}

func TestProgramEndsWhatIsAdopted(t *testing.T) {
	t.Parallel()
	words, out, log := role("with out", "with", "mute"), new(testbuffer.Buffer), new(testbuffer.Buffer)
	adopter := exec.Command(words[0], words[1:]...)
	adopter.Stdout = out
	if err := adopter.Start(); err != nil {
		t.Fatal(err)
	}
	defer adopter.Wait()
	defer adopter.Process.Kill()
	var others []int
	testexpect.Soon(t, "all say who they are", func() bool {
		others = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(pidsIn(out.String())))), func(pid int) bool { return pid == adopter.Process.Pid })
		return len(others) == 2
	})
	if adopt() {
		t.Error("adopts beside a child")
	}
	c := child{process: adopter.Process, log: log.Logger(), adopter: adopter.Process.Pid}
	c.tellLeft()
	if log.Count("not all that it started", fmt.Sprintf("(%d)", others[0]), fmt.Sprintf("(%d)", others[1])) != 1 {
		t.Errorf("not named: %v\n%s", others, log)
	}
	for _, pid := range others {
		p, err := proc.Read("", strconv.Itoa(pid))
		if err != nil {
			t.Fatal(err)
		}
		p.Started-- // the process id was another's
		if endProcess(p); !lives(pid) {
			t.Errorf("process %d was killed for another", pid)
		}
	}
	c.endLeft(t.Context(), s)
	expectEnds(t, others...)
	if !lives(adopter.Process.Pid) {
		t.Error("the adopter is dead")
	}
}

// Whose child it is cannot be told where there are others, so that all are spared.
func TestProgramAdoptsBesideOthers(t *testing.T) {
	t.Parallel()
	out := hookOutput(t, "adopting with a child", "leave out", "mute")
	pids := pidsIn(out)
	if len(pids) < 2 {
		t.Fatalf("nothing was left behind\n%s", out)
	}
	for _, pid := range pids {
		if !lives(pid) {
			t.Errorf("process %d is dead", pid)
		}
		unix.Kill(pid, unix.SIGKILL)
	}
}

func TestProgramDiesWithTheHook(t *testing.T) {
	t.Parallel()
	words := role("hook", "hang")
	var out testbuffer.Buffer
	hook := exec.Command(words[0], words[1:]...)
	hook.Stdout = &out
	if err := hook.Start(); err != nil {
		t.Fatal(err)
	}
	testexpect.Soon(t, "the program says who it is", func() bool { return len(pidsIn(out.String())) > 0 })
	hook.Process.Kill()
	hook.Wait()
	expectEnds(t, pidsIn(out.String())...)
}

func TestProgramFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		syscall.ForkLock.RLock() // who is forked while the file is open keeps it from being executed
		defer syscall.ForkLock.RUnlock()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "missing")
	tests := []struct {
		program []string
		err     string // of Run
		check   string // of Check; "same"
	}{
		{nil, "expected a program, got nothing", "same"},
		{[]string{""}, "expected a program, got nothing", "same"},
		{[]string{"no-such-program-9"}, "no-such-program-9: the image does not have it in its PATH \"", "same"},
		{[]string{"no-such-program-9", "a b"}, "the image does not have it", "same"},
		{[]string{"no-such-program-9 -x  y"}, "no shell is implied, so the program and its arguments have to be words of their own, as in exec no-such-program-9 -x y", "same"},
		{[]string{"/no/such program"}, "no shell is implied", "same"},
		{[]string{"sleep 5"}, "no shell is implied", "same"},
		{[]string{missing}, missing + ": the image does not have it", "same"},
		{[]string{dir}, "is a directory", "same"},
		{[]string{put("data", "x", 0o644)}, "may not be executed by uid ", "same"},
		{[]string{put("text", "echo x\n", 0o755)}, "nor a script that begins with #! (no shell is implied)", ""},
		{[]string{put("empty", "", 0o755)}, "no shell is implied", ""},
		{[]string{put("script", "#!"+missing+" -e\necho\n", 0o755)}, "it is a script for \"" + missing + "\", which the image does not have", "same"},
		{[]string{put("dos", "#!/bin/sh\r\necho\r\n", 0o755)}, `a script for "/bin/sh\r", which`, "same"},
		{[]string{put("env", "#! /usr/bin/env  sh\nexit 4\n", 0o755)}, "exit status 4", ""},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%.60q", test.program), func(t *testing.T) {
			t.Parallel()
			e := Program{Words: test.program}
			err := e.Run(execTime(t), slog.New(slog.DiscardHandler))
			testexpect.Error(t, err, test.err)
			if test.check == "same" {
				test.check = test.err
			}
			_, err = e.Find()
			testexpect.Error(t, err, test.check)
		})
	}
}

func TestFindRunsNothing(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "ran")
	path, err := Program{Words: []string{"touch", mark}}.Find()
	if testexpect.Error(t, err, ""); filepath.Base(path) != "touch" {
		t.Errorf("found %s", path)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it was run")
	}
}

func FuzzOutput(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"), 1)
	f.Add(bytes.Repeat([]byte("ö\xff"), maxLine), 7)
	f.Add(append(bytes.Repeat([]byte("x"), maxLine-1), "🚚\nb"...), 3)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		lines, size := 0, 0
		s := stream{name: "x", line: func(_ string, l text) {
			lines++
			size += len(l.begin) + l.cut
			if text := l.String(); !utf8.ValidString(text) || len(text) > 3*maxLine+3 || strings.Contains(text, "\n") || strings.HasSuffix(text, "…") != (l.cut > 0 || bytes.HasSuffix(l.begin, []byte("…"))) {
				t.Errorf("%q", text)
			}
		}}
		step = max(1, step)
		s.readFrom(&parts{data, step})
		want := bytes.Count(data, []byte("\n"))
		if size != len(data)-want {
			t.Errorf("%d bytes of %d", size, len(data)-want)
		}
		if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
			want++
		}
		if lines != want {
			t.Errorf("%d lines, want %d", lines, want)
		}
	})
}

// parts gives data in parts.
type parts struct {
	data []byte
	size int
}

func (p *parts) Read(b []byte) (int, error) {
	n := copy(b[:min(len(b), p.size)], p.data)
	p.data = p.data[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
