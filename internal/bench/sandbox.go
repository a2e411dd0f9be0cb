package main

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

const sandboxRole = "sandbox"

// beSandboxed becomes the given program. The kernel then refuses sockets for diagnostics to this program, as the profile of a
// sandbox may do.
func beSandboxed(argv []string) error {
	const (
		numberAt, domainAt, protocolAt = 0, 16, 32 // offsets in struct seccomp_data; the low halves
		word, equal, end               = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{
		{Code: word, K: numberAt},
		{Code: equal, K: unix.SYS_SOCKET, Jf: 5},
		{Code: word, K: domainAt},
		{Code: equal, K: unix.AF_NETLINK, Jf: 3},
		{Code: word, K: protocolAt},
		{Code: equal, K: unix.NETLINK_SOCK_DIAG, Jf: 1},
		{Code: end, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: end, K: unix.SECCOMP_RET_ALLOW},
	}
	runtime.LockOSThread() // the thread that has the filter must be the thread that becomes the program
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0); err != nil {
		return err
	}
	return unix.Exec(argv[0], argv, os.Environ())
}
