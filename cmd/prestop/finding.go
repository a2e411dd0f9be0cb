package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
)

// A finding is one thing that a look has found: a phrase, and what it is about.
type finding struct {
	warning bool
	message string
	about   []slog.Attr
}

func (f finding) String() string {
	text := f.message
	if f.warning {
		text = "warning: " + text
	}
	between := ": "
	for _, a := range f.about {
		text += between + a.Key + " " + a.Value.String()
		between = ", "
	}
	return text
}

// MarshalJSON is an object: the phrase as message, the rest by its name.
func (f finding) MarshalJSON() ([]byte, error) {
	object := map[string]string{"message": f.message}
	if f.warning {
		object["level"] = "warning"
	}
	for _, a := range f.about {
		object[a.Key] = a.Value.String()
	}
	return json.Marshal(object)
}

func (f *finding) hide(hide *redactor) {
	f.message = hide.hide(f.message)
	for n, a := range f.about {
		f.about[n] = slog.String(a.Key, hide.hide(strings.TrimSpace(a.Value.String())))
	}
}

// findings is a log's handler that keeps the records.
type findings struct {
	mu   sync.Mutex
	kept []finding
}

func (f *findings) Enabled(context.Context, slog.Level) bool { return true }

func (f *findings) Handle(_ context.Context, r slog.Record) error {
	one := finding{warning: r.Level >= slog.LevelWarn, message: r.Message}
	r.Attrs(func(a slog.Attr) bool { one.about = append(one.about, a); return true })
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = append(f.kept, one)
	return nil
}

// WithAttrs and WithGroup are not for looks, whose records are few.
func (f *findings) WithAttrs([]slog.Attr) slog.Handler { return f }
func (f *findings) WithGroup(string) slog.Handler      { return f }

// all are the findings, never nil.
func (f *findings) all() []finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]finding{}, f.kept...)
}
