// Package testserver starts real servers for tests, from the programs that Debian packages install.
//
// [Redis] and the others give a test a server of its own. The server listens on a loopback address, and its data is below t.TempDir.
// It answers when the function returns, and is stopped by process id when the test ends. There are three building blocks:
// [Program] finds a program or skips the test, [Address] finds where to listen, and [Start] runs the program.
//
// The package is only for tests. It imports none of the repository's packages, so every package may use it. It installs
// nothing. It knows a server's protocol only well enough to see that the server answers.
package testserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	startTime = time.Minute     // how long a server may take until it answers
	lookTime  = 2 * time.Second // how long one look at whether it answers may take
	lookEvery = 10 * time.Millisecond
	stopTime  = 10 * time.Second // between SIGTERM and SIGKILL
	shown     = 8 << 10          // bytes of its output that a failed test shows
)

// Program gives the path of a program of a Debian package. Each of paths is a name that is looked up in PATH,
// or a pattern of absolute paths, as "/usr/lib/postgresql/*/bin/postgres". The last match of a pattern counts. If
// no program is there, the test is skipped. With CI=true in the environment, the test fails.
func Program(t testing.TB, pkg string, paths ...string) string {
	t.Helper()
	for _, path := range paths {
		if found := find(path); found != "" {
			return found
		}
	}
	Lacks(t, "needs %s of the package %s", paths[0], pkg)
	return ""
}

// Lacks skips a test that lacks something. With CI=true in the environment, the test fails.
func Lacks(t testing.TB, format string, args ...any) {
	t.Helper()
	what, ci := fmt.Sprintf(format, args...), os.Getenv("CI")
	if mustNotSkip, _ := strconv.ParseBool(ci); mustNotSkip {
		t.Fatalf("%s: a skip is a failure there (CI=%s)", what, ci)
	}
	t.Skipf("%s", what)
}

func find(path string) string {
	if filepath.IsAbs(path) {
		all, _ := filepath.Glob(path)
		if len(all) == 0 {
			return ""
		}
		path = all[len(all)-1]
	}
	found, err := exec.LookPath(path)
	if err != nil {
		return ""
	}
	return found
}

// IP gives a loopback address, 127.a.b.c, that most likely nobody else listens on. Without it, another test's server could
// take a port after we have found it free and before we listen there, and answer in place of ours.
func IP() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.N(254), rand.N(256), 1+rand.N(254))
}

// Address gives a TCP address on ip that is free, as "127.1.2.3:40123".
func Address(t testing.TB, ip string) string {
	t.Helper()
	return Addresses(t, ip, 1)[0]
}

// Addresses gives n different addresses.
func Addresses(t testing.TB, ip string, n int) []string {
	t.Helper()
	var all []string
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all
}

// A Process is the process of a server. Its methods are for one goroutine at a time.
type Process struct {
	t     testing.TB
	cmd   *exec.Cmd
	ready func(context.Context) error
	out   *os.File
	ended chan struct{} // closed when the process is gone
	err   error         // how it ended; valid after ended
}

// Start runs cmd as a process group of its own, and returns when ready returns nil. It calls ready every 10 ms,
// each time with a context of 2 s. If the server ends before, or is not ready within a minute, the
// test fails. The server is stopped when the test ends. If the test fails, the log has what the server wrote.
//
// Cmd's output must not be set. If a server needs another signal than SIGTERM, send it in a t.Cleanup that
// is registered after Start.
func Start(t testing.TB, cmd *exec.Cmd, ready func(context.Context) error) *Process {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, cmd: cmd, ready: ready, out: out}
	t.Cleanup(p.end)
	p.start()
	return p
}

func (p *Process) start() {
	p.t.Helper()
	if p.cmd.SysProcAttr == nil { // for a test binary that panics: it calls no Cleanup
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out // files: a child that keeps them open does not delay Wait
	if err := p.run(); err != nil {
		p.t.Fatal(err)
	}
	p.await()
}

// run starts the process and reaps it.
func (p *Process) run() error {
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // Pdeathsig is sent when the thread that started the process ends
		defer close(ended)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	p.ended = ended
	return <-started
}

// await waits until the server answers.
func (p *Process) await() {
	p.t.Helper()
	for timeout, again := time.After(startTime), time.Tick(lookEvery); ; {
		err := p.look()
		select {
		case <-p.ended:
			p.t.Fatalf("%s ended before it answered: %v", p.cmd.Path, p.err)
		default:
		}
		if err == nil {
			return
		}
		select {
		case <-timeout:
			p.t.Fatalf("%s does not answer after %v: %v", p.cmd.Path, startTime, err)
		case <-p.ended:
		case <-again:
		}
	}
}

func (p *Process) look() error {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	return p.ready(ctx)
}

// Pid is the server's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends the server a signal. If the server is gone, that is no error.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("%v to %s: %v", s, p.cmd.Path, err)
	}
}

// Freeze sends SIGSTOP, and returns when the whole process is stopped. Until then it may still answer.
func (p *Process) Freeze() {
	p.t.Helper()
	p.Signal(syscall.SIGSTOP)
	for err := error(unix.EINTR); err != nil; {
		if err = unix.Waitid(unix.P_PID, p.Pid(), nil, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil && err != unix.EINTR {
			p.t.Fatalf("%s does not stop: %v", p.cmd.Path, err)
		}
	}
}

// Stop ends the server and returns when it is gone. It sends SIGTERM, also to a frozen server, and after 10 s
// SIGKILL to the process group. It may be called again.
func (p *Process) Stop() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	p.Signal(syscall.SIGCONT)
	select {
	case <-p.ended:
		return
	case <-time.After(stopTime):
	}
	p.t.Logf("%s does not end %v after SIGTERM", p.cmd.Path, stopTime)
	_ = syscall.Kill(-p.Pid(), syscall.SIGKILL) // it is not reaped yet, so the number is still that of its group
	_ = p.cmd.Process.Kill()                    // if it has no group
	<-p.ended
}

// Restart stops the server, runs the same command again, and returns when the server answers.
func (p *Process) Restart() {
	p.t.Helper()
	p.Stop()
	p.cmd = &exec.Cmd{Path: p.cmd.Path, Args: p.cmd.Args, Env: p.cmd.Env, Dir: p.cmd.Dir, SysProcAttr: p.cmd.SysProcAttr}
	p.start()
}

// end runs at the end of the test.
func (p *Process) end() {
	if p.cmd.Process != nil {
		p.Stop()
	}
	defer p.out.Close()
	if !p.t.Failed() {
		return
	}
	text, err := os.ReadFile(p.out.Name())
	if err != nil {
		p.t.Log(err)
	}
	p.t.Logf("%s wrote:\n%s", p.cmd.Path, text[max(0, len(text)-shown):])
}
