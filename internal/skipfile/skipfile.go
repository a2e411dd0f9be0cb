// Package skipfile watches the file by which somebody skips the waits.
//
// Somebody in a hurry writes true into it, mostly by an annotation that a volume shows. The package only says that this word is there. It
// is for cmd/prestop.
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

// now is the content of the skip file that skips the waits.
const now = "true"

// lookEvery is how often the skip file is looked at. There is no hurry: a kubelet takes a minute or so to bring a change of an
// annotation into the volume.
const lookEvery = 500 * time.Millisecond

// Watch closes skip when the file holds true. The first look is over before Watch returns. If path is empty, skip is nil. stop ends the watch.
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
		for every := time.Tick(lookEvery); ; {
			select {
			case <-every:
				if w.on() {
					close(switched)
					return
				}
			case <-ctx.Done():
				return
			}
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

// on tells whether the file holds true. A missing file does not. A file that cannot be read is logged once.
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

// Holds tells whether the file holds true, without the blanks around it. An error means that the file cannot be read, or is missing.
func Holds(path string) (bool, error) {
	file, err := regular.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 64))
	return strings.TrimSpace(string(text)) == now, err
}
