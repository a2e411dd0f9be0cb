package podlog

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// toFIFO opens an Output on a FIFO whose reader does nothing unless told.
func toFIFO(t *testing.T) (*Output, fifo) {
	t.Helper()
	f := newFIFO(t)
	out, notes := Open(f.path, Place{})
	t.Cleanup(func() { out.Close() })
	if out.Name() != f.path {
		t.Fatalf("opened %s, notes %q", out.Name(), notes)
	}
	return out, f
}

// fill writes until nothing more goes in, and returns how many lines did.
func fill(t *testing.T, out *Output) int {
	t.Helper()
	line := []byte(strings.Repeat("x", 1023) + "\n")
	for n := range 10_000 {
		if out.Write(line); out.Lost() > 0 {
			return n
		}
	}
	t.Fatal("it was never full")
	return 0
}

func TestFullPipeIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	out, f := toFIFO(t)
	start := time.Now()
	written := fill(t, out)
	if took := time.Since(start); took < patience-5*time.Millisecond {
		t.Errorf("gave up after %v, want %v", took, patience)
	}
	start = time.Now()
	for range 1000 {
		if n, err := out.Write([]byte("lost\n")); n != 5 || err != nil {
			t.Fatalf("Write returned %d, %v", n, err)
		}
	}
	if took := time.Since(start); took > 100*patience {
		t.Errorf("1000 more lines took %v: they waited again", took)
	}
	if out.Lost() != 1001 {
		t.Errorf("%d lost, want 1001", out.Lost())
	}

	drain(t, f, written*1024)
	for out.patience < patience && out.Lost() == 1001 { // one that is quick fills it again
		out.Write([]byte("through\n"))
	}
	if out.Lost() != 1001 {
		t.Errorf("%d lost, want no more after there was room", out.Lost())
	}
	before := out.Lost()
	start = time.Now()
	for out.Lost() == before {
		out.Write(slices.Repeat([]byte("y"), 1024))
	}
	if took := time.Since(start); took < patience-5*time.Millisecond {
		t.Errorf("full again: gave up after %v, want %v", took, patience)
	}
}

func drain(t *testing.T, f fifo, n int) {
	t.Helper()
	for buf := make([]byte, 64<<10); n > 0; {
		got, err := f.reader.Read(buf[:min(n, len(buf))])
		if err != nil {
			t.Fatal(err)
		}
		n -= got
	}
}

func TestRoomInTime(t *testing.T) {
	t.Parallel()
	out, f := toFIFO(t)
	raw, err := unix.Open(f.path, unix.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = unix.Write(raw, make([]byte, 4096))
	}
	unix.Close(raw)
	out.patience = time.Minute
	go f.reader.Read(make([]byte, 8192))
	out.Write([]byte("hello\n"))
	if out.Lost() != 0 {
		t.Error("a line was lost although the reader made room")
	}
	out.Close()
	if got := f.read(); !strings.HasSuffix(got, "\x00hello\n") {
		t.Errorf("ends in %q", got[max(0, len(got)-10):])
	}
}

func TestHalfALineIsNotContinued(t *testing.T) {
	t.Parallel()
	out, f := toFIFO(t)
	long := strings.Repeat("x", 1<<20)
	out.Write([]byte(long + "\n"))
	half := make([]byte, 1<<20)
	n, err := f.reader.Read(half)
	if err != nil || n >= len(long) {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	out.Write([]byte("next\n"))
	out.Write([]byte("last\n"))
	out.Close()
	rest := strings.TrimLeft(f.read(), "x")
	if rest != "\nnext\nlast\n" || out.Lost() != 1 {
		t.Errorf("after half a line came %q, %d lost", rest, out.Lost())
	}
}

func TestReaderGone(t *testing.T) {
	t.Parallel()
	out, f := toFIFO(t)
	out.Write([]byte("hello\n"))
	f.reader.Close()
	awaitNoReader(t, out.fd)
	for range 10 {
		out.Write([]byte("lost\n"))
	}
	if out.Lost() != 10 {
		t.Errorf("%d lost, want 10", out.Lost())
	}
}

func TestNowhereAndClosed(t *testing.T) {
	t.Parallel()
	out, f := toFIFO(t)
	for range 2 {
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	}
	out.Write([]byte("lost\n"))
	if got := f.read(); got != "" || out.Lost() != 1 {
		t.Errorf("got %q, %d lost", got, out.Lost())
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	path := fmt.Sprintf("/proc/self/fd/%d", full.Fd())
	out, notes := Open(path, Place{})
	defer out.Close()
	if out.Name() != path {
		t.Fatalf("%s, %q", out.Name(), notes)
	}
	out.Write([]byte("lost\n"))
	if out.Lost() != 1 {
		t.Errorf("%d lost, want 1", out.Lost())
	}
}

func TestConcurrentLinesStayWhole(t *testing.T) {
	t.Parallel()
	out, f := toFIFO(t)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for i := range 50 {
				out.Write(numbered(i, 100))
				out.Lost()
			}
		})
	}
	writers.Wait()
	out.Close()
	lines := strings.Split(strings.TrimSuffix(f.read(), "\n"), "\n")
	if len(lines)+out.Lost() != 400 {
		t.Errorf("%d lines and %d lost, want 400", len(lines), out.Lost())
	}
	for _, line := range lines {
		if len(line) != 99 {
			t.Fatalf("torn line %q", line)
		}
	}
}

func TestRegularFileIsNoTerminalAndNotStderr(t *testing.T) {
	t.Parallel()
	out, _ := Open(os.DevNull, Place{})
	defer out.Close()
	out.Write([]byte("hello\n"))
	if out.Terminal() || out.Lost() != 0 {
		t.Errorf("terminal %v, %d lost", out.Terminal(), out.Lost())
	}
}
