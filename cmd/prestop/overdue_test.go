package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sampleEach is how long after the sample before the next one is taken.
const sampleEach = 5 * time.Millisecond

// ownDelayAtMost is more than the error of ownDelay: two samples of 5 ms and two ticks of the kernel.
const ownDelayAtMost = 50 * time.Millisecond

// A sample is what the kernel says of a process at one moment.
type sample struct {
	ended  bool
	asleep bool          // each thread waits, and none of them for a processor or a disk
	worked time.Duration // of all threads, in ticks of 10 ms
}

func sampleOf(pid int) sample {
	s := sample{ended: true, asleep: true}
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		switch stateAndTimes(thread)[0] {
		case "Z", "X", "": // it has ended, or did so just now
			continue
		case "R", "D":
			s.asleep = false
		}
		s.ended = false
	}
	of := stateAndTimes(fmt.Sprintf("/proc/%d/stat", pid))
	for _, ticks := range of[1:] {
		n, _ := strconv.Atoi(ticks)
		s.worked += time.Duration(n) * 10 * time.Millisecond
	}
	return s
}

// stateAndTimes are the third, fourteenth and fifteenth field of a stat file, empty where there is none. See proc_pid_stat(5).
func stateAndTimes(file string) [3]string {
	text, _ := os.ReadFile(file)
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return [3]string{}
	}
	return [3]string{fields[0], fields[11], fields[12]}
}

// ownDelay watches a process until it has ended, and returns how long it was asleep or at work meanwhile. The time that it waited for a processor
// is the machine's fault, and the time that it was a zombie is ours. Where we were held ourselves, nobody knows what it did between two samples.
func ownDelay(ctx context.Context, pid int) time.Duration {
	tick := time.Tick(sampleEach)
	first, asleep := sampleOf(pid), time.Duration(0)
	for before, at := first, time.Now(); ; {
		select {
		case <-ctx.Done():
			return asleep + before.worked - first.worked
		case <-tick:
		}
		now := sampleOf(pid)
		if now.ended {
			return asleep + before.worked - first.worked
		}
		if before.asleep && now.asleep {
			asleep += min(time.Since(at), 2*sampleEach)
		}
		before, at = now, time.Now()
	}
}

func TestOwnDelay(t *testing.T) {
	t.Parallel()
	for _, does := range []string{"exec sleep 3", "i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done"} {
		cmd := exec.Command("sh", "-c", does)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		own := ownDelay(t.Context(), cmd.Process.Pid)
		if err := cmd.Wait(); err != nil || own < 300*time.Millisecond {
			t.Errorf("%s: %s by its own fault (%v)", does, own, err)
		}
	}
}
