package child

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is also the programs that the tests of Exec run: execRole and a role's name, then its arguments.
const execRole = "-exec-role"

func role(words ...string) []string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return append([]string{self, execRole}, words...)
}

func init() {
	if len(os.Args) < 3 || os.Args[1] != execRole {
		return
	}
	args := os.Args[3:]
	roles := map[string]func(){
		"exit":      func() { playExit(args) },
		"say":       func() { say(strings.Join(args, " ")) },
		"hang":      playHang,
		"mute":      func() { <-time.After(time.Minute) },
		"leave":     func() { playBegin(args, false) },             // ends, what it began does not
		"leave out": func() { playBegin(args, true) },              // which is in a session of its own
		"with":      func() { playBegin(args, false); playHang() }, // hangs as well
		"with out":  func() { playBegin(args, true); playHang() },
		"flood":     playFlood,
		"loud":      func() { say(fmt.Sprintf("pid %d.\n", os.Getpid())); playFlood() }, // who it is is said before the log is full
		"long line": func() { write(bytes.Repeat([]byte("0123456789"), 1<<20)) },
		"bytes":     playBytes,
		"self":      playSelf,
		"hook":      func() { playHook(context.Background(), Program{Words: role(args...)}, 1) },
		"hooks":     func() { playHook(context.Background(), Program{Words: role(args...)}, 20) },
		"adopting":  func() { playHook(context.Background(), Program{Words: role(args...), Adopt: true}, 1) },
		"cutting":   func() { playHook(untilLine(), Program{Words: role(args...), Adopt: true}, 1) },
		"adopting with a child": func() {
			playBeside()
			playHook(context.Background(), Program{Words: role(args...), Adopt: true}, 1)
		},
	}
	roles[os.Args[2]]()
	syscall.Exit(0)
}

func write(b []byte) {
	for len(b) > 0 {
		n, err := syscall.Write(1, b)
		if err != nil && err != syscall.EINTR {
			fmt.Fprintln(os.Stderr, err) // of a pipe that does not block, too
			syscall.Exit(9)
		}
		b = b[max(0, n):]
	}
}

func say(text string) { write([]byte(text)) }

func playExit(args []string) {
	status, _ := strconv.Atoi(args[0])
	fmt.Println("on stdout")
	fmt.Fprint(os.Stderr, strings.Join(args[1:], " "))
	syscall.Exit(status)
}

func playHang() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	say(fmt.Sprintf("pid %d.\n", os.Getpid()))
	<-time.After(time.Minute) // if a test has failed to end it
}

// playBegin starts another role with its own output, and returns when that has said something to it.
func playBegin(args []string, out bool) {
	words := role(args...)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: out}
	if err := cmd.Start(); err != nil {
		syscall.Exit(8)
	}
	say(fmt.Sprintf("pid %d.\n", cmd.Process.Pid))
}

// playBeside starts a child that has nothing to do with an Exec, and does not hold our output.
func playBeside() {
	words := role("mute")
	cmd := exec.Command(words[0], words[1:]...)
	if err := cmd.Start(); err != nil {
		syscall.Exit(8)
	}
	say(fmt.Sprintf("pid %d.\n", cmd.Process.Pid))
}

func playFlood() {
	block := bytes.Repeat([]byte(strings.Repeat("x", 99)+"\n"), 1000)
	for range 500 {
		write(block)
	}
}

func playBytes() {
	var all []byte
	for b := range 256 {
		if b != '\n' {
			all = append(all, byte(b))
		}
	}
	write(append(all, "\nw\xc3\xb6rter\r\n\n\xf0\x9f\x9a"...))
}

// playSelf tells what it was given.
func playSelf() {
	links := func(pid string) (all []string) {
		for fd := range 3 {
			to, _ := os.Readlink(fmt.Sprintf("/proc/%s/fd/%d", pid, fd))
			all = append(all, to)
		}
		return all
	}
	own, parents := links("self"), links(strconv.Itoa(os.Getppid()))
	shared := slices.Contains(parents, own[1]) || slices.Contains(parents, own[2])
	fmt.Printf("stdin %s, pipes %v, shared %v, ", own[0], strings.HasPrefix(own[1]+own[2], "pipe:"), shared || own[1] == own[2])
	fmt.Printf("leader %v, parent's group %v\n", unix.Getpgrp() == os.Getpid(), unix.Getpgrp() == groupOfParent())
}

func groupOfParent() int {
	group, _ := unix.Getpgid(os.Getppid())
	return group
}

// untilLine ends with the first line on stdin.
func untilLine() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		if _, err := fmt.Scanln(new(string)); err == nil {
			cancel(errShare)
		}
	}()
	return ctx
}

// playHook is a process that runs a program so often, logs to its stdout and says what is left in it.
func playHook(ctx context.Context, e Program, times int) {
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	memory, files := peakMemory(), 0
	for range times {
		e.Run(ctx, log)
		files = cmp.Or(files, openFiles())
	}
	for end := time.Now().Add(soon); runtime.NumGoroutine() > 1 && time.Now().Before(end); { // one that ends is counted for a moment
		runtime.Gosched()
	}
	err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	fmt.Printf("left: files %d goroutines %d children %v memory %d\n", openFiles()-files, runtime.NumGoroutine(), err != unix.ECHILD, peakMemory()-memory)
}

func openFiles() int {
	all, _ := os.ReadDir("/proc/self/fd")
	return len(all)
}

// peakMemory is in KiB.
func peakMemory() (kib int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Sscan(after, &kib)
	return kib
}
