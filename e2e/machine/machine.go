// Package machine makes machines out of namespaces. A machine has process IDs, mounts, a network and a host name of its own. It shares one
// Linux kernel with the caller.
//
// A machine lives as long as the caller. Its first process ends when the pipe to it closes, for whatever reason. Then the kernel ends all
// other processes, with their mounts and interfaces. So nothing is left to be found and killed by name.
//
// It knows nothing of Kubernetes. It needs root.
package machine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Machine is one set of namespaces.
type Machine struct {
	Name string
	dir  string
	init *exec.Cmd
	hold io.Closer // the pipe that keeps the machine
}

// Start makes a machine that keeps its /var/lib and its logs below dir. program is this package's command init, built. The machine holds
// the file lock open as long as it lives, so that a lock on the file tells whether the machine lives.
func Start(name, dir, program string, lock *os.File) (*Machine, error) {
	m := &Machine{Name: name, dir: dir}
	for _, sub := range []string{"lib", "log"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	m.init = exec.Command(program, filepath.Join(dir, "lib"), filepath.Join(dir, "log"))
	m.init.Stderr = os.Stderr
	m.init.ExtraFiles = []*os.File{lock}
	m.init.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true, // an interrupt from the terminal is the caller's
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS,
	}
	hold, err := m.init.StdinPipe()
	if err != nil {
		return nil, err
	}
	m.hold = hold
	says, err := m.init.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := m.init.Start(); err != nil {
		return nil, fmt.Errorf("machine %s (needs root): %w", name, err)
	}
	if line, err := bufio.NewReader(says).ReadString('\n'); err != nil || line != "ready\n" {
		m.Close()
		return nil, fmt.Errorf("machine %s did not start: %q, %v", name, line, err)
	}
	return m, nil
}

// PID is the process ID of the machine's first process, as the caller sees it.
func (m *Machine) PID() int { return m.init.Process.Pid }

// Lib is the directory that the machine has as /var/lib.
func (m *Machine) Lib() string { return filepath.Join(m.dir, "lib") }

// Run runs a program in the machine to its end and gives its output.
func (m *Machine) Run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := m.start(cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("%s: %s: %w: %s", m.Name, strings.Join(cmd.Args, " "), err, strings.TrimSpace(out.String()))
	}
	return out.String(), nil
}

// Close ends the machine with all that runs in it, and returns when it has ended.
func (m *Machine) Close() {
	m.hold.Close()
	m.init.Wait()
}

// start starts a program in the machine's namespaces. The thread that has entered them can never go back: it ends with
// its goroutine.
func (m *Machine) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := enter(m.PID()); err != nil {
			started <- err
			return
		}
		started <- cmd.Start()
	}()
	return <-started
}

func enter(pid int) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	var files []*os.File
	for _, kind := range []string{"uts", "net", "pid", "mnt"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		if err != nil {
			return err
		}
		defer f.Close()
		files = append(files, f)
	}
	for _, f := range files {
		if err := unix.Setns(int(f.Fd()), 0); err != nil {
			return fmt.Errorf("setns %s: %w", f.Name(), err)
		}
	}
	return nil
}
