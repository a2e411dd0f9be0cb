package shutdown

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/testserver"
)

func TestSignal(t *testing.T) {
	t.Parallel()
	const (
		user      = 65534
		short     = 400 * time.Millisecond
		long      = 20 * time.Second
		nanosleep = "nanosleep"
		gone      = "the main process has ended"
	)
	type app = signalAppTask
	type hook = signalHookTask
	term := func(h hook) hook {
		h.Signal.Signal = syscall.SIGTERM
		if h.Within == 0 {
			h.Within = long
		}
		return h
	}
	kill := term(hook{Asleep: nanosleep})
	kill.Signal.Signal = syscall.SIGKILL
	noWait := term(hook{})
	noWait.Signal.NoWait = true
	usr1 := term(hook{Asleep: "sigtimedwait"})
	usr1.Signal.Signal = awaited
	usr1Checked := usr1
	usr1Checked.Check = true
	for name, tt := range map[string]struct {
		role signalRole
		died bool // the hook, with process 1
		err  string
		said string
		log  string
	}{
		"a handler":               {role: signalRole{App: app{Kind: "handles"}, Hook: term(hook{})}, died: true, said: "SIGTERM\n"},
		"a handler, checked":      {role: signalRole{App: app{Kind: "handles"}, Hook: term(hook{Check: true})}, log: "pid=1 name=exe signal=SIGTERM"},
		"no pidfds: not known":    {role: signalRole{App: app{Kind: "handles"}, Hook: term(hook{ForbidsPidfds: unix.ENOSYS})}, died: true, said: "SIGTERM\n"},
		"no pidfds: not allowed":  {role: signalRole{App: app{Kind: "handles for ever"}, Hook: term(hook{ForbidsPidfds: unix.EPERM, Within: short})}, err: "still runs", said: "SIGTERM\n"},
		"takes its time":          {role: signalRole{App: app{Kind: "handles for ever"}, Hook: term(hook{Within: short})}, err: "main process 1 (exe) still runs", said: "SIGTERM\n"},
		"not waited for":          {role: signalRole{App: app{Kind: "handles for ever"}, Hook: noWait}, log: "sent", said: "SIGTERM\n"},
		"waits for signals":       {role: signalRole{App: app{Kind: "waits"}, Hook: usr1}, died: true, said: "SIGUSR1\n"},
		"waits, checked":          {role: signalRole{App: app{Kind: "waits"}, Hook: usr1Checked}, log: "not to be seen"},
		"holds it back":           {role: signalRole{App: app{Kind: "holds back"}, Hook: term(hook{Asleep: nanosleep, Within: short})}, err: "still runs"},
		"no handler":              {role: signalRole{App: app{Kind: "sleeps"}, Hook: term(hook{Asleep: nanosleep})}, err: "SIGTERM has no effect: main process 1 (sleep) has no handler for it"},
		"no handler, checked":     {role: signalRole{App: app{Kind: "sleeps"}, Hook: term(hook{Asleep: nanosleep, Check: true})}, err: "no handler"},
		"SIGKILL":                 {role: signalRole{App: app{Kind: "sleeps"}, Hook: kill}, err: "SIGKILL has no effect"},
		"ignored":                 {role: signalRole{App: app{Kind: "ignores"}, Hook: term(hook{Asleep: nanosleep})}, err: "main process 1 (sleep) ignores it"},
		"the hook itself":         {role: signalRole{HookIsMain: true, Hook: term(hook{})}, err: "the container's main process itself"},
		"procfs of another place": {role: signalRole{ForeignProc: true, App: app{Kind: "handles"}, Hook: term(hook{})}, err: "another process namespace"},
		"another user":            {role: signalRole{App: app{Kind: "handles"}, Hook: term(hook{UID: user})}, err: "user 65534 may not signal main process 1 (exe): another user's process needs CAP_KILL"},
		"another user, checked":   {role: signalRole{App: app{Kind: "handles"}, Hook: term(hook{UID: user, Check: true})}, err: "operation not permitted"},
		"another user, no pidfds": {role: signalRole{App: app{Kind: "handles"}, Hook: term(hook{UID: user, ForbidsPidfds: unix.EPERM})}, err: "operation not permitted"},
		"the same user":           {role: signalRole{App: app{Kind: "handles", UID: user}, Hook: term(hook{UID: user})}, died: true, said: "SIGTERM\n"},
		"root to a user":          {role: signalRole{App: app{Kind: "handles", UID: user}, Hook: term(hook{})}, died: true, said: "SIGTERM\n"},

		"shared, a handler":           {role: signalRole{Shared: true, App: app{Kind: "handles"}, Hook: term(hook{})}, log: gone, said: "SIGTERM\n"},
		"shared, no pidfds":           {role: signalRole{Shared: true, App: app{Kind: "handles"}, Hook: term(hook{ForbidsPidfds: unix.ENOSYS})}, log: gone, said: "SIGTERM\n"},
		"shared, no handler":          {role: signalRole{Shared: true, App: app{Kind: "sleeps"}, Hook: term(hook{})}, log: gone},
		"shared, takes its time":      {role: signalRole{Shared: true, App: app{Kind: "holds back"}, Hook: term(hook{Within: short})}, err: "still runs"},
		"shared, ignored":             {role: signalRole{Shared: true, App: app{Kind: "handles"}, Hook: term(hook{}), Status: "\nSigBlk:\t0\nSigIgn:\t4000\nSigCgt:\t0\n"}, err: "ignores it; not sent"},
		"shared, not to be seen":      {role: signalRole{Shared: true, App: app{Kind: "handles"}, Hook: term(hook{}), Status: "none"}, log: "not to be seen", said: "SIGTERM\n"},
		"shared, checked":             {role: signalRole{Shared: true, App: app{Kind: "handles"}, Hook: term(hook{Check: true})}, log: "found the main process"},
		"shared, another user":        {role: signalRole{Shared: true, App: app{Kind: "handles"}, Hook: term(hook{UID: user})}, err: "CAP_KILL"},
		"shared, ended before":        {role: signalRole{Shared: true, App: app{Kind: "ends"}, Hook: term(hook{})}, log: gone},
		"shared, ended, checked":      {role: signalRole{Shared: true, App: app{Kind: "ends"}, Hook: term(hook{Check: true})}, log: gone},
		"shared, nobody but the hook": {role: signalRole{Shared: true, Alone: true, App: app{Kind: "handles"}, Hook: term(hook{})}, err: "the container's main process is not to be found"},
		"shared, no time left":        {role: signalRole{Shared: true, App: app{Kind: "handles"}, Hook: term(hook{Within: time.Nanosecond})}, err: "SIGTERM was not sent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, said, died := signalled(t, tt.role, len(tt.said))
			if r.Blind {
				t.Skip("this kernel does not show where a process sleeps")
			}
			if died != tt.died || said != tt.said {
				t.Fatalf("the hook died: %v, the app got %q; expected %v, %q; %+v", died, said, tt.died, tt.said, r)
			}
			if died {
				return
			}
			if (r.Err == "") != (tt.err == "") || !strings.Contains(r.Err, tt.err) || !strings.Contains(r.Log, tt.log) {
				t.Errorf("%q, expected %q; log with %q: %s", r.Err, tt.err, tt.log, r.Log)
			}
			if cut := strings.Contains(tt.err, "still runs") || strings.Contains(tt.err, "was not sent"); r.Cause != cut {
				t.Errorf("%q wraps the context's cause: %v, expected %v", r.Err, r.Cause, cut)
			}
			if within := tt.role.Hook.Within; within == short && (r.Took < short || r.Took > short+2*time.Second) || r.Took > within+2*time.Second {
				t.Errorf("took %s, expected %s", r.Took, within)
			}
			if pidfd := tt.role.Hook.ForbidsPidfds == 0; r.Pidfd != pidfd {
				t.Errorf("pidfds: %v, expected %v", r.Pidfd, pidfd)
			}
		})
	}
}

// signalled runs a main process and its hook in a process namespace of their own. It returns what the hook has to
// tell, unless it died, and what the app said, which is given the time for so many bytes.
func signalled(t *testing.T, role signalRole, words int) (r signalResult, said string, died bool) {
	t.Helper()
	role.Role, role.Dir = signalMain, openDir(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = role.environ()
	cmd.SysProcAttr = namespace(t, role)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	results, resultsEnd := pipe(t)
	spoken, spokenEnd := pipe(t)
	cmd.ExtraFiles = []*os.File{resultsEnd, spokenEnd}
	if err := cmd.Start(); errors.Is(err, unix.EPERM) {
		testserver.Lacks(t, "no process namespace may be made here")
	} else if err != nil {
		t.Fatal(err)
	}
	resultsEnd.Close()
	spokenEnd.Close()
	err := json.NewDecoder(results).Decode(&r)
	text := make([]byte, words)
	n, _ := io.ReadFull(spoken, text)
	if err == nil && !role.Shared {
		cmd.Process.Kill()
	}
	cmd.Wait()
	rest, errText := io.ReadAll(spoken)
	if err != nil && err != io.EOF || errText != nil || ctx.Err() != nil || stderr.Len() > 0 {
		t.Fatalf("%v, %v, %v: %s", err, errText, ctx.Err(), stderr.String())
	}
	return r, string(text[:n]) + string(rest), err == io.EOF
}

// namespace is for root, or for an ordinary user, who cannot become another one.
func namespace(t *testing.T, role signalRole) *syscall.SysProcAttr {
	t.Helper()
	attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	if os.Getuid() == 0 {
		return attr
	}
	if role.App.UID != 0 || role.Hook.UID != 0 {
		testserver.Lacks(t, "needs root")
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	return attr
}

// openDir is one that other users can read.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "signal")
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func pipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close(); write.Close() })
	return read, write
}

// A PID that is another process's by now is not signalled, nor is what has ended since it was found.
func TestSignalAfterReuse(t *testing.T) {
	t.Parallel()
	child := exec.Command("cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	found, err := proc.Read("", strconv.Itoa(child.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	s := Signal{Signal: syscall.SIGTERM}
	earlier := found
	earlier.Started--
	if _, err := hold("", earlier); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("an earlier process of that PID: %v, expected that it has ended", err)
	}
	m, err := hold("", found)
	if err != nil {
		t.Fatal(err)
	}
	defer m.handle.Release()
	m.Started--
	if err := s.send(m, s.Signal); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("%v, expected that the process has ended", err)
	}
	m.Started++
	stdin.Close()
	if err := child.Wait(); err != nil {
		t.Fatalf("the process was signalled: %v", err)
	}
	if err := s.send(m, s.Signal); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("%v, expected that the process has ended", err)
	}
	if err := s.wait(t.Context(), m); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("%v, expected that the process has ended", err)
	}
}

func TestSignalWithoutProcfs(t *testing.T) {
	t.Parallel()
	err := (&Signal{Signal: syscall.SIGTERM, Proc: t.TempDir()}).Run(t.Context(), slog.New(slog.DiscardHandler))
	if !errors.Is(err, proc.ErrCgroup) || !strings.HasPrefix(err.Error(), "the container's main process is not to be found: ") {
		t.Errorf("%v, expected that nothing is to be found", err)
	}
}

func TestParseSignal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "SIGTERM": syscall.SIGTERM, "term": syscall.SIGTERM, "SigTerm": syscall.SIGTERM, "15": syscall.SIGTERM,
		"QUIT": syscall.SIGQUIT, "USR1": syscall.SIGUSR1, "WINCH": syscall.SIGWINCH, "KILL": syscall.SIGKILL, "9": syscall.SIGKILL,
		"HUP": syscall.SIGHUP, "1": syscall.SIGHUP, "SYS": syscall.SIGSYS, "31": syscall.SIGSYS,
		"RTMIN": 34, "SIGRTMIN": 34, "RTMIN+0": 34, "RTMIN+3": 37, "SIGRTMIN+3": 37, "rtmin+3": 37, "RTMIN+30": 64, "37": 37, "34": 34,
		"RTMAX": 64, "RTMAX-1": 63, "SIGRTMAX-30": 34, "64": 64,

		"": 0, " ": 0, "SIG": 0, "TERM ": 0, " TERM": 0, "SIGSIGTERM": 0, "TER": 0, "TERMS": 0, "SIG15": 0, "SIG_DFL": 0, "TERM,QUIT": 0, "-TERM": 0,
		"0": 0, "-1": 0, "-15": 0, "+15": 0, "015": 0, "0xf": 0, "15.0": 0, "1_5": 0, "١٥": 0, "32": 0, "33": 0, "65": 0, "128": 0,
		"99999999999999999999": 0, "18446744073709551631": 0, "4294967311": 0,
		"RTMIN+31": 0, "RTMIN-1": 0, "RTMIN-0": 0, "RTMIN+": 0, "RTMIN+03": 0, "RTMIN3": 0, "RTMIN++3": 0, "RTMIN +3": 0, "RTMIN+9223372036854775807": 0,
		"RTMAX+1": 0, "RTMAX-31": 0, "RTMAX--1": 0, "RTMINRTMIN": 0, "RT": 0, "TERM\x00": 0, "TERM\n": 0,
	} {
		got, err := ParseSignal(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v; expected %d", text, got, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), strconv.Quote(text)+": expected a name such as TERM") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseSignal(f *testing.F) {
	for _, seed := range []string{"TERM", "SIGQUIT", "15", "RTMIN+3", "RTMAX-1", "", "SIG", "RTMIN+99"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSignal(text)
		if err != nil {
			return
		}
		if again, err := ParseSignal(proc.SignalName(s)); s < 1 || s > rtMax || again != s || err != nil {
			t.Errorf("%q: %d, called %s, which is %d, %v", text, s, proc.SignalName(s), again, err)
		}
	})
}
