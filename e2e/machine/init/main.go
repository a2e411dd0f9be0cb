// Command init is the first process of a machine that the package machine makes, and the pause process of its pods.
//
//	init LIB LOG   makes the machine's own mounts, writes "ready", and ends when its input does: with it the whole machine
//	init           waits to be told to end
//
// Either way it reaps what its namespace leaves to it.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	go reap()
	if len(os.Args) < 3 {
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
		<-end
		return
	}
	if err := mount(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
		os.Exit(1)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}

// mount puts directories of the machine's own over the places that the programs of a node write to. All these mounts end with the mount
// namespace.
func mount(lib, log string) error {
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"proc", "/proc", "proc", 0},
		{"tmpfs", "/run", "tmpfs", 0},
		{lib, "/var/lib", "", syscall.MS_BIND},
		{log, "/var/log", "", syscall.MS_BIND},
	} {
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return nil
}

func reap() {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for range children {
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
