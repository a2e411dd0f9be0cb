package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// crowds are how many connections until quiet looks at. The run without connections is there to subtract its memory.
var crowds = [...]int{0, 10, 1000, 10_000}

// A way is how until quiet looks.
type way struct {
	name   string
	before []string       // words before the command
	says   *regexp.Regexp // the log line with the number of connections
	most   time.Duration  // CPU time that a second of the largest crowd may take; 0: no goal
}

var ways = [...]way{
	{"netlink", nil, regexp.MustCompile(`"now":"(\d+) of \d+ connections carry traffic`), mostWatch},
	{"/proc", []string{"/proc/self/exe", sandboxRole}, regexp.MustCompile(`"now":"(\d+) connections that may carry traffic`), 0},
}

// looks are the looks of a run of until quiet. It looks every quarter of a second, and less often at large crowds.
type looks struct {
	cpu    []time.Duration // of each second, the kernel's part included
	memory int64           // bytes: the most that was resident
}

const (
	lookEvery    = 250 * time.Millisecond
	countSeconds = 3
)

// atCrowds runs until quiet with each crowd, in each way.
func (r *results) atCrowds(ctx context.Context) error {
	for i, size := range crowds {
		c, err := newCrowd(ctx, size)
		if err != nil {
			return err
		}
		err = r.atCrowd(ctx, i, c)
		if c.Close(); err != nil {
			return err
		}
	}
	return nil
}

// atCrowd runs the ways at the same time, but each looks in the middle between two looks of the other.
func (r *results) atCrowd(ctx context.Context, i int, c *crowd) error {
	var failed [len(ways)]error
	apart := time.Tick(lookEvery / time.Duration(len(ways)))
	var all sync.WaitGroup
	for w, way := range ways {
		all.Go(func() { r.looks[w][i], failed[w] = r.watch(ctx, way, crowds[i], c.port()) })
		<-apart
	}
	all.Wait()
	return errors.Join(failed[:]...)
}

// watch runs until quiet until there were enough looks. The step would need a minute of silence, so it does not end before.
func (b *bench) watch(ctx context.Context, w way, size, port int) (l looks, err error) {
	dir, err := os.MkdirTemp(b.dir, "state-")
	if err != nil {
		return l, err
	}
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	cmd := b.quietHook(ctx, w.before, fmt.Sprintf("until quiet %d for=1m min=0 max=1m", port), dir)
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return l, err
	}
	if err := cmd.Start(); err != nil {
		return l, err
	}
	said := bufio.NewReader(stdout)
	seen, err := w.firstLook(said)
	if err == nil && seen != size {
		err = fmt.Errorf("it sees %d", seen)
	}
	if err == nil {
		l, err = eachSecond(cmd.Process.Pid)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	rest, _ := io.ReadAll(said)
	_ = cmd.Wait() // it says that it was ended by a signal
	if err != nil {
		err = fmt.Errorf("until quiet by %s at %d connections: %w\n%s%s", w.name, size, err, rest, &wrong)
	}
	return l, err
}

// quietHook is the hook with this step alone.
func (b *bench) quietHook(ctx context.Context, before []string, step, stateDir string) *exec.Cmd {
	argv := slices.Concat(before, b.prestop.argv, []string{step})
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{
		"PRE_STOP_ADDITIONAL_WAIT_SECONDS=0", "PRE_STOP_GRACE_PERIOD_SECONDS=60", "PRE_STOP_LOG_TO=stdout", "PRE_STOP_STATE_DIR=" + stateDir,
	}
	return cmd
}

// firstLook reads the log until a look was taken, and returns how many connections it saw.
func (w way) firstLook(log *bufio.Reader) (int, error) {
	for {
		line, err := log.ReadString('\n')
		if found := w.says.FindStringSubmatch(line); found != nil {
			return strconv.Atoi(found[1])
		}
		if err != nil {
			return 0, fmt.Errorf("expected it to say %q: %w", w.says, err)
		}
	}
}

// eachSecond notes how much CPU time a process uses in each second. The process has just looked for the first time.
func eachSecond(pid int) (l looks, err error) {
	<-time.After(lookEvery / 2)
	every := time.Tick(time.Second)
	before, err := cpuOf(pid)
	for len(l.cpu) < countSeconds && err == nil {
		<-every
		var now time.Duration
		now, err = cpuOf(pid)
		l.cpu = append(l.cpu, now-before)
		before = now
	}
	if l.memory = highWater(pid); l.memory == 0 && err == nil {
		err = errors.New("it has ended too early")
	}
	return l, err
}

// cpuOf is the CPU time that all threads of a process have used, to the nanosecond.
func cpuOf(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED
	var at unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &at)
	return time.Duration(at.Nano()), err
}
