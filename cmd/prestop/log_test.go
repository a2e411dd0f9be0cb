package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// roleVariable has the test binary be one of the processes around a hook instead.
const roleVariable = "PRESTOP_TEST_ROLE"

func init() {
	if text := os.Getenv(roleVariable); text != "" {
		orExit(os.Unsetenv(roleVariable))
		var r role
		orExit(json.Unmarshal([]byte(text), &r))
		r.play()
	}
}

func orExit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "role:", err)
		syscall.Exit(97)
	}
}

// A role is what a process does before it executes the hook.
type role struct {
	Program    []string
	Mount      map[string]string // what is mounted over directories, in a namespace of its own: read-only, full, proc
	DropPtrace bool              // give up the capability that a look at another's files takes
	UID        int               // become this user, with the gid of the same number
	Close      []int             // these file descriptors
	Gate       bool              // begin when the file descriptor gateFd ends

	Container *containerRole // be a container's main process, and the hook its child
}

// inRole puts a role before a command.
func inRole(cmd *exec.Cmd, r role) {
	r.Program = append([]string{cmd.Path}, cmd.Args[1:]...)
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	cmd.Path, cmd.Args = "/proc/self/exe", []string{"role"}
	cmd.Env = append(cmd.Env, roleVariable+"="+string(text))
	if r.Mount != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	}
}

func (r role) play() {
	runtime.LockOSThread()
	if r.Mount != nil {
		orExit(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	}
	for dir, what := range r.Mount {
		mount(dir, what)
	}
	if r.Container != nil {
		r.Container.play()
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
	case "full":
		orExit(unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"))
		os.WriteFile(dir+"/filler", make([]byte, 1<<20), 0o600) // as much as fits
	}
}

type containerRole struct{}

func (containerRole) play() {}

const gateFd = 5

var _ = bufio.NewReader
var _ = strings.Cut
var _ testing.TB
