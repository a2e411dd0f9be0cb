package shutdown

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/testbuffer"
)

// The test binary is also the processes that the tests of Signal need.
const (
	signalKey     = "SHUTDOWN_TEST_SIGNAL"
	signalMain    = "main"    // process 1 of a namespace: the app or, where that is shared, the pause container's
	signalApp     = "app"     // the main process of a container in a shared namespace
	signalSigwait = "sigwait" // an app
	signalHook    = "hook"

	signalResults = 3 // file descriptors: what the hook has to tell
	signalSaid    = 4 // what the app has to tell
	signalGate    = 5 // ends when the hook may begin, and the test

	signalMarker = rtMax           // ends an app that handles signals
	awaited      = syscall.SIGUSR1 // by the app that waits for signals; one that Go leaves blocked
)

// signalRole is one of them, and what it does.
type signalRole struct {
	Role string
	App  signalAppTask
	Hook signalHookTask

	HookIsMain  bool
	Shared      bool   // the app is not process 1
	ForeignProc bool   // procfs shows another namespace
	Dir         string // for a procfs of our own
	Status      string // of the app in there; empty: the real one
	Alone       bool   // only the hook is in its cgroup
}

type signalAppTask struct {
	Kind string
	UID  int
}

type signalHookTask struct {
	Signal        Signal
	Check         bool
	Within        time.Duration
	UID           uint32
	Asleep        string        // begin when process 1 sleeps in a function with this in its name
	ForbidsPidfds syscall.Errno // by seccomp, with this error
}

type signalResult struct {
	Err   string
	Cause bool // the error wraps the context's
	Log   string
	Took  time.Duration
	Pidfd bool // there are pidfds
	Blind bool // where a process sleeps is not shown here
}

// A role begins before the tests do, on the process's first thread, whose signal mask counts.
func init() {
	text := os.Getenv(signalKey)
	if text == "" { // the tests: other users execute this, and read what is made for them, whatever the umask
		syscall.Umask(0o022)
		_ = os.Chmod("/proc/self/exe", 0o755)
		return
	}
	var r signalRole
	must(json.Unmarshal([]byte(text), &r))
	switch r.Role {
	case signalMain:
		r.main()
	case signalHook:
		r.hook()
	case signalSigwait:
		sigwait()
	case signalApp:
		r.App.play()
	}
	syscall.Exit(0)
}

func (r signalRole) main() {
	if !r.ForeignProc {
		must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		must(unix.Mount("proc", "/proc", "proc", 0, ""))
	}
	if r.HookIsMain {
		r.hook()
		return
	}
	if r.Shared {
		r.pause()
		return
	}
	gate := newGate()
	must(r.start(signalHook, gate.read, r.Hook.UID).Start())
	gate.read.Close()
	unix.CloseOnExec(int(gate.write.Fd()))
	must(unix.Dup3(int(gate.write.Fd()), signalGate, unix.O_CLOEXEC))
	gate.write.Close()
	r.App.play()
}

// pause is a pod's process 1, with an app and a hook in a cgroup of their own. It takes notice of the app's end when
// the hook has ended.
func (r signalRole) pause() {
	ready, begin := newGate(), newGate()
	app := r.start(signalApp, ready.write, 0)
	must(app.Start())
	must(ready.write.Close())
	awaitEnd(ready.read)
	if r.App.Kind == "ends" {
		must(unix.Waitid(unix.P_PID, app.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
	}
	hook := r.start(signalHook, begin.read, r.Hook.UID)
	must(hook.Start())
	r.fakeProc(app.Process.Pid, hook.Process.Pid)
	must(begin.write.Close())
	must(hook.Wait())
	if r.App.Kind == "handles" {
		app.Process.Signal(signalMarker)
	} else {
		app.Process.Kill()
	}
	app.Wait()
}

func (r signalRole) start(role string, gate *os.File, uid uint32) *exec.Cmd {
	r.Role, r.Hook.Signal.Proc = role, ""
	if r.Shared {
		r.Hook.Signal.Proc = r.Dir
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = r.environ()
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{os.NewFile(signalResults, "results"), os.NewFile(signalSaid, "said"), gate}
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	return cmd
}

func (r signalRole) environ() []string {
	text, err := json.Marshal(r)
	must(err)
	return []string{signalKey + "=" + string(text)}
}

// fakeProc makes a procfs in which the processes are real and the cgroups are not.
func (r signalRole) fakeProc(app, hook int) {
	const ours, theirs = "0::/\n", "0::/../pause\n"
	link := func(pid int, names ...string) {
		for _, name := range names {
			name = strconv.Itoa(pid) + "/" + name
			must(os.Symlink("/proc/"+name, filepath.Join(r.Dir, name)))
		}
	}
	put := func(pid int, name, text string) {
		name = filepath.Join(r.Dir, strconv.Itoa(pid), name)
		must(os.MkdirAll(filepath.Dir(name), 0o755))
		must(os.WriteFile(name, []byte(text), 0o644))
	}
	put(1, "cgroup", theirs)
	put(hook, "cgroup", ours)
	link(1, "stat")
	link(hook, "stat")
	must(os.Symlink(strconv.Itoa(hook), filepath.Join(r.Dir, "self")))
	if r.Alone {
		return
	}
	put(app, "cgroup", ours)
	link(app, "stat", "wchan")
	if r.Status == "" {
		link(app, "status")
		return
	}
	put(app, "status", r.Status)
}

type gate struct{ read, write *os.File }

func newGate() gate {
	var fds [2]int
	must(unix.Pipe2(fds[:], unix.O_CLOEXEC))
	return gate{os.NewFile(uintptr(fds[0]), "read"), os.NewFile(uintptr(fds[1]), "write")}
}

func awaitEnd(read *os.File) {
	_, err := io.Copy(io.Discard, read)
	must(err)
}

// play is what the app does. It opens the gate, also by executing a program, when it is ready for a signal.
func (a signalAppTask) play() {
	unix.CloseOnExec(signalGate)
	unix.CloseOnExec(signalResults)
	if a.UID != 0 {
		must(syscall.Setgroups(nil))
		must(syscall.Setgid(a.UID))
		must(syscall.Setuid(a.UID))
	}
	switch a.Kind {
	case "handles", "handles for ever":
		a.handle()
	case "sleeps":
		sleep()
	case "ignores":
		signal.Ignore(syscall.SIGTERM)
		sleep()
	case "holds back":
		holdBack(syscall.SIGTERM)
		sleep()
	case "waits":
		holdBack(awaited) // in all threads of the next program
		must(syscall.Exec("/proc/self/exe", os.Args, signalRole{Role: signalSigwait}.environ()))
	case "ends":
	}
}

func (a signalAppTask) handle() {
	came := make(chan os.Signal, 10)
	signal.Notify(came)
	unix.Close(signalGate)
	for s := range came {
		if s == syscall.SIGURG || s == syscall.SIGCHLD {
			continue // the runtime's, and a child's
		}
		if s == signalMarker {
			return
		}
		say(proc.SignalName(s.(syscall.Signal)))
		if a.Kind == "handles" {
			return
		}
	}
}

func sleep() {
	program, err := exec.LookPath("sleep")
	if err != nil {
		program = "/bin/sleep"
	}
	must(syscall.Exec(program, []string{"sleep", "60"}, nil))
}

// sigwait has no handler, holds the signal back, and takes it, as tini does.
func sigwait() {
	set := uint64(1) << (awaited - 1)
	var none [8]uint64 // SIG_DFL, no flags
	raw(unix.SYS_RT_SIGACTION, uintptr(awaited), uintptr(unsafe.Pointer(&none)), 0, 8)
	unix.Close(signalGate)
	for {
		s, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), 0, 0, 8, 0, 0)
		if errno == 0 {
			say(proc.SignalName(syscall.Signal(s)))
			return
		}
	}
}

// holdBack blocks a signal in this thread and in the program that it executes.
func holdBack(s syscall.Signal) {
	set := uint64(1) << (s - 1)
	raw(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, uintptr(unsafe.Pointer(&set)), 0, 8)
}

// raw makes a system call.
//
//go:uintptrescapes
func raw(call, a, b, c, d uintptr) {
	if _, _, errno := syscall.RawSyscall6(call, a, b, c, d, 0, 0); errno != 0 {
		must(errno)
	}
}

func say(text string) {
	_, err := fmt.Fprintln(os.NewFile(signalSaid, "said"), text)
	must(err)
}

func (r signalRole) hook() {
	h := r.Hook
	if h.ForbidsPidfds != 0 {
		forbidPidfds(h.ForbidsPidfds)
		r.Hook.ForbidsPidfds = 0
		must(syscall.Exec("/proc/self/exe", os.Args, r.environ()))
	}
	unix.CloseOnExec(signalSaid)
	must(unix.Close(signalSaid))
	if !r.HookIsMain {
		awaitEnd(os.NewFile(signalGate, "gate"))
	}
	result := signalResult{Pidfd: pidfds(), Blind: !asleepIn(h.Asleep)}
	var log testbuffer.Buffer
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(context.Background(), h.Within, errShare)
	defer cancel()
	do := h.Signal.Run
	if h.Check {
		do = checking(&h.Signal)
	}
	err := do(ctx, log.Logger())
	result.Took, result.Log, result.Cause = time.Since(start), log.String(), errors.Is(err, errShare)
	if err != nil {
		result.Err = err.Error()
	}
	must(json.NewEncoder(os.NewFile(signalResults, "results")).Encode(result))
}

// asleepIn waits until process 1 sleeps in such a function, and tells whether that is to be seen.
func asleepIn(function string) bool {
	look := time.Tick(time.Millisecond)
	for range 3000 {
		where, _ := os.ReadFile("/proc/1/wchan")
		if strings.Contains(string(where), function) {
			return true
		}
		<-look
	}
	return false
}

func pidfds() bool {
	p, err := os.FindProcess(os.Getpid())
	must(err)
	return p.WithHandle(func(uintptr) {}) == nil
}

// forbidPidfds lets the calls fail from the next program on, as a runtime's seccomp profile does.
func forbidPidfds(errno syscall.Errno) {
	refused := uint32(unix.SECCOMP_RET_ERRNO) | uint32(errno)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PIDFD_OPEN, Jt: 1},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PIDFD_SEND_SIGNAL, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: refused},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	must(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	raw(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		syscall.Exit(3)
	}
}
