package drain

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// A URL is asked every second until its answer meets a condition.
type URL struct {
	Client  *web.Client
	Request web.Request
	Timeout time.Duration // of one look; 0: 10 s, at most a third of the time that the step has
	MetBy   web.Statuses  // statuses that meet it whatever Until says; none given: none
	Until   Condition
	Stable  int           // looks in a row that meet it; 0: 1
	Min     time.Duration // how long to go on looking at least
}

// A Condition is what an answer must say.
type Condition interface {
	// judging prepares a request, and returns the function that judges its answer. An error of that function means that it could
	// not see. Such an answer never meets the condition.
	judging(r *web.Request) func(web.Answer) (sight, error)
}

const (
	askEvery = time.Second
	askSays  = 5 * time.Second // the log says no more often what is answered
)

// Run asks until the condition is met. See [File.Run] for its errors.
func (u *URL) Run(ctx context.Context, log *slog.Logger) error {
	timeout := cmp.Or(u.Timeout, web.MaxTry)
	if deadline, ok := ctx.Deadline(); ok && u.Timeout == 0 {
		timeout = web.Timeout(time.Until(deadline))
	}
	p := poll{every: askEvery, stable: u.Stable, min: u.Min, rarely: askSays, look: func(ctx context.Context) (sight, error) {
		return u.look(ctx, timeout)
	}}
	err := p.run(ctx, log)
	u.Client.Close()
	return err
}

func (u *URL) look(ctx context.Context, timeout time.Duration) (sight, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, web.ErrTry)
	defer cancel()
	r := u.Request
	judge := u.Until.judging(&r)
	a, err := u.Client.Send(ctx, r)
	if err != nil {
		return sight{}, err
	}
	if len(u.MetBy) > 0 && u.MetBy.Has(a.Status) {
		return sight{met: true, says: answered(a)}, nil
	}
	s, err := judge(a)
	if err != nil {
		return sight{}, fmt.Errorf("%s: %w", web.Place(a.URL), err)
	}
	return s, nil
}

// Check says how the URL is reached, asks once, and says what is the case now.
func (u *URL) Check(ctx context.Context) ([]step.Finding, error) {
	all, err := request.Reach(ctx, u.Client, u.Request.URL)
	if err != nil {
		return all, err
	}
	s, err := u.look(ctx, cmp.Or(u.Timeout, web.MaxTry))
	if err != nil {
		return all, err
	}
	return append(all, step.Found("asked", "now", s.says, "met", strconv.FormatBool(s.met))), nil
}
