package shutdown

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var errDeadline = errors.New("its share of the grace period is used up")

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.String()
}

func (l *lines) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}))
}

func TestExec(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*maxLine)
	tests := []struct {
		name    string
		program []string
		err     string // empty: done
		log     string // holds this
	}{
		{"done", []string{"true"}, "", ""},
		{"says something on both", []string{"sh", "-c", "echo one; echo two >&2"}, "", "msg=output line=one\nmsg=output line=two\n"},
		{"says something without an end", []string{"printf", "one\n\n\r\ntwo"}, "", "msg=output line=one\nmsg=output line=two\n"},
		{"gets no input", []string{"cat"}, "", ""},
		{"arguments are not read again", []string{"printf", "%s", "$HOME * 'a"}, "", `line="$HOME * 'a"`},
		{"fails", []string{"sh", "-c", "echo why >&2; exit 3"}, "sh: exit status 3; it said: why", "line=why"},
		{"fails without a word", []string{"false"}, "false: exit status 1", ""},
		{"ends itself", []string{"sh", "-c", "kill -SEGV $$"}, "sh: signal: segmentation fault", ""},
		{"not there", []string{"no-such-program"}, fmt.Sprintf("no-such-program: no such program in the image, by its PATH %q", os.Getenv("PATH")), ""},
		{"not there, by its path", []string{"/no/such/program"}, "/no/such/program: stat /no/such/program: no such file or directory", ""},
		{"a directory", []string{"/etc"}, "/etc: is a directory", ""},
		{"not to be run", []string{"/etc/passwd"}, "/etc/passwd: permission denied", ""},
		{"a line that is too long", []string{"echo", long}, "", "line=" + long[:maxLine] + "…\n"},
		{"no text", []string{"printf", `a\377b\000c\n`}, "", `line="a�b\x00c"`},
		{"more than is logged", []string{"sh", "-c", "i=0; while [ $i -lt 700 ]; do echo $i; i=$((i+1)); done"}, "", `line=499` + "\n" + `msg="more output than is logged" lines_left_out=200`},
		{"a flood", []string{"sh", "-c", "yes | head -c 20000000"}, "", "lines_left_out=9999500"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			log := &lines{}
			err := Exec{Program: test.program}.Run(t.Context(), log.log())
			if test.err == "" && err != nil || test.err != "" && (err == nil || err.Error() != test.err) {
				t.Errorf("error %v, want %s", err, test.err)
			}
			if !strings.Contains(log.String(), test.log) {
				t.Errorf("log %.2000s\nwant %.2000s", log, test.log)
			}
		})
	}
}

// However a program and its children resist: the step is over at once when its time is, and none of its group is left.
func TestExecKilled(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"hangs":                         "sleep 1000 & echo $! >$PIDS; echo $$ >>$PIDS; echo ready; wait",
		"ignores TERM":                  "trap '' TERM INT HUP; echo $$ >$PIDS; echo ready; while :; do sleep 1000; done",
		"floods":                        "echo $$ >$PIDS; echo ready; yes",
		"a child holds the pipe":        "sh -c 'echo $$ >$PIDS; echo ready; exec sleep 1000' & wait",
		"a grandchild left the session": "setsid sh -c 'echo $$ >$LOOSE; sleep 1000' & echo $$ >$PIDS; while [ ! -s $LOOSE ]; do :; done; echo ready; wait",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pids, loose := filepath.Join(dir, "pids"), filepath.Join(dir, "loose")
			ctx, cancel := context.WithCancelCause(t.Context())
			log := &lines{}
			done := make(chan error, 1)
			go func() {
				done <- Exec{Program: []string{"env", "PIDS=" + pids, "LOOSE=" + loose, "sh", "-c", script}}.Run(ctx, log.log())
			}()
			await(t, func() bool { return strings.Contains(log.String(), "line=ready") })
			begin := time.Now()
			cancel(errDeadline)
			err := <-done
			if took := time.Since(begin); took > time.Second {
				t.Errorf("it took %v to end", took)
			}
			if !errors.Is(err, errDeadline) || !strings.HasPrefix(err.Error(), "env is killed: ") {
				t.Errorf("error %v", err)
			}
			for _, pid := range numbers(t, pids) {
				await(t, func() bool { return !alive(pid) })
			}
			for _, pid := range numbers(t, loose) {
				syscall.Kill(-pid, syscall.SIGKILL)
			}
		})
	}
}

// What a program leaves behind does not outlive it, and holds nothing up.
func TestExecLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	begin := time.Now()
	err := Exec{Program: []string{"sh", "-c", "sleep 1000 & echo $! >" + pids}}.Run(t.Context(), slog.New(slog.DiscardHandler))
	if took := time.Since(begin); err != nil || took > 10*time.Second {
		t.Errorf("%v after %v", err, took)
	}
	for _, pid := range numbers(t, pids) {
		await(t, func() bool { return !alive(pid) })
	}
}

// The hook that is killed takes its program with it.
func TestExecDiesWithTheHook(t *testing.T) {
	if pids := os.Getenv("SHUTDOWN_TEST_EXEC"); pids != "" {
		Exec{Program: []string{"sh", "-c", "echo $$ >" + pids + "; exec sleep 1000"}}.Run(t.Context(), slog.New(slog.DiscardHandler))
		return
	}
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	hook := exec.Command(os.Args[0], "-test.run=^TestExecDiesWithTheHook$")
	hook.Env = append(os.Environ(), "SHUTDOWN_TEST_EXEC="+pids)
	if err := hook.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return len(numbers(t, pids)) == 1 })
	hook.Process.Kill()
	hook.Wait()
	await(t, func() bool { return !alive(numbers(t, pids)[0]) })
}

func TestExecCheck(t *testing.T) {
	log := &lines{}
	if err := (Exec{Program: []string{"sh"}}).Check(t.Context(), log.log()); err != nil || !strings.Contains(log.String(), "path=/") {
		t.Errorf("%v: %s", err, log)
	}
	if err := (Exec{Program: []string{"no-such-program"}}).Check(t.Context(), log.log()); err == nil {
		t.Error("a program that is not there would run")
	}
}

// await gives a condition ten seconds to become true.
func await(t *testing.T, met func() bool) {
	t.Helper()
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for end := time.Now().Add(10 * time.Second); !met(); <-every.C {
		if time.Now().After(end) {
			t.Fatal("it did not come to be")
		}
	}
}

func numbers(t *testing.T, file string) []int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var all []int
	for _, field := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// alive tells whether a process runs; one that has ended and is not reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}
