package shutdown

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/step"
)

// SignalVerb is the step that signals the container's main process.
func SignalVerb() *step.Verb {
	return &step.Verb{Name: "signal", Target: "NAME", Options: []string{"wait"},
		Does: "signals the container's main process and waits for its end, unless wait=false", Parse: parseSignal}
}

func parseSignal(l *grammar.Line) (*step.Spec, error) {
	w, err := l.Target("a signal", "QUIT")
	if err != nil {
		return nil, err
	}
	s := &signalSpec{name: w}
	if s.signal.Signal, err = ParseSignal(w.Text); err != nil {
		return nil, w.Refused(err, "expected a signal's name or number, got "+w.Got())
	}
	wait := true
	if o, ok := l.Option("wait"); ok {
		if wait, err = o.Bool(); err != nil {
			return nil, err
		}
	}
	s.signal.NoWait = !wait
	n := step.Needs{Least: step.CallTime, Signal: s.signal.Signal}
	switch {
	case wait: // without a bound: only the process decides how long it takes to end
		n.Ends = step.EndsContainer
	case SignalEnds(n.Signal):
		n.Ends, n.Most, n.Returns = step.EndsProcess, step.CallMost, true
	default:
		n.Most = step.CallMost
	}
	return n.Spec(s), nil
}

// signalSpec is a Signal as its step describes it.
type signalSpec struct {
	name   *grammar.Word
	signal Signal
}

func (s *signalSpec) Bind(m *step.Means) (step.Deed, error) {
	if !m.InPod && !m.DryRun {
		return nil, s.name.Expected("expected to run in a pod, where KUBERNETES_SERVICE_HOST is set: anywhere else it would end the session that it was called from")
	}
	return &Signal{Signal: s.signal.Signal, NoWait: s.signal.NoWait, release: m.Release}, nil
}

// SignalEnds tells whether programs are told to end by this signal.
func SignalEnds(s syscall.Signal) bool {
	switch s {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL:
		return true
	}
	return false
}

const (
	endLook   = 100 * time.Millisecond // between two looks whether the process has ended
	takeLook  = 20 * time.Millisecond  // between two looks whether it would take the signal
	takeLooks = 5                      // at most, at a process that is running each time
)

// A Signal is sent to the container's main process, whose end is then waited for. That is the container's first process. It is not
// process 1 if the pod's containers share one process namespace.
//
// The container ends with its main process, and the hook ends with the container. If the kernel is quicker than we are, Run never
// returns, and the kubelet records FailedPreStopHook. So nothing should come after this step. An image's STOPSIGNAL is the better way to
// have the runtime send another signal than SIGTERM.
//
// A second delivery sends the signal again if the process still runs. Some programs take a second signal as the order to end at once.
type Signal struct {
	Signal syscall.Signal // as [ParseSignal] reads it
	NoWait bool           // done once it is sent
	Proc   string         // where procfs is mounted; empty: /proc

	// release closes our own connections before anything else. Otherwise, a process that ends only when its connections have ended would
	// wait for them. Nil: there are none.
	release func()
}

// Run sends the signal and waits for the process's end. It is also done if the process had ended before. It sends nothing if the signal
// would have no effect: process 1 of a namespace gets only signals that it has a handler for, and so never SIGKILL.
func (s *Signal) Run(ctx context.Context, log *slog.Logger) error {
	if s.release != nil {
		s.release()
	}
	err := s.withMain(func(m *mainProcess) error {
		log.Info(mainFound, "pid", m.PID, "name", m.Name, "signal", proc.SignalName(s.Signal))
		takes, err := s.examine(ctx, m)
		if err != nil {
			return err
		}
		if !takes {
			log.Info(takesUnseen)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s was not sent: %w", proc.SignalName(s.Signal), context.Cause(ctx))
		}
		if err := s.send(m, s.Signal); err != nil {
			return err
		}
		log.Info("sent; the container ends with its main process, and this hook with it")
		if s.NoWait {
			return nil
		}
		return s.wait(ctx, m)
	})
	if errors.Is(err, os.ErrProcessDone) {
		log.Info(mainEnded)
		return nil
	}
	return err
}

// What the log and the dry run say of the main process.
const (
	mainFound   = "found the main process"
	mainEnded   = "the main process has ended"
	takesUnseen = "whether the main process takes this signal is not to be seen"
)

// Check finds the process, and looks whether we may send it the signal and whether it would take it.
func (s *Signal) Check(ctx context.Context) (all []step.Finding, err error) {
	err = s.withMain(func(m *mainProcess) error {
		all = append(all, step.Found(mainFound, "pid", strconv.Itoa(m.PID), "name", m.Name, "signal", proc.SignalName(s.Signal)))
		takes, err := s.examine(ctx, m)
		switch {
		case err != nil:
			return err
		case takes:
			all = append(all, step.Found("it may be sent, and the main process takes it"))
		default:
			all = append(all, step.Found(takesUnseen))
		}
		return nil
	})
	if errors.Is(err, os.ErrProcessDone) {
		return append(all, step.Found(mainEnded)), nil
	}
	return all, err
}

// withMain does something with the main process. It returns os.ErrProcessDone if the process ended before or meanwhile.
func (s *Signal) withMain(do func(*mainProcess) error) error {
	m, err := s.find()
	if err != nil {
		return err
	}
	defer m.handle.Release()
	return do(m)
}

// mainProcess is the container's main process. Go's handle is a pidfd, so it never means another process that got the same PID. If the
// kernel has no pidfd, or seccomp forbids it (gVisor), the start time has to tell them apart.
type mainProcess struct {
	proc.Process
	handle *os.Process
	proc   string
}

func (m *mainProcess) String() string { return fmt.Sprintf("main process %d (%s)", m.PID, m.Name) }

// find returns os.ErrProcessDone if the process ended while it was looked for.
func (s *Signal) find() (*mainProcess, error) {
	var self proc.Process
	first, err := proc.Init(s.Proc)
	if err == nil {
		self, err = proc.Read(s.Proc, "self")
	}
	if err == nil && self.PID != os.Getpid() {
		err = fmt.Errorf("procfs shows another process namespace, where this hook is process %d and not %d", self.PID, os.Getpid())
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the container's main process is not to be found: %w", err)
	case self.PID == first.PID:
		return nil, errors.New("this hook is the container's main process itself, and sends itself no signal")
	}
	return hold(s.Proc, first)
}

func hold(root string, p proc.Process) (*mainProcess, error) {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return nil, err
	}
	m := &mainProcess{p, handle, root}
	if err := m.lives(); err != nil {
		return nil, errors.Join(err, handle.Release())
	}
	return m, nil
}

// lives returns os.ErrProcessDone if the process has ended.
func (m *mainProcess) lives() error {
	lives, err := m.Lives(m.proc)
	if err != nil {
		return fmt.Errorf("cannot see whether %s still runs: %w", m, err)
	}
	if !lives {
		return os.ErrProcessDone
	}
	return nil
}

// examine looks whether we may send the signal and whether the process would take it. The second cannot always be seen.
func (s *Signal) examine(ctx context.Context, m *mainProcess) (takes bool, err error) {
	name := proc.SignalName(s.Signal)
	if err := s.send(m, 0); err != nil {
		return false, err
	}
	switch s.reception(ctx, m) {
	case proc.Dropped:
		return false, fmt.Errorf("%s has no effect: %s has no handler for it, and the kernel delivers no signal without one to process 1; not sent", name, m)
	case proc.Ignored:
		return false, fmt.Errorf("%s has no effect: %s ignores it; not sent", name, m)
	case proc.Received:
		return true, nil
	}
	return false, nil
}

// reception looks again while the process runs, since a running process does not show what it waits for.
func (s *Signal) reception(ctx context.Context, m *mainProcess) proc.Reception {
	for n := 1; ; n++ {
		if seen := m.Reception(m.proc, s.Signal); seen != proc.Unseen || n == takeLooks || pause(ctx, takeLook) != nil {
			return seen
		}
	}
}

// send sends a signal. Signal 0 only asks whether we may. It returns os.ErrProcessDone if the process has ended.
func (s *Signal) send(m *mainProcess, signal syscall.Signal) error {
	if err := m.lives(); err != nil {
		return err
	}
	err := m.handle.Signal(signal)
	if errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("user %d may not signal %s: another user's process needs CAP_KILL: %w", os.Geteuid(), m, err)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("failed to send %s to %s: %w", proc.SignalName(s.Signal), m, err)
	}
	return err
}

// wait returns os.ErrProcessDone when the process has ended.
func (s *Signal) wait(ctx context.Context, m *mainProcess) error {
	for start := time.Now(); ; _ = pause(ctx, endLook) {
		if err := m.lives(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s still runs %s after %s: %w", m, time.Since(start).Round(time.Millisecond), proc.SignalName(s.Signal), context.Cause(ctx))
		}
	}
}

// The real-time signals as libc counts them: libc keeps the kernel's first two for itself.
const (
	rtMin = proc.RTMin
	rtMax = syscall.Signal(64)
)

// ParseSignal reads a signal's name with or without SIG, in any case, or its number: TERM, SIGQUIT, usr1, RTMIN+3, RTMAX-1, 15. An
// image's STOPSIGNAL is written in the same ways.
func ParseSignal(text string) (syscall.Signal, error) {
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	n, err := strconv.Atoi(text)
	if signal := syscall.Signal(n); err == nil && strconv.Itoa(n) == text && (proc.StandardName(signal) != "" || signal >= rtMin && signal <= rtMax) {
		return signal, nil
	}
	if signal := proc.StandardSignal("SIG" + name); signal != 0 {
		return signal, nil
	}
	if signal, ok := realTime(name); ok {
		return signal, nil
	}
	return 0, fmt.Errorf("signal %q: expected a name such as TERM, SIGQUIT, USR1 or RTMIN+3, or a number from 1 to 64", text)
}

func realTime(name string) (syscall.Signal, bool) {
	for base, from := range map[string]syscall.Signal{"RTMIN": rtMin, "RTMAX": rtMax} {
		offset, ok := strings.CutPrefix(name, base)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(offset)
		signal := from + syscall.Signal(n)
		canonical := offset == "" || offset == fmt.Sprintf("%+d", n)
		return signal, canonical && (err == nil || offset == "") && signal >= rtMin && signal <= rtMax
	}
	return 0, false
}
