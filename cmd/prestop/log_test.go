package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testbuffer"
	"golang.org/x/sys/unix"
)

// Where the log of the built binary goes, whatever becomes of its streams; and that they change nothing else.
func TestLog(t *testing.T) {
	groups := map[string]stories{"streams": streams(), "flood": floods(), "file": fileLogs()}
	if os.Getuid() == 0 { // who alone can make containers
		groups["container"] = containerLogs()
	}
	tell(t, groups)
}

const (
	logFloor     = time.Second
	ordinaryUser = 65534
	anotherUser  = 65533
)

// logged delivers a hook with one call, which fails or not.
func (s *stage) logging(fails bool, env ...string) *delivery {
	if fails {
		s.answers("/call", 403)
	}
	return s.prepare(append([]string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS=" + logFloor.String()}, env...), "post "+s.url+"/call")
}

// inTime checks that the hook was not held up: it would then last to its deadline, if it ended at all.
func (s *stage) inTime(d *delivery) {
	const most = (deliveryGrace - deliveryReserve) / 2
	took := d.ended.Sub(d.began)
	s.check(took >= logFloor && took < most, "took %s, want %s", took, logFloor)
	s.notLater("the end", took, logFloor+2*time.Second)
}

func statusOf(fails bool) int {
	if fails {
		return exitFailed
	}
	return exitDone
}

// As root and as others, with a main process that lets the hook have its stderr or does not.
func containerLogs() stories {
	const refused = "permission denied"
	user := containerRole{UID: ordinaryUser, Chown: true, Exec: true}
	rows := map[string]struct {
		main   containerRole
		stderr func(*stage) *os.File // of the main process; nil: it is read
		hook   role
		logTo  string
		fails  bool
		note   string // in a warning, and the log is on stdout; empty: it is the container's
	}{
		"root, root":                             {},
		"root, root, a failure":                  {fails: true},
		"root, root, asked for":                  {logTo: "container", fails: true},
		"root, root with fewer capabilities":     {hook: role{DropPtrace: true}, note: refused},
		"root, user":                             {hook: role{UID: ordinaryUser}, note: refused, fails: true},
		"root, user, asked for":                  {hook: role{UID: ordinaryUser}, logTo: "container", note: refused},
		"user, same user":                        {main: user, hook: role{UID: ordinaryUser}, fails: true},
		"user, another user":                     {main: user, hook: role{UID: anotherUser}, note: refused},
		"user, root":                             {main: user},
		"user who does not own its stderr":       {main: containerRole{UID: ordinaryUser, Exec: true}, hook: role{UID: ordinaryUser}, note: refused},
		"dropped to user, same user":             {main: containerRole{UID: ordinaryUser, Chown: true}, hook: role{UID: ordinaryUser}, note: refused},
		"main process with /dev/null":            {stderr: devNull, note: "/dev/null", fails: true},
		"main process with a socket":             {stderr: socket, note: "no such device or address"},
		"main process without stderr":            {main: containerRole{Close: true}, note: "no such file or directory"},
		"a file that cannot be written":          {logTo: "/no/such/directory/log", note: "", fails: true},
		"a FIFO that nobody reads, then refused": {logTo: "FIFO", hook: role{UID: ordinaryUser}, note: refused},
	}
	all := make(stories)
	for name, r := range rows {
		all[name] = func(s *stage) {
			logTo := r.logTo
			if logTo == "FIFO" {
				logTo = filepath.Join(s.reachable(), "fifo")
				s.must(unix.Mkfifo(logTo, 0o622))
			}
			d := s.logging(r.fails, "PRE_STOP_LOG_TO="+logTo)
			log := s.contain(d, r.main, r.hook, nil)
			if r.stderr != nil {
				d.cmd.Stderr = r.stderr(s)
			}
			s.start(d)
			s.ends(d, statusOf(r.fails), "403")
			s.inTime(d)
			here, there := log, &d.stdout
			if r.note != "" {
				here, there = there, here
			}
			s.check(there.String() == "", "there is something in the wrong place: %s", there)
			lines := s.whole(here.String(), statusOf(r.fails))
			warnings := slices.DeleteFunc(lines, func(l logLine) bool {
				return l["log.level"] != "warn" || strings.Contains(fmt.Sprint(l["message"]), "second delivery")
			})
			if refusals := len(warnings); r.note != "" || strings.Contains(r.logTo, "/") {
				s.check(refusals > 0 && strings.Contains(fmt.Sprint(warnings), r.note) && strings.Contains(fmt.Sprint(warnings), "instead"), "warnings %v, want one with %q", warnings, r.note)
			} else {
				s.check(refusals == 0, "warnings %v, want none", warnings)
			}
		}
	}
	all["main process with a full pipe"] = func(s *stage) {
		d := s.logging(true, "PRE_STOP_LOG_TO=auto")
		s.contain(d, containerRole{}, role{}, nil)
		d.cmd.Stderr = s.fullPipe()
		s.start(d)
		s.ends(d, exitFailed, "403")
		s.inTime(d)
		s.check(d.stdout.String() == "", "stdout has %s", &d.stdout)
	}
	all["the hook is the main process"] = func(s *stage) {
		d := s.logging(true, "PRE_STOP_LOG_TO=auto")
		inRole(d.cmd, role{Mount: map[string]string{"/proc": "proc"}})
		d.cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID
		s.start(d)
		s.awaitEnd(d)
		s.check(d.exit == exitFailed && d.stdout.String() == "", "exit status %d, stdout %s", d.exit, &d.stdout)
		s.whole(d.stderr.String(), exitFailed) // and nothing is said twice
	}
	return all
}

// Streams that are closed, broken or full.
func streams() stories {
	rows := map[string]struct {
		stdout, stderr func(*stage) *os.File // nil: it is read
		close          []int
		fails          bool
	}{
		"stdout closed":                   {close: []int{1}},
		"stdout closed, a failure":        {close: []int{1}, fails: true},
		"stderr closed":                   {close: []int{2}},
		"stderr closed, a failure":        {close: []int{2}, fails: true},
		"all closed":                      {close: []int{0, 1, 2}},
		"all closed, a failure":           {close: []int{0, 1, 2}, fails: true},
		"stdout without reader":           {stdout: (*stage).brokenPipe},
		"stdout without reader, failure":  {stdout: (*stage).brokenPipe, fails: true},
		"stderr without reader, failure":  {stderr: (*stage).brokenPipe, fails: true},
		"both without reader, a failure":  {stdout: (*stage).brokenPipe, stderr: (*stage).brokenPipe, fails: true},
		"stdout full":                     {stdout: (*stage).fullPipe},
		"stdout full, a failure":          {stdout: (*stage).fullPipe, fails: true},
		"stderr full":                     {stderr: (*stage).fullPipe},
		"stderr full, a failure":          {stderr: (*stage).fullPipe, fails: true},
		"both full, a failure":            {stdout: (*stage).fullPipe, stderr: (*stage).fullPipe, fails: true},
		"stdout on a full disk, failure":  {stdout: devFull, fails: true},
		"stdout is a socket":              {stdout: socket},
		"stderr on a full disk, failure":  {stderr: devFull, fails: true},
		"stdout a terminal, not ours":     {stdout: (*stage).terminal, fails: true},
		"stdout and stderr are terminals": {stdout: (*stage).terminal, stderr: (*stage).terminal, fails: true},
	}
	all := make(stories)
	for name, r := range rows {
		all[name] = func(s *stage) {
			d := s.logging(r.fails)
			if r.close != nil {
				inRole(d.cmd, role{Close: r.close})
			}
			if r.stdout != nil {
				d.cmd.Stdout = r.stdout(s)
			}
			if r.stderr != nil {
				d.cmd.Stderr = r.stderr(s)
			}
			s.start(d)
			s.awaitEnd(d)
			s.check(d.exit == statusOf(r.fails), "exit status %d, want %d (%s)", d.exit, statusOf(r.fails), d.cmd.ProcessState)
			s.inTime(d)
			s.expectCalls("/call", 1)
			if r.stderr == nil && !slices.Contains(r.close, 2) {
				s.ends(d, statusOf(r.fails), "403")
			}
			if r.stdout == nil && !slices.Contains(r.close, 1) {
				s.whole(d.stdout.String(), statusOf(r.fails))
			}
		}
	}
	all["one line on stderr, which is the log's"] = func(s *stage) {
		d := s.logging(true, "PRE_STOP_LOG_TO=stderr")
		s.start(d)
		s.awaitEnd(d)
		s.check(d.exit == exitFailed && d.stdout.String() == "", "exit status %d, stdout %s", d.exit, &d.stdout)
		s.whole(d.stderr.String(), exitFailed)
	}
	all["a terminal"] = func(s *stage) {
		screen, terminal := s.openTerminal()
		d := s.logging(true, "PRE_STOP_LOG_TO=auto")
		d.cmd.Stdin, d.cmd.Stdout, d.cmd.Stderr = terminal, terminal, terminal
		s.start(d)
		s.awaitEnd(d)
		s.check(d.exit == exitFailed, "exit status %d", d.exit)
		text := ""
		s.awaitUntil("the last line on the terminal", func() bool {
			text += s.drain(screen)
			_, end, found := strings.Cut(text, "s error prestop ends  ")
			return found && strings.HasSuffix(end, "\n")
		})
		s.check(strings.Contains(text, "s info  prestop begins  "), "the terminal shows %s", text)
		s.check(!strings.Contains(text, "prestop: "), "it is said twice: %s", text)
	}
	all["a mistake in the configuration"] = func(s *stage) {
		d := s.logging(false, "PRE_STOP_MAX_DNS_ERRORS=two")
		s.start(d)
		s.ends(d, exitConfiguration, "PRE_STOP_MAX_DNS_ERRORS")
		s.inTime(d)
		s.whole(d.stdout.String(), exitConfiguration)
	}
	all["an end by hand"] = func(s *stage) {
		call := s.hold("/call")
		d := s.logging(false)
		s.start(d)
		s.await("the call", call.came)
		d.cmd.Process.Signal(syscall.SIGTERM)
		s.ends(d, exitSignal+int(syscall.SIGTERM), "ended by signal terminated")
		s.whole(d.stdout.String(), exitSignal+int(syscall.SIGTERM))
	}
	return all
}

// A log of more than 200 KiB; a pipe takes 64.
func floods() stories {
	plan := func(s *stage) []string {
		var steps []string
		for n := range 25 {
			steps = append(steps, fmt.Sprintf("post %s/call%d body=%s", s.url, n, strings.Repeat("x", 3000)))
		}
		return append(steps, "post "+s.url+"/last")
	}
	env := []string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS=" + logFloor.String()}
	return stories{
		"read at the end": func(s *stage) {
			usual := s.deliver(env, plan(s)...)
			s.ends(usual, exitDone, "")
			s.check(len(usual.stdout.String()) > 200<<10, "the log has %d bytes only", len(usual.stdout.String()))
			want := counted(s.whole(usual.stdout.String(), exitDone))

			last := s.hold("/last")
			d := s.prepare(env, plan(s)...)
			read, write := s.pipe()
			d.cmd.Stdout = write
			s.start(d)
			write.Close()
			s.await("the last call", last.came)
			text := s.drain(read)
			last.let()
			s.ends(d, exitDone, "")
			s.inTime(d)
			rest, err := io.ReadAll(read)
			s.must(err)
			lines := s.whole(text+string(rest), exitDone)
			lost, _ := lines[len(lines)-1]["lines_lost"].(float64)
			s.check(lost > 0 && counted(lines)+int(lost) == want, "%d lines came and %v were lost, want %d", counted(lines), lost, want)
		},
		"never read": func(s *stage) {
			s.answers("/last", 403)
			d := s.prepare(env, plan(s)...)
			read, write := s.pipe()
			d.cmd.Stdout = write
			s.start(d)
			s.ends(d, exitFailed, "403")
			s.inTime(d)
			write.Close()
			text := s.drain(read)
			s.check(len(text) > 32<<10, "only %d bytes came", len(text))
			s.lines(text)
		},
		"into a file": func(s *stage) {
			file := filepath.Join(s.state, "log")
			d := s.deliver(append(env, "PRE_STOP_LOG_TO="+file), plan(s)...)
			s.ends(d, exitDone, "")
			text, err := os.ReadFile(file)
			s.must(err)
			s.check(len(text) > 200<<10, "the log has %d bytes only", len(text))
			lines := s.whole(string(text), exitDone)
			s.check(lines[len(lines)-1]["lines_lost"] == nil, "lines are lost: %v", lines[len(lines)-1])
		},
	}
}

// counted is how many lines there are but the one that a slow machine leaves no time for.
func counted(lines []logLine) int {
	return len(slices.DeleteFunc(slices.Clone(lines), func(l logLine) bool { return l["message"] == "waiting" }))
}

func fileLogs() stories {
	return stories{
		"new, then appended to": func(s *stage) {
			file := filepath.Join(s.state, "log")
			for n, fails := range []bool{false, true} {
				d := s.logging(fails, "PRE_STOP_LOG_TO="+file)
				s.start(d)
				s.ends(d, statusOf(fails), "403")
				s.check(d.stdout.String() == "", "stdout has %s", &d.stdout)
				text, err := os.ReadFile(file)
				s.must(err)
				ended := strings.Count(string(text), "prestop ends")
				s.check(ended == n+1, "%d outcomes after %d runs", ended, n+1)
				s.whole(string(text), statusOf(fails))
			}
			info, err := os.Stat(file)
			s.must(err)
			s.check(info.Mode() == 0o640, "the file has mode %v, want 0640", info.Mode())
		},
		"on a full disk": func(s *stage) {
			d := s.logging(false, "PRE_STOP_LOG_TO=/dev/full")
			s.start(d)
			s.ends(d, exitDone, "")
			s.inTime(d)
		},
		"on a full disk, a failure": func(s *stage) {
			d := s.logging(true, "PRE_STOP_LOG_TO=/dev/full")
			s.start(d)
			s.ends(d, exitFailed, "403")
		},
	}
}

// A logLine is a line of a log in JSON.
type logLine map[string]any

// whole reads a log from its first line, the settings, to its last, the outcome.
func (s *stage) whole(text string, exit int) []logLine {
	lines := s.lines(text)
	if len(lines) < 2 {
		s.stop("the log has %d lines: %q", len(lines), text)
	}
	first, last := lines[0], lines[len(lines)-1]
	settings, _ := first["settings"].(map[string]any)
	s.check(first["message"] == "prestop begins" && first["version"] != nil && settings["grace_period_seconds"] != nil, "the first line is %v", first)
	s.check(last["message"] == "prestop ends" && last["exit"] == float64(exit) && last["report"] != nil, "the last line is %v, want exit %d", last, exit)
	return lines
}

func (s *stage) lines(text string) []logLine {
	s.check(strings.HasSuffix(text, "\n"), "the log ends in half a line")
	var all []logLine
	for one := range strings.Lines(text) {
		var l logLine
		err := json.Unmarshal([]byte(one), &l)
		s.check(err == nil && len(one) < 4096, "%v, %d bytes: %s", err, len(one), one)
		for _, key := range []string{"@timestamp", "log.level", "message", "ecs.version", "elapsed", "remaining"} {
			s.check(l[key] != nil, "no %s in %s", key, one)
		}
		s.check(l["event.dataset"] == "prestop", "another event.dataset in %s", one)
		all = append(all, l)
	}
	return all
}

// pipe has ends that block, as those that a runtime gives to a process do.
func (s *stage) pipe() (read, write *os.File) {
	var ends [2]int
	s.must(unix.Pipe2(ends[:], unix.O_CLOEXEC))
	read, write = os.NewFile(uintptr(ends[0]), "read end"), os.NewFile(uintptr(ends[1]), "write end")
	s.closers = append(s.closers, func() { read.Close(); write.Close() })
	return read, write
}

// drain reads what is in a pipe.
func (s *stage) drain(read *os.File) string {
	var text strings.Builder
	for {
		n, err := unix.IoctlGetInt(int(read.Fd()), unix.TIOCINQ)
		s.must(err)
		if n == 0 {
			return text.String()
		}
		_, err = io.CopyN(&text, read, int64(n))
		s.must(err)
	}
}

// fullPipe is one that takes nothing more, and that nobody reads.
func (s *stage) fullPipe() *os.File {
	_, write := s.pipe()
	s.must(unix.SetNonblock(int(write.Fd()), true))
	var err error
	for err == nil {
		_, err = unix.Write(int(write.Fd()), make([]byte, 4096))
	}
	if err != unix.EAGAIN {
		s.must(err)
	}
	s.must(unix.SetNonblock(int(write.Fd()), false))
	return write
}

// brokenPipe has no reader any more; a process that was just forked may have been one for a moment.
func (s *stage) brokenPipe() *os.File {
	read, write := s.pipe()
	read.Close()
	s.awaitUntil("the end of the last reader", func() bool {
		fds := []unix.PollFd{{Fd: int32(write.Fd())}}
		n, _ := unix.Poll(fds, 0)
		return n == 1
	})
	return write
}

func socket(s *stage) *os.File {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	s.must(err)
	other, ours := os.NewFile(uintptr(ends[0]), "socket"), os.NewFile(uintptr(ends[1]), "socket")
	s.closers = append(s.closers, func() { other.Close(); ours.Close() })
	return ours
}

func devNull(s *stage) *os.File { return device(s, "/dev/null") }
func devFull(s *stage) *os.File { return device(s, "/dev/full") }

func device(s *stage, path string) *os.File {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	s.must(err)
	s.closers = append(s.closers, func() { f.Close() })
	return f
}

// contain puts a delivery into a container of its own: the process that is started is then its main process, and
// the hook a child of that. The log is what the main process has on its stderr.
func (s *stage) contain(d *delivery, main containerRole, hook role, mounts map[string]string) (log *testbuffer.Buffer) {
	hook.Program = append([]string{d.cmd.Path}, d.cmd.Args[1:]...)
	main.Hook = hook
	all := map[string]string{"/proc": "proc"}
	maps.Copy(all, mounts)
	inRole(d.cmd, role{Mount: all, Container: &main})
	d.cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID
	log = &testbuffer.Buffer{}
	d.cmd.Stdout, d.cmd.Stderr = nil, log
	for _, to := range []*testbuffer.Buffer{&d.stdout, &d.stderr} {
		read, write := s.pipe()
		d.cmd.ExtraFiles = append(d.cmd.ExtraFiles, write)
		d.started = append(d.started, func() { write.Close() })
		d.copies.Go(func() { io.Copy(to, read) })
	}
	return log
}

// roleVariable has the test binary be one of the processes around a hook instead.
const roleVariable = "PRESTOP_TEST_ROLE"

func init() {
	if text := os.Getenv(roleVariable); text != "" {
		orExit(os.Unsetenv(roleVariable))
		var r role
		orExit(json.Unmarshal([]byte(text), &r))
		runtime.LockOSThread()
		r.play()
	}
}

func orExit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "role:", err)
		syscall.Exit(97) // not os.Exit, which writes to stderr where coverage is measured
	}
}

// A role is what a process does before it executes the hook.
type role struct {
	Program    []string
	Mount      map[string]string // what is mounted over directories, in a namespace of its own: read-only, empty, full, proc
	Gate       bool              // begin when gateFd ends
	DropPtrace bool              // give up the capability that a look at another's files takes
	UID        int               // become this user, with the gid of the same number
	Close      []int             // these file descriptors

	Container *containerRole // be a container's main process instead, and the hook its child
	Idle      bool           // be what that executes
}

// A containerRole is what a container's main process does when it has started the hook.
type containerRole struct {
	Hook  role
	UID   int  // become this user
	Chown bool // give its own stderr to that user, as runtimes do
	Exec  bool // execute a program as that user, which has the kernel let others of that user look at its files
	Close bool // its stderr
	Again bool // kill the hook when stdin ends, and have it delivered again
}

// File descriptors of a main process, and of a hook that waits.
const (
	hookStdout, hookStderr = 3, 4
	gateFd                 = 3
)

// inRole puts a role before a command.
func inRole(cmd *exec.Cmd, r role) {
	r.Program = append([]string{cmd.Path}, cmd.Args[1:]...)
	cmd.Path, cmd.Args = "/proc/self/exe", []string{"role"}
	cmd.Env = append(cmd.Env, roleVariable+"="+r.text())
	if r.Mount != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	}
}

func (r role) text() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (r role) play() {
	if r.Mount != nil {
		orExit(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	}
	for dir, what := range r.Mount {
		mount(dir, what)
	}
	switch {
	case r.Container != nil:
		r.Container.play()
	case r.Idle:
		awaitHook()
	}
	if r.Gate {
		_, err := io.Copy(io.Discard, os.NewFile(gateFd, "gate"))
		orExit(err)
	}
	program, err := unix.Open(r.Program[0], unix.O_RDONLY|unix.O_CLOEXEC, 0)
	orExit(err)
	if r.DropPtrace {
		const capPtrace = 19
		orExit(unix.Prctl(unix.PR_CAPBSET_DROP, capPtrace, 0, 0, 0)) // counts from execve on
	}
	become(r.UID)
	for _, fd := range r.Close {
		orExit(unix.Close(fd))
	}
	orExit(syscall.Exec(fmt.Sprintf("/proc/self/fd/%d", program), r.Program, os.Environ()))
}

func become(uid int) {
	if uid != 0 {
		orExit(syscall.Setgroups(nil))
		orExit(syscall.Setgid(uid))
		orExit(syscall.Setuid(uid))
	}
}

func mount(dir, what string) {
	switch what {
	case "proc":
		orExit(unix.Mount("proc", dir, "proc", 0, ""))
	case "read-only":
		orExit(unix.Mount(dir, dir, "", unix.MS_BIND, ""))
		orExit(unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	case "empty":
		orExit(unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	case "full":
		orExit(unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"))
		os.WriteFile(dir+"/filler", make([]byte, 1<<20), 0o600) // as much as fits
	}
}

func (c containerRole) play() {
	var gate [2]int
	orExit(unix.Pipe2(gate[:], unix.O_CLOEXEC))
	hook := c.startHook(gate[0])
	if c.Chown {
		orExit(unix.Fchown(2, c.UID, c.UID))
	}
	become(c.UID)
	if c.Close {
		orExit(unix.Close(2))
	}
	if c.Exec { // which opens the gate
		orExit(syscall.Exec("/proc/self/exe", os.Args, []string{roleVariable + "=" + role{Idle: true}.text()}))
	}
	orExit(unix.Close(gate[1]))
	if c.Again {
		_, err := io.Copy(io.Discard, os.Stdin)
		orExit(err)
		orExit(hook.Kill())
		_, err = hook.Wait()
		orExit(err)
		c.startHook(gate[0])
	}
	awaitHook()
}

func (c containerRole) startHook(gate int) *os.Process {
	c.Hook.Gate = true
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"="+c.Hook.text())
	cmd.Stdout, cmd.Stderr = os.NewFile(hookStdout, "stdout"), os.NewFile(hookStderr, "stderr")
	cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(gate), "gate")}
	orExit(cmd.Start())
	return cmd.Process
}

// awaitHook exits as the hook does.
func awaitHook() {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(-1, &status, 0, nil)
		if err == nil && status.Exited() {
			syscall.Exit(status.ExitStatus())
		}
		if err != unix.EINTR {
			orExit(err)
		}
	}
}
