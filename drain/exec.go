package drain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prestop/prestop/internal/child"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

// ExecVerb is the step that runs a program until it succeeds.
func ExecVerb() *step.Verb {
	return &step.Verb{Name: "until exec", Target: "PROGRAM [ARG…]", Options: []string{"timeout", "min", "max"}, Raw: true,
		Does: "runs a program every second until it exits with status 0; options stand before it", Parse: parseExec}
}

func parseExec(l *grammar.Line) (*step.Spec, error) {
	words, err := l.Program()
	if err != nil {
		return nil, err
	}
	e := Exec{Words: words}
	if o, ok := l.Option("timeout"); ok {
		if e.Timeout, err = o.Positive(); err != nil {
			return nil, err
		}
	}
	wait, err := step.WaitOf(l)
	e.Min = wait.Min
	n := wait.Needs()
	n.Program = words
	return n.Spec(e), err
}

// Bind says whether what the program leaves is ended.
func (e Exec) Bind(m *step.Means) (step.Deed, error) {
	e.Adopt = m.Alone
	return e, nil
}

// An Exec runs a program every second until it exits with status 0. Another status means that the wait is not met yet. If the
// program cannot be started, is killed, or takes longer than Timeout, the look could not see.
type Exec struct {
	Words   []string // Words and Adopt are as in [child.Program]: the program, and whether what it leaves is ended
	Adopt   bool
	Timeout time.Duration // of one run; 0: 10 s
	Min     time.Duration // how long to go on looking at least
}

const (
	execTime = 10 * time.Second
	maxSaid  = 50 // lines of one run that are logged
)

// Run runs the program until it exits with status 0. For its errors see [File.Run].
func (e Exec) Run(ctx context.Context, log *slog.Logger) error {
	r := runs{Exec: e, log: log, warnings: slog.New(&firstOnly{log.Handler(), map[string]bool{}})}
	p := poll{every: askEvery, min: e.Min, rarely: askSays, look: r.look}
	return p.run(ctx, log)
}

// Check looks the program up, and does not run it, since nobody knows what it does.
func (e Exec) Check(context.Context) ([]step.Finding, error) {
	path, err := child.Program{Words: e.Words}.Find()
	if err != nil {
		return nil, err
	}
	return []step.Finding{step.Found("found " + path)}, nil
}

// runs are the runs of one step.
type runs struct {
	Exec
	log      *slog.Logger
	warnings *slog.Logger
	said     []string // by the last run
}

func (r *runs) look(ctx context.Context) (sight, error) {
	timeout := cmp.Or(r.Timeout, execTime)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it has not ended within %s", timeout))
	defer cancel()
	var said []string
	err := child.Program{Words: r.Words, Adopt: r.Adopt, Say: func(stream, line string) {
		if said = append(said, stream, line); len(said) > 2*maxSaid {
			said = said[:2*maxSaid]
		}
	}}.Run(ctx, r.warnings)
	r.tell(said)
	switch exit, ended := errors.AsType[*child.ExitError](err); {
	case err == nil:
		return sight{met: true, says: r.Words[0] + ": exit status 0"}, nil
	case ended:
		return sight{says: exit.Error()}, nil
	}
	return sight{}, err
}

// tell logs what a run said, unless the run before said the same.
func (r *runs) tell(said []string) {
	if slices.Equal(said, r.said) {
		return
	}
	r.said = said
	for n := 0; n < len(said); n += 2 {
		r.log.Info("the program says", "stream", said[n], "output", said[n+1])
	}
}

// firstOnly logs each message once, since what is wrong with a program is wrong each time that it runs.
type firstOnly struct {
	slog.Handler
	told map[string]bool
}

func (f *firstOnly) Handle(ctx context.Context, r slog.Record) error {
	if f.told[r.Message] {
		return nil
	}
	f.told[r.Message] = true
	return f.Handler.Handle(ctx, r)
}
