package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// In a container, a hook sees only the container's few processes, and the first is in the hook's own cgroup. On a machine it
// would look for its container among all processes. So the program runs itself again in a process namespace of its own.

// refused is the exit status of a program that could not settle in its namespace.
const refused = 125

// isolate runs the program again, as process 1. ok is false if this process does not have the rights for that.
func isolate(ctx context.Context) (status int, ok bool) {
	if os.Getpid() == 1 {
		return 0, false
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if err == nil {
		return 0, true
	}
	ended, ran := errors.AsType[*exec.ExitError](err)
	if !ran || ended.ExitCode() == refused {
		return 0, false
	}
	return ended.ExitCode(), true
}

// settle gives process 1 of a new namespace a /proc that shows it.
func settle() error {
	if self, _ := os.Readlink("/proc/self"); os.Getpid() != 1 || self == "1" {
		return nil
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}
