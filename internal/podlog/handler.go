package podlog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prestop/prestop/internal/escape"
)

// Options make a handler. The zero value writes JSON. Nothing below the level Info is written.
//
// JSON is one object a line with the fields of the Elastic Common Schema (ECS) in this order:
// @timestamp (RFC 3339, UTC, milliseconds), log.level, message, ecs.version, event.dataset,
// the attributes, elapsed, remaining, error.message. Durations are seconds with three decimals,
// always. Otherwise an index that sees a 0 first would take the field for whole numbers.
type Options struct {
	// Text is for a terminal: "15:04:05 +12.3s warn  message  key=value group.key=value", where
	// +12.3s is the time since the hook's start. Durations are written like 1.5s. False: JSON.
	Text bool

	// Clock says how long the hook has run and how much time is left. It is called for each
	// line. Nil: the fields are left out.
	Clock func() (elapsed, remaining time.Duration)

	// Hide removes secrets from a string. Every string of a line goes through it,
	// before it is escaped or shortened: values, errors, and the keys and strings inside structures.
	// The program's own words do not: messages, keys of attributes, texts of a type other than
	// string, and values that are [Hidden]. Numbers do not either, nor bytes inside a structure:
	// encoding/json turns these into base64. Nil: nothing is secret.
	Hide func(string) string
}

// Hidden is a value without secrets: its maker has hidden them. It is written as it is.
type Hidden struct{ Value any }

type handler struct {
	Options
	w      io.Writer
	mu     *sync.Mutex                       // held while a line is written
	within func(own []slog.Attr) []slog.Attr // a record's own attributes, inside what With and WithGroup added
}

// NewHandler returns a handler that writes each record to w in one call, as one line of less than
// 4096 bytes, newline included, which is what a pipe takes whole.
//
// If a line does not fit, its strings are cut to 1024, then 256, then 64 bytes, and end in "…". Then its
// largest structures are replaced by a text that says how large they were. Then the last attributes
// are left out, and counted in left_out. The result is always valid.
//
// An attribute becomes error.message if its name is error or its value is an error. A nil is no error, and several
// errors are joined. If a key is given twice, the last value counts. At the top, a key that the line itself uses
// is put under labels, since Elasticsearch refuses a document that has a key twice.
func NewHandler(w io.Writer, o Options) slog.Handler {
	if o.Hide == nil {
		o.Hide = func(s string) string { return s }
	}
	return &handler{o, w, new(sync.Mutex), func(own []slog.Attr) []slog.Attr { return own }}
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(own []slog.Attr) []slog.Attr { return slices.Concat(attrs, own) })
}

func (h *handler) WithGroup(name string) slog.Handler {
	return h.with(func(own []slog.Attr) []slog.Attr { return []slog.Attr{slog.GroupAttrs(name, own...)} })
}

func (h *handler) with(inner func([]slog.Attr) []slog.Attr) *handler {
	clone := *h
	clone.within = func(own []slog.Attr) []slog.Attr { return h.within(inner(own)) }
	return &clone
}

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	l := line{
		time:    r.Time,
		level:   strings.ToLower(r.Level.String()),
		message: r.Message,
	}
	var own []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		own = append(own, a)
		return true
	})
	for _, f := range h.fields(h.within(own)) {
		l.add(f)
	}
	if h.Clock != nil {
		l.clocked = true
		l.elapsed, l.remaining = h.Clock()
	}
	render := l.json
	if h.Text {
		render = l.text
	}
	out := fit(l.attrs, render)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, out)
	return err
}

// line is a record that is ready to be written, as JSON or as text.
type line struct {
	time               time.Time // zero: not known
	level, message     string
	attrs              object
	clocked            bool // elapsed and remaining are known
	elapsed, remaining time.Duration
	failed             bool // there is an error message
	failure            string
}

// add takes an attribute. The error is kept apart, since it is written last. A key of the line itself is no attribute's at the top.
func (l *line) add(f field) {
	own := []string{"@timestamp", "log.level", "message", "ecs.version", "event.dataset", "elapsed", "remaining", "left_out"}
	switch {
	case f.key == errorKey:
		l.failed, l.failure = true, asText(f.value)
	case slices.Contains(own, f.key):
		l.attrs = l.attrs.set("labels."+f.key, f.value)
	default:
		l.attrs = l.attrs.set(f.key, f.value)
	}
}

func (l *line) json(attrs object, limit int) string {
	var o object
	if !l.time.IsZero() {
		o = object{{"@timestamp", timestamp(l.time)}}
	}
	o = append(o, object{{"log.level", l.level}, {"message", l.message}, {"ecs.version", "8.11.0"}, {"event.dataset", "prestop"}}...)
	o = append(o, attrs...)
	if l.clocked {
		o = append(o, field{"elapsed", l.elapsed}, field{"remaining", l.remaining})
	}
	if l.failed {
		o = append(o, field{errorKey, l.failure})
	}
	return toJSON(o, limit) + "\n"
}

func (l *line) text(attrs object, limit int) string {
	var b strings.Builder
	if !l.time.IsZero() {
		b.WriteString(l.time.Format("15:04:05 "))
	}
	if l.clocked {
		fmt.Fprintf(&b, "+%.1fs ", l.elapsed.Seconds())
	}
	fmt.Fprintf(&b, "%-5s %s", l.level, escape.Printable(shorten(l.message, limit)))
	rest := slices.Clone(attrs)
	if l.failed {
		rest = append(rest, field{"error", l.failure})
	}
	if len(rest) > 0 {
		b.WriteByte(' ')
	}
	writeText(&b, "", rest, limit)
	return b.String() + "\n"
}
