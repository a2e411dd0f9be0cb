package shutdown

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/prestop/prestop/internal/step"
)

// An Exec runs a program, without a shell, and waits for its end. Done is exit status 0.
//
// The program has the hook's environment and directory, and no input. What it prints is logged line by line; its
// stdout and stderr are pipes of this process, never the hook's own, since a container runtime takes a hook for
// running as long as anything holds those.
//
// The program leads a process group, which is killed with SIGKILL when ctx ends, and what is left of which is
// killed when the program ends. If the hook itself is killed, the kernel kills the program. What has left the group,
// as daemons do, lives on.
type Exec struct {
	Program []string // a path, or a name that is looked up in PATH; then its arguments
}

// Run runs the program.
func (e Exec) Run(ctx context.Context, log *slog.Logger) error {
	path, err := e.find()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: not started: %w", e.Program[0], context.Cause(ctx))
	}
	// The kernel kills the program when the thread that started it ends, not only when the process does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := startChild(path, e.Program, log)
	if err != nil {
		return startError(path, err)
	}
	log.Info("started", "program", path, "pid", c.cmd.Process.Pid)
	return c.finish(ctx)
}

// Check looks the program up.
func (e Exec) Check(context.Context) ([]step.Finding, error) {
	path, err := e.find()
	if err == nil {
		err = checkInterpreter(path)
	}
	if err != nil {
		return nil, err
	}
	return []step.Finding{step.Found("found " + path)}, nil
}
