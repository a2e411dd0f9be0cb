package request

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// OnlyIf reads only-if= of a step that makes no request of its own.
func OnlyIf(l *grammar.Line) (s Spec, err error) {
	err = s.condition(l)
	return s, err
}

// Conditional makes a step that is done only if the request's OnlyIf is answered 2xx. Without OnlyIf it is inner itself. client is the
// client for the request's own place.
func (s *Spec) Conditional(m *step.Means, client *web.Client, inner step.Deed) step.Deed {
	if s.OnlyIf == nil {
		return inner
	}
	if !samePlace(s.URL, s.OnlyIf.URL) {
		client = s.OnlyIf.Client(m)
	}
	return conditional{client, s.OnlyIf.Request, s.OnlyIf.Timeout, inner}
}

// A conditional step is done at once where its condition is not met.
type conditional struct {
	client  *web.Client
	request web.Request
	timeout time.Duration // of one try; 0: 10 s
	inner   step.Deed
}

const unmet = "not done: the condition is not met"

// Run asks for the condition, and does the step if it is met. It fails if the condition cannot be asked for.
func (c conditional) Run(ctx context.Context, log *slog.Logger) error {
	answer, err := c.ask(ctx, log, 0)
	if errors.Is(err, step.ErrMax) { // of a wait: nobody has seen that it is not met
		return fmt.Errorf("only-if: %v", err)
	}
	if err != nil {
		return fmt.Errorf("only-if: %w", err)
	}
	if !answer.OK() {
		log.Info(unmet, "only-if", web.Place(answer.URL), "status", answer.Status)
		return nil
	}
	return c.inner.Run(ctx, log)
}

// ask gives any answer, except one that says that we may not ask. That is an error, since it says nothing of the condition. It makes so
// many tries at most; 0: as many as there is time for.
func (c conditional) ask(ctx context.Context, log *slog.Logger, tries int) (web.Answer, error) {
	policy := web.Policy{Tries: tries, Timeout: cmp.Or(c.timeout, web.MaxTry), Open: true, Again: func(web.Answer) bool { return false }}
	answer, err := policy.Do(ctx, log, func(ctx context.Context) (web.Answer, error) { return c.client.Send(ctx, c.request) })
	c.client.Close()
	switch {
	case err != nil:
	case answer.Status == http.StatusUnauthorized, answer.Status == http.StatusForbidden, answer.Status == http.StatusProxyAuthRequired:
		err = fmt.Errorf("%s: %s", web.Place(answer.URL), answer)
	}
	return answer, err
}

// Check asks once, and looks at the step if it would be done.
func (c conditional) Check(ctx context.Context) ([]step.Finding, error) {
	answer, err := c.ask(ctx, slog.New(slog.DiscardHandler), 1)
	if err != nil {
		return nil, fmt.Errorf("only-if: %w", err)
	}
	if !answer.OK() {
		return []step.Finding{step.Found(unmet, "only-if", web.Place(answer.URL), "status", strconv.Itoa(answer.Status))}, nil
	}
	found := []step.Finding{step.Found("the condition is met")}
	if inner, ok := c.inner.(step.Checker); ok {
		more, err := inner.Check(ctx)
		return append(found, more...), err
	}
	return found, nil
}
