package secret

import (
	"context"
	"log/slog"

	"github.com/prestop/prestop/prestop"
)

// Step gives a step that says nothing secret: its log, its error and its findings go through the set. Nil is nil.
func (s *Set) Step(inner prestop.Step) prestop.Step {
	if inner == nil || s == nil {
		return inner
	}
	return &hiding{inner, s}
}

type hiding struct {
	inner   prestop.Step
	secrets *Set
}

func (h *hiding) Run(ctx context.Context, log *slog.Logger) error {
	return h.secrets.Error(h.inner.Run(ctx, slog.New(&handler{log.Handler(), h.secrets})))
}

func (h *hiding) Check(ctx context.Context) ([]prestop.Finding, error) {
	checker, ok := h.inner.(prestop.Checker)
	if !ok {
		return nil, nil
	}
	found, err := checker.Check(ctx)
	for n := range found {
		found[n].Text = h.secrets.Hide(found[n].Text)
		for i, about := range found[n].About {
			found[n].About[i].Value = slog.StringValue(h.secrets.Hide(about.Value.String()))
		}
	}
	return found, h.secrets.Error(err)
}

// Error is err with a text without secrets. Nil is nil.
func (s *Set) Error(err error) error {
	if err == nil {
		return nil
	}
	return hiddenError{err, s.Hide(err.Error())}
}

type hiddenError struct {
	error
	text string
}

func (e hiddenError) Error() string { return e.text }
func (e hiddenError) Unwrap() error { return e.error }

// handler hides secrets in all that is logged through it, except in messages and keys, which are the program's own.
type handler struct {
	slog.Handler
	secrets *Set
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	hidden := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool { hidden.AddAttrs(h.attr(a)); return true })
	return h.Handler.Handle(ctx, hidden)
}

func (h *handler) attr(a slog.Attr) slog.Attr {
	switch a.Value = a.Value.Resolve(); a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(h.secrets.Hide(a.Value.String()))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.AnyValue(h.secrets.Error(err))
		}
	case slog.KindGroup:
		var all []any
		for _, inner := range a.Value.Group() {
			all = append(all, h.attr(inner))
		}
		a = slog.Group(a.Key, all...)
	}
	return a
}

func (h *handler) WithAttrs(all []slog.Attr) slog.Handler {
	var hidden []slog.Attr
	for _, a := range all {
		hidden = append(hidden, h.attr(a))
	}
	return &handler{h.Handler.WithAttrs(hidden), h.secrets}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.secrets}
}
