package podlog

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Format is how a line is written. The zero value is JSON.
type Format string

const (
	// JSON is one object a line with the fields of the Elastic Common Schema (ECS) in this order:
	// @timestamp (RFC 3339, UTC, milliseconds), log.level, message, ecs.version, event.dataset,
	// the attributes, elapsed, remaining, error.message. Durations are seconds with three decimals,
	// always, so that an index that sees 0.000 first does not take the field for whole numbers.
	JSON Format = "json"

	// Text is for a terminal: "15:04:05 +12.3s warn  message  key=value group.key=value", where
	// +12.3s is the time since the hook's start. Durations are written like 1.5s.
	Text Format = "text"
)

// Options make a handler. The zero value writes JSON from level Info on.
type Options struct {
	Format Format
	Level  slog.Leveler // nil: Info

	// Clock says how long the hook has run and what is left of its time. It is asked for each
	// line. Nil: the fields are left out.
	Clock func() (elapsed, remaining time.Duration)

	// Hide removes what is secret from a string. Every string of a line goes through it as it is,
	// before it is escaped or shortened: values, errors, and the keys and strings inside structures.
	// What the program itself says does not: messages, keys of attributes, texts of a type other than
	// string, and what is [Hidden]. Nor do numbers, or bytes inside a structure, which encoding/json
	// turns into base64. Nil: nothing is secret.
	Hide func(string) string
}

// Hidden is a value in which whoever made it has hidden what is secret. It is written as it is.
type Hidden struct{ Value any }

type handler struct {
	Options
	w      io.Writer
	mu     *sync.Mutex // held while a line is written
	scopes []scope
}

// scope is what one With or WithGroup added.
type scope struct {
	group string // if empty, attrs are set
	attrs []slog.Attr
}

// NewHandler returns a handler that writes each record to w in one call, as one line of less than
// 4096 bytes, newline included, which is what a pipe takes whole.
//
// What does not fit has its strings cut to 1024, then 256, then 64 bytes, ending in "…"; then its
// largest structures are replaced by a word that says how large they were; then the last attributes
// are left out, and counted in left_out. The result is always valid.
//
// An attribute called error, or whose value is one, becomes error.message; nil is no error, several
// are joined. A key given twice has its last value. At the top, a key that is one of the line's own
// is put under labels, since Elasticsearch refuses a document that has a key twice.
func NewHandler(w io.Writer, o Options) slog.Handler {
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	if o.Hide == nil {
		o.Hide = func(s string) string { return s }
	}
	return &handler{Options: o, w: w, mu: new(sync.Mutex)}
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.Level.Level()
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(scope{attrs: attrs})
}

func (h *handler) WithGroup(name string) slog.Handler {
	return h.with(scope{group: name})
}

func (h *handler) with(s scope) *handler {
	clone := *h
	clone.scopes = append(slices.Clip(h.scopes), s)
	return &clone
}

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	l := line{
		time:    r.Time,
		level:   strings.ToLower(r.Level.String()),
		message: r.Message,
	}
	for _, f := range h.fields(h.scopes, r) {
		l.add(f)
	}
	if h.Clock != nil {
		l.clocked = true
		l.elapsed, l.remaining = h.Clock()
	}
	render := l.json
	if h.Format == Text {
		render = l.text
	}
	out := fit(l.attrs, render)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, out)
	return err
}
