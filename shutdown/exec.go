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
// killed when the program ends. With Adopt this holds for all that the program started, also for a daemon in a session of its
// own. If the hook itself is killed, the kernel kills the program, but not what the program started.
type Exec struct {
	Program []string // a path, or a name that is looked up in PATH; then its arguments

	// Adopt makes this process the subreaper of its descendants (PR_SET_CHILD_SUBREAPER), and it remains that. Then each child
	// that this process has when the program has ended was left by the program, and is killed with all that it leaves itself.
	// So only a process that starts nothing else may set it. Children that this process had before are spared: then, as for
	// process 1 of a namespace, what has left the group lives on.
	Adopt bool
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
	c, err := e.start(path, log)
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
