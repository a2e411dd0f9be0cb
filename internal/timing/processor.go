package timing

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Processor is how much CPU time do takes, whatever else runs on the machine. do is called so many times, and the least time counts.
func Processor(times int, do func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var t unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // fails only for a clock that does not exist
		return time.Duration(t.Nano())
	}
	var least time.Duration
	for n := range times {
		before := used()
		do()
		if took := used() - before; n == 0 || took < least {
			least = took
		}
	}
	return least
}

// Growth judges the CPU time of a large input against that of a small one: it may be so many times as much.
func Growth(t testing.TB, most time.Duration, small, large func()) {
	t.Helper()
	few, many := Processor(3, small), Processor(2, large)
	t.Logf("%s: the small takes %s, the large %s", t.Name(), few, many)
	if many > most*max(few, time.Millisecond) {
		t.Errorf("%s: the small takes %s and the large %s, expected at most %d times as much", t.Name(), few, many, most)
	}
}
