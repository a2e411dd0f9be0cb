package drain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/step"
)

// A sight is what one look saw.
type sight struct {
	met  bool
	says string   // for a person: what is the case now
	more []string // about what says says, a phrase each
}

func (s *sight) text() string { return strings.Join(append([]string{s.says}, s.more...), "; ") }

// poll looks until what it looks for is met.
type poll struct {
	every  time.Duration
	stable int           // looks in a row that must be met; 0: 1
	min    time.Duration // a look before this time does not count
	watch  time.Duration // how long is looked at least, however short min is
	rarely time.Duration // changes of what is seen are logged no more often than this; 0: each
	look   func(context.Context) (sight, error)
}

// run returns nil once the wait is met. If ctx ends run and the last look saw that the wait is not met, the error wraps the cause.
// If the last look could not see, the error says why. It does not wrap the cause then, because nobody knows.
func (p poll) run(ctx context.Context, log *slog.Logger) error {
	began, row := time.Now(), 0
	p.stable = max(1, p.stable)
	last := seen{rarely: p.rarely}
	for every := time.Tick(p.every); ; {
		s, err := p.look(ctx)
		if err != nil && tooLate(ctx) {
			<-ctx.Done()
		}
		if ctx.Err() != nil && (err != nil || !s.met) {
			if err == nil {
				row, last.any, last.says, last.err = 0, true, s.text(), nil
			}
			return p.end(ctx, row, began, &last, err)
		}
		text := s.text()
		row++
		if err != nil || !s.met {
			row = 0
		}
		if row >= p.stable && time.Since(began) >= p.least() {
			log.Info("looked", "now", text, "met", true)
			return nil
		}
		if row > 0 {
			text += p.lacks(row, time.Since(began))
		}
		last.note(log, text, s.met, err)
		select {
		case <-every:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return p.end(ctx, row, began, &last, nil)
		}
	}
}

// end is the result of a poll that ctx ended. err is the error of the look that ctx ended. If min is as long as max, what was seen last counts
// though it came before min, since no look comes at that moment.
func (p poll) end(ctx context.Context, row int, began time.Time, last *seen, err error) error {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, step.ErrMax) && row >= p.stable && time.Since(began) >= max(p.watch, p.min-p.every):
		return nil
	case last.any && last.err == nil:
		return fmt.Errorf("not met: %s: %w", last.says, cause)
	case last.any:
		err = last.err
	}
	// The end of the context may be a cause of err, and errors.Is must not find it.
	if errors.Is(err, cause) { // it is said already
		return fmt.Errorf("%w: %v", ErrUnseen, err)
	}
	return fmt.Errorf("%w: %v (%v)", ErrUnseen, err, cause)
}

// least is how long is looked before a look counts.
func (p poll) least() time.Duration { return max(p.min, p.watch) }

// tooLate tells whether a look that has failed may have done so for lack of time.
func tooLate(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < 50*time.Millisecond
}

// lacks says why looks that were met do not count yet.
func (p poll) lacks(row int, since time.Duration) string {
	if since < p.least() {
		return fmt.Sprintf(", too early to count before %s", p.least())
	}
	return fmt.Sprintf(", in %d of %d looks in a row", row, p.stable)
}

// seen is the last look that came to its end.
type seen struct {
	any    bool
	says   string
	err    error
	rarely time.Duration
	logged string    // the text that was logged last
	noted  time.Time // when that was logged
}

// note logs what a look saw, unless it was logged last. What comes too soon is logged later, if it is still the case.
func (l *seen) note(log *slog.Logger, text string, met bool, err error) {
	if err != nil {
		text = err.Error()
	}
	turned := !l.any || (l.err == nil) != (err == nil)
	l.any, l.says, l.err = true, text, err
	if !turned && (text == l.logged || time.Since(l.noted) < l.rarely) {
		return
	}
	l.logged, l.noted = text, time.Now()
	if err != nil {
		log.Warn("cannot see", "event.code", "cannot-see", "error", err)
		return
	}
	log.Info("looked", "now", text, "met", met)
}
