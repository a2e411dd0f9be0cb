package drain

import (
	"cmp"
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// A URL is asked every second until its answer meets a condition.
type URL struct {
	Connect web.Connect
	Request web.Request
	Timeout time.Duration // of one look; 0: 10 s. It is never more than a third of the step's time.
	Until   Condition
	Stable  int           // looks in a row that meet it; 0: 1
	Min     time.Duration // how long to go on looking at least
}

// A Condition is what an answer must say.
type Condition interface {
	// look asks once. An error means that it could not see, which is never taken for anything that it hopes for.
	look(ctx context.Context, client *web.Client, r web.Request) (sight, error)
}

const askEvery = time.Second

// Run asks until the condition is met. See [File.Run] for its errors.
func (u URL) Run(ctx context.Context, log *slog.Logger) error {
	timeout := cmp.Or(u.Timeout, 10*time.Second)
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, web.Timeout(time.Until(deadline)))
	}
	p := poll{every: askEvery, stable: u.Stable, min: u.Min, look: func(ctx context.Context) (sight, error) {
		return u.look(ctx, timeout)
	}}
	return p.run(ctx, log)
}

func (u URL) look(ctx context.Context, timeout time.Duration) (sight, error) {
	client, err := u.Connect()
	if err != nil {
		return sight{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, web.ErrTry)
	defer cancel()
	return u.Until.look(ctx, client, u.Request)
}

// Check says how the URL is reached, asks once, and says what is the case now.
func (u URL) Check(ctx context.Context) ([]step.Finding, error) {
	all, err := request.Reach(ctx, u.Connect, u.Request.URL)
	if err != nil {
		return all, err
	}
	s, err := u.look(ctx, cmp.Or(u.Timeout, 10*time.Second))
	if err != nil {
		return all, err
	}
	return append(all, step.Found("asked", "now", s.says, "met", strconv.FormatBool(s.met))), nil
}
