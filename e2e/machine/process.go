package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A Process is a program that runs in a machine until it is stopped or the machine ends.
type Process struct {
	Name string
	Log  string // the file that has its output
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how
}

// Spawn starts a program; its output is appended to a file called name in the directory logs.
func (m *Machine) Spawn(logs, name, program string, args ...string) (*Process, error) {
	p := &Process{Name: name, Log: filepath.Join(logs, name+".log"), done: make(chan struct{})}
	out, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(program, args...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := m.start(p.cmd); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Ready returns when the function says that the program is ready.
func (p *Process) Ready(ctx context.Context, is func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := is(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended (%v) before it was ready; see %s", p.Name, p.err, p.Log)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; see %s", p.Name, err, p.Log)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Stop ends the program, by force if it takes longer than 20 s, and returns when it has ended.
func (p *Process) Stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
}

// Kill ends the program at once.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.done
}
