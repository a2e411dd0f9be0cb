package podlog

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is also the processes that the tests need: a hook, and a container's main process.
const (
	roleKey   = "PODLOG_TEST_ROLE"
	hookKey   = "PODLOG_TEST_HOOK"
	jailKey   = "PODLOG_TEST_MAIN_PROCESS"
	stdoutFd  = 3 // of the main process: what becomes the hook's stdout
	resultFd  = 4 // of both: where the hook's result goes
	gateFd    = 5 // of both: ends when the hook may begin
	capPtrace = 19
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleKey) {
	case "hook":
		runHook()
	case "main process":
		runMainProcess()
	case "idle":
		awaitChildren()
	default:
		_ = os.Chmod("/proc/self/exe", 0o755) // for hooks of other users, whatever the umask
		os.Exit(m.Run())
	}
	syscall.Exit(0) // not os.Exit, which under -cover prints a warning to stderr
}

// hookTask is what a hook process is to do; hookResult what it says of it on resultFd.
type hookTask struct {
	To           string
	Place        Place
	Lines, Bytes int    // that many lines of so many bytes
	Around       bool   // print a line to os.Stderr before and after
	Gate         bool   // wait for gateFd to end
	DropPtrace   bool   // give up CAP_SYS_PTRACE first
	UID          uint32 // with the gid of the same number
}

type hookResult struct {
	Name                   string
	Notes                  []string
	Lost                   int
	Terminal, SharesStderr bool
	Took                   time.Duration
}

func runHook() {
	var task hookTask
	must(json.Unmarshal([]byte(os.Getenv(hookKey)), &task))
	if task.DropPtrace {
		task.DropPtrace = false
		runtime.LockOSThread()
		must(unix.Prctl(unix.PR_CAPBSET_DROP, capPtrace, 0, 0, 0))
		must(syscall.Exec("/proc/self/exe", os.Args, environ("hook", hookKey, task)))
	}
	if task.Gate {
		_, err := io.Copy(io.Discard, os.NewFile(gateFd, "gate"))
		must(err)
	}
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE)
	must(json.NewEncoder(os.NewFile(resultFd, "result")).Encode(task.run()))
}

func (task hookTask) run() hookResult {
	start := time.Now()
	out, notes := Open(task.To, task.Place)
	defer out.Close()
	if task.Around {
		fmt.Fprintln(os.Stderr, "before")
		defer fmt.Fprintln(os.Stderr, "after")
	}
	for i := range task.Lines {
		out.Write(numbered(i, task.Bytes))
	}
	return hookResult{out.Name(), notes, out.Lost(), out.Terminal(), out.SharesStderr(), time.Since(start)}
}

// numbered is a line that begins with its number, of so many bytes.
func numbered(i, size int) []byte {
	number := strconv.Itoa(i)
	return []byte(number + strings.Repeat(".", max(0, size-len(number)-1)) + "\n")
}

// jail is what the main process of a new PID namespace is to do.
type jail struct {
	Hook  hookTask
	Self  bool // be the hook
	UID   int  // become this user, with the gid of the same number
	Chown bool // give its own stderr to that user, as runc does
	Exec  bool // execute a program as that user, and so become dumpable
}

func runMainProcess() {
	var j jail
	must(json.Unmarshal([]byte(os.Getenv(jailKey)), &j))
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(unix.Mount("proc", "/proc", "proc", 0, ""))
	if j.Self {
		must(json.NewEncoder(os.NewFile(resultFd, "result")).Encode(j.Hook.run()))
		return
	}
	var gate [2]int
	must(unix.Pipe2(gate[:], unix.O_CLOEXEC))
	j.startHook(gate[0])
	if j.Chown {
		must(unix.Fchown(2, j.UID, j.UID))
	}
	if j.UID != 0 {
		must(syscall.Setgroups(nil))
		must(syscall.Setgid(j.UID))
		must(syscall.Setuid(j.UID))
	}
	if j.Exec { // what execve closes opens the gate
		must(syscall.Exec("/proc/self/exe", os.Args, environ("idle", jailKey, nil)))
	}
	must(unix.Close(gate[1]))
	awaitChildren()
}

func (j jail) startHook(gate int) {
	j.Hook.Gate = true
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = environ("hook", hookKey, j.Hook)
	cmd.Stdout = os.NewFile(stdoutFd, "stdout")
	cmd.ExtraFiles = []*os.File{nil, os.NewFile(resultFd, "result"), os.NewFile(uintptr(gate), "gate")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: j.Hook.UID, Gid: j.Hook.UID}}
	must(cmd.Start())
}

func awaitChildren() {
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
			return
		}
	}
}

func environ(role, key string, task any) []string {
	data, err := json.Marshal(task)
	must(err)
	return []string{roleKey + "=" + role, key + "=" + string(data)}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// hook prepares a hook process and returns what reads its result after it ended.
func hook(t *testing.T, task hookTask) (*exec.Cmd, func() hookResult) {
	t.Helper()
	read, write := pipe(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = environ("hook", hookKey, task)
	cmd.ExtraFiles = []*os.File{nil, write}
	return cmd, func() hookResult {
		t.Helper()
		write.Close()
		var result hookResult
		if err := json.NewDecoder(read).Decode(&result); err != nil {
			t.Fatalf("the hook left no result: %v", err)
		}
		return result
	}
}

// pipe makes a pipe whose ends block, as those that a runtime gives to a process do.
func pipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	read, write = os.NewFile(uintptr(fds[0]), "read end"), os.NewFile(uintptr(fds[1]), "write end")
	t.Cleanup(func() { read.Close(); write.Close() })
	return read, write
}
