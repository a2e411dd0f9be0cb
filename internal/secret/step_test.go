package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/prestop/prestop/prestop"
)

// A teller says secrets wherever a step can say something.
type teller struct{ failure error }

func (s teller) Run(_ context.Context, log *slog.Logger) error {
	log = log.With("with", "hunter22").WithGroup("group")
	log.Warn("message", "text", "hunter22", "error", s.failure, "number", 5,
		slog.Group("inner", "text", "hunter22"), "valuer", valuer{})
	return s.failure
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.StringValue("hunter22") }

func (s teller) Check(context.Context) ([]prestop.Finding, error) {
	return []prestop.Finding{prestop.Found("found hunter22", "about", "hunter22"), prestop.Warned("more hunter22")}, s.failure
}

// A waiter cannot be checked.
type waiter struct{}

func (waiter) Run(context.Context, *slog.Logger) error { return nil }

func TestStep(t *testing.T) {
	t.Parallel()
	s := &Set{}
	s.Add("hunter22")
	failure := fmt.Errorf("hunter22: %w", fs.ErrNotExist)
	step := s.Step(teller{failure})

	var out bytes.Buffer
	err := step.Run(t.Context(), slog.New(slog.NewTextHandler(&out, nil)))
	if err == nil || err.Error() != "***: file does not exist" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if line := out.String(); strings.Contains(line, "hunter22") || strings.Count(line, "***") != 5 || !strings.Contains(line, "group.number=5") || !strings.Contains(line, "group.inner.text=***") {
		t.Errorf("logged %s", line)
	}

	found, err := step.(prestop.Checker).Check(t.Context())
	if err == nil || err.Error() != "***: file does not exist" || !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	if got := fmt.Sprint(found); got != "[found ***: about *** warning: more ***]" {
		t.Errorf("found %s", got)
	}
}

func TestStepWithoutAnything(t *testing.T) {
	t.Parallel()
	s := &Set{}
	if got := s.Step(nil); got != nil {
		t.Errorf("a wait becomes %v", got)
	}
	if got := (*Set)(nil).Step(waiter{}); got != (waiter{}) {
		t.Errorf("without secrets it becomes %v", got)
	}
	step := s.Step(waiter{})
	if err := step.Run(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
	if found, err := step.(prestop.Checker).Check(t.Context()); found != nil || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if s.Error(nil) != nil {
		t.Error("no error becomes one")
	}
}
