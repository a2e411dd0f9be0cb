// Package skipfile watches the file that has waits skipped.
//
// Somebody in a hurry writes true into it, mostly by an annotation that a volume shows. The package only tells that. It is for cmd/prestop.
package skipfile

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

// now is what the skip file holds to have waits skipped.
const now = "true"

// lookEvery is how often the skip file is looked at. A kubelet brings a change of an annotation into its volume within
// a minute or so, so there is no hurry.
const lookEvery = 500 * time.Millisecond

// Watch closes skip once the file holds true. The first look is over before Watch returns. Without a path skip is nil. stop ends the watch.
func Watch(ctx context.Context, path string, log *slog.Logger) (skip <-chan struct{}, stop func()) {
	if path == "" {
		return nil, func() {}
	}
	w := watch{path: path, log: log}
	if w.on() {
		return On(), func() {}
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

// On is a switch that is on from the start.
func On() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

type watch struct {
	path  string
	log   *slog.Logger
	place stall.Place
	blind bool
}

func (w *watch) wait(ctx context.Context) bool {
	every := time.NewTicker(lookEvery)
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
func (w *watch) on() bool {
	holds, err := stall.Do(&w.place, func() (bool, error) { return Holds(w.path) })
	if err != nil && !w.blind && !errors.Is(err, fs.ErrNotExist) {
		w.blind = true
		w.log.Warn("the skip file cannot be read: no wait is skipped", "event.code", "skip-file-unreadable", "error", err)
	}
	if !holds {
		return false
	}
	w.log.Warn("the skip file holds true: from now on no wait is made", "event.code", "skip-file-true", "file", w.path)
	return true
}

// Holds tells whether the file holds true, blanks aside. An error means that it cannot be read, also that it is not there.
func Holds(path string) (bool, error) {
	file, err := regular.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 64))
	return strings.TrimSpace(string(text)) == now, err
}
