package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/stall"
)

// skipNow is what the skip file holds to have waits skipped.
const skipNow = "true"

// skipEvery is how often the skip file is looked at. A kubelet brings a change of an annotation into its volume within
// a minute or so, so there is no hurry.
const skipEvery = 500 * time.Millisecond

// watchSkip closes skip once the file holds true; it is looked at before watchSkip returns. stop ends the watch.
func watchSkip(ctx context.Context, path string, log *slog.Logger) (skip <-chan struct{}, stop func()) {
	if path == "" {
		return nil, func() {}
	}
	w := skipWatch{path: path, log: log}
	if w.on() {
		return closed(), func() {}
	}
	switched := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		if w.wait(ctx) {
			close(switched)
		}
	}()
	return switched, cancel
}

// closed is a switch that is on from the start.
func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

type skipWatch struct {
	path  string
	log   *slog.Logger
	place stall.Place
	blind bool
}

func (w *skipWatch) wait(ctx context.Context) bool {
	every := time.NewTicker(skipEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if w.on() {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

// on tells whether the file holds true. A file that is not there does not; one that cannot be read is said once.
func (w *skipWatch) on() bool {
	text, err := stall.Do(&w.place, func() (string, error) { return readSkip(w.path) })
	if err != nil && !w.blind && !errors.Is(err, fs.ErrNotExist) {
		w.blind = true
		w.log.Warn("the skip file cannot be read: no wait is skipped", "error", err)
	}
	if text != skipNow {
		return false
	}
	w.log.Warn("the skip file holds true: from now on no wait is made", "file", w.path)
	return true
}

func readSkip(path string) (string, error) {
	file, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 64))
	return strings.TrimSpace(string(text)), err
}
