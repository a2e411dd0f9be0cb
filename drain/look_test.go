package drain

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkLook is one look of until quiet at connections that are kept and have carried a request and its answer. Besides
// the usual it reports the CPU time, the kernel's part included, and what memory is kept from look to look.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		l, clients := crowd(b, n)
		q := &Quiet{Ports: []uint16{port(l)}, For: defaultFor, probing: new(prober)}
		b.Run(fmt.Sprintf("netlink/%d", n), func(b *testing.B) {
			before := inUse()
			w, err := q.watch()
			if err != nil {
				b.Fatal(err)
			}
			defer w.close()
			measureLooks(b, before, func() error {
				w.due = time.Time{}
				_, err := w.look(b.Context())
				if w.talk.connections != n {
					return fmt.Errorf("%d connections seen, want %d", w.talk.connections, n)
				}
				return err
			})
			runtime.KeepAlive(w)
		})
		b.Run(fmt.Sprintf("proc/%d", n), func(b *testing.B) {
			before := inUse()
			w := newProcWatch(q, procTable)
			measureLooks(b, before, func() error {
				_, err := w.look(b.Context())
				if more := w.talk.active - n; more < 0 || more > n/100 { // the kernel may show one twice
					return fmt.Errorf("%d connections seen, want %d", w.talk.active, n)
				}
				return err
			})
			runtime.KeepAlive(w)
		})
		clients()
		l.Close()
	}
}

// BenchmarkWatching is until quiet for ten seconds, at connections that all carry traffic: the CPU time of one of them.
func BenchmarkWatching(b *testing.B) {
	const seconds = 10
	l, clients := crowd(b, 10_000)
	defer clients()
	w, err := (&Quiet{Ports: []uint16{port(l)}, For: time.Hour, probing: new(prober)}).watch()
	if err != nil {
		b.Fatal(err)
	}
	defer w.close()
	tick := time.Tick(quietEvery)
	begin := cpuTime(b)
	for range b.N * seconds * int(time.Second/quietEvery) {
		if _, err := w.look(b.Context()); err != nil {
			b.Fatal(err)
		}
		<-tick
	}
	b.ReportMetric(float64((cpuTime(b)-begin).Microseconds())/1000/seconds/float64(b.N), "cpu-ms/s")
}

func measureLooks(b *testing.B, before uint64, look func() error) {
	b.ReportAllocs()
	begin := cpuTime(b)
	for b.Loop() {
		if err := look(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(int64(inUse()-before))/1024, "kept-KiB")
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const crowdVariable = "PRESTOP_TEST_CROWD"

// crowd is n connections to a listener, whose other ends are another process's: one may not have so many files open.
func crowd(b *testing.B, n int) (l net.Listener, end func()) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestCrowd$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", crowdVariable, l.Addr(), n))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	open := make([]net.Conn, n)
	for i := range open {
		c, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		open[i] = c
		c.Read(make([]byte, 10))
		io.WriteString(c, answer)
	}
	bufio.NewReader(stdout).ReadString('\n')
	return l, func() {
		stdin.Close()
		cmd.Wait()
		for _, c := range open {
			c.Close()
		}
	}
}

// TestCrowd is the other process of crowd.
func TestCrowd(t *testing.T) {
	var address string
	var n int
	if _, err := fmt.Sscan(os.Getenv(crowdVariable), &address, &n); err != nil {
		return
	}
	open := make([]net.Conn, n)
	for i := range open {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		c.(*net.TCPConn).SetLinger(0) // no TIME_WAIT is left to the next
		defer c.Close()
		open[i] = c
		io.WriteString(c, strconv.Itoa(i))
		io.ReadFull(c, make([]byte, len(answer)))
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}
