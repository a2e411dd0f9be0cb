package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

// path is a target that is an absolute path: what a hook's working directory is, is the image's affair.
func (p parsed) path(expected string) (line.Word, error) {
	w, err := p.target(expected)
	if err == nil && (!filepath.IsAbs(w.Text) || strings.ContainsRune(w.Text, 0)) {
		return w, w.Expected("expected an absolute path, got %q", w.Text)
	}
	return w, err
}

func (b *builder) touch(p parsed) (prestop.Entry, error) {
	w, err := p.path("a file's path, as in touch /shared/drained")
	return callEntry(shutdown.Touch{Path: w.Text}), err
}

// exec is open-ended: only who wrote the program knows how long it takes.
func (b *builder) exec(p parsed) (prestop.Entry, error) {
	if len(p.targets) == 0 {
		_, err := p.target("a program, as in exec /usr/sbin/nginx -s quit")
		return prestop.Entry{}, err
	}
	var program []string
	for _, w := range p.targets {
		if strings.ContainsRune(w.Text, 0) {
			return prestop.Entry{}, w.Expected("expected words without NUL, got %q", w.Text)
		}
		program = append(program, w.Text)
	}
	return prestop.Entry{Step: shutdown.Exec{Program: program, Adopt: true}, Least: time.Second}, nil
}

// signal is open-ended too, since it lasts as long as the process that it ends.
func (b *builder) signal(p parsed) (prestop.Entry, error) {
	w, err := p.target("a signal, as in signal QUIT")
	if err != nil {
		return prestop.Entry{}, err
	}
	s, err := shutdown.ParseSignal(w.Text)
	if err != nil {
		return prestop.Entry{}, w.Expected("%s", err)
	}
	if b.env["KUBERNETES_SERVICE_HOST"] == "" && !bool(b.dryRun) {
		return prestop.Entry{}, w.Expected("expected to run in a pod, where KUBERNETES_SERVICE_HOST is set: anywhere else it would end the session that it was called from")
	}
	step := shutdown.Signal{Signal: s}
	if o, ok := p.option("wait"); ok {
		wait, err := strconv.ParseBool(o.Value)
		if err != nil {
			return prestop.Entry{}, o.Expected("wait: expected true or false, got %q", o.Value)
		}
		step.NoWait = !wait
	}
	released := signalStep{step, &b.clients}
	if step.NoWait {
		return callEntry(released), nil
	}
	return prestop.Entry{Step: released, Least: time.Second}, nil
}

// signalStep lets go of our own connections first: a process that ends when its connections have would wait for them.
type signalStep struct {
	shutdown.Signal
	clients *clients
}

func (s signalStep) Run(ctx context.Context, log *slog.Logger) error {
	s.clients.release()
	return s.Signal.Run(ctx, log)
}
