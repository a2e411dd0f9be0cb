package drain

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/testserver"
)

// How a test is run again in a network namespace of its own.
const (
	asRoot  = "root"    // with every capability in it
	asUser  = "user"    // an ordinary user without any
	refused = "refused" // the same, and socket diagnostics are refused as by a sandbox
)

const insideVariable = "PRESTOP_TEST_INSIDE"

// inside runs the calling test again by a process of its own for each way. It returns how, in such a process, and "" in
// the one that has started them, which has nothing more to do then.
func inside(t *testing.T, ways ...string) string {
	t.Helper()
	if way, ok := strings.CutPrefix(os.Getenv(insideVariable), "ready "); ok {
		arrive(t, way)
		return way
	}
	if way := os.Getenv(insideVariable); way != "" {
		prepare(t, way)
	}
	_ = os.Chmod("/proc/self/exe", 0o755) // for the ordinary user, whatever the umask
	t.Parallel()
	together(t, ways, func(t *testing.T, way string) { runInside(t, way) })
	return ""
}

// together runs subtests at the same time, however many parallel tests there may be: these do little but wait.
func together[T any](t *testing.T, tests []T, do func(*testing.T, T)) {
	t.Helper()
	var all sync.WaitGroup
	for n, test := range tests {
		all.Go(func() { t.Run(strconv.Itoa(n), func(t *testing.T) { do(t, test) }) })
	}
	all.Wait()
}

func runInside(t *testing.T, way string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	name, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run=^"+name+"$", "-test.timeout=50s", "-test.v="+strconv.FormatBool(testing.Verbose()))
	cmd.Env = append(os.Environ(), insideVariable+"="+way)
	cmd.SysProcAttr = identity(way)
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends that started the process
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, unix.EPERM):
		testserver.Lacks(t, "as %s: may not make a network namespace: %v", way, err)
	case err != nil:
		t.Errorf("as %s: %v\n%s", way, err, out)
	case testing.Verbose():
		t.Logf("as %s:\n%s", way, out)
	}
}

// identity is who makes the namespace ready and, but for root, gives up everything then.
func identity(way string) *syscall.SysProcAttr {
	const nobody = 65534
	who := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL, AmbientCaps: []uintptr{unix.CAP_NET_ADMIN}}
	uid, gid := os.Getuid(), os.Getgid()
	switch {
	case uid == 0 && way == asRoot:
		who.AmbientCaps = nil
		return who
	case uid == 0:
		who.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		return who
	}
	who.Cloneflags |= unix.CLONE_NEWUSER
	within := struct{ uid, gid int }{uid, gid}
	if way == asRoot {
		within.uid, within.gid = 0, 0
	}
	who.UidMappings = []syscall.SysProcIDMap{{ContainerID: within.uid, HostID: uid, Size: 1}}
	who.GidMappings = []syscall.SysProcIDMap{{ContainerID: within.gid, HostID: gid, Size: 1}}
	return who
}

// prepare brings the loopback interface up, and is run anew without capabilities.
func prepare(t *testing.T, way string) {
	runtime.LockOSThread()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal("lo:", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	os.Setenv(insideVariable, "ready "+way)
	t.Fatal(unix.Exec("/proc/self/exe", os.Args, os.Environ()))
}

func arrive(t *testing.T, way string) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if none := strings.Contains(string(status), "CapEff:\t0000000000000000\n"); none == (way == asRoot) {
		t.Fatalf("as %s, with or without capabilities:\n%s", way, status)
	}
	if way == refused {
		refuseDiagnostics(t)
	}
}

// refuseDiagnostics makes the kernel refuse sockets for diagnostics to all threads of this process, as the profile of a
// sandbox may do.
func refuseDiagnostics(t *testing.T) {
	const (
		numberAt, domainAt, protocolAt = 0, 16, 32 // of struct seccomp_data; the low halves
		allow                          = unix.SECCOMP_RET_ALLOW
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
		{Code: end, K: allow},
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		t.Fatal("seccomp:", errno)
	}
}
