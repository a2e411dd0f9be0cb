package drain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/step"
)

const s = time.Second

var (
	silent  = slog.New(slog.NewTextHandler(io.Discard, nil))
	errMax  = step.ErrMax
	errLook = errors.New("connection refused")
)

// script is a look for each letter: y is met, n and m are not, e cannot see, h hangs, l fails just before the time is over; the
// last goes on for ever.
func script(text string) func(context.Context) (sight, error) {
	n := -1
	return func(ctx context.Context) (sight, error) {
		n = min(n+1, len(text)-1)
		switch text[n] {
		case 'y':
			return sight{met: true, says: "0 left"}, nil
		case 'n':
			return sight{says: "2 left"}, nil
		case 'm':
			return sight{says: "1 left"}, nil
		case 'l':
			<-time.After(480 * time.Millisecond)
			return sight{}, errLook
		case 'h':
			<-ctx.Done()
			return sight{}, fmt.Errorf("http://a: %w", context.Cause(ctx))
		case 'o':
			<-ctx.Done()
			return sight{says: "3 left"}, nil
		}
		return sight{}, errLook
	}
}

func TestPoll(t *testing.T) {
	tests := []struct {
		looks  string
		stable int
		min    time.Duration
		lasts  time.Duration
		err    string // empty: met
		cause  bool   // the error wraps why the time was over: it could see
	}{
		{"y", 0, 0, 0, "", false},
		{"nny", 0, 0, 2 * s, "", false},
		{"eey", 0, 0, 2 * s, "", false},
		{"y", 3, 0, 2 * s, "", false},
		{"yynyyy", 3, 0, 5 * s, "", false},
		{"yyeyyy", 3, 0, 5 * s, "", false},
		{"y", 0, 5 * s, 5 * s, "", false},
		{"yyynny", 0, 2 * s, 2 * s, "", false},
		{"yynnny", 0, 2 * s, 5 * s, "", false},
		{"y", 0, 11 * s, 10*s + s/2, "", false}, // min= is as long as max=, but for what a look may come late
		{"y", 3, 11 * s, 10*s + s/2, "", false},
		{"yyyyyyyyyyn", 0, 11 * s, 10*s + s/2, "not met: 2 left: its max is reached", true},
		{"yyyyyyyyyyh", 0, 11 * s, 10*s + s/2, "", false},
		{"yyyyyyyyyyo", 0, 11 * s, 10*s + s/2, "not met: 3 left: its max is reached", true},
		{"nnnnnnnnny", 3, 11 * s, 10*s + s/2, "not met: 0 left, too early to count before 11s: its max is reached", true},
		{"n", 0, 0, 10*s + s/2, "not met: 2 left: its max is reached", true},
		{"yn", 2, 0, 10*s + s/2, "not met: 2 left: its max is reached", true},
		{"y", 99, 0, 10*s + s/2, "not met: 0 left, in 11 of 99 looks in a row: its max is reached", true},
		{"y", 0, 99 * s, 10*s + s/2, "not met: 0 left, too early to count before 1m39s: its max is reached", true},
		{"e", 0, 0, 10*s + s/2, "could not see: connection refused (its max is reached)", false},
		{"ne", 0, 0, 10*s + s/2, "could not see: connection refused (its max is reached)", false},
		{"en", 0, 0, 10*s + s/2, "not met: 2 left: its max is reached", true},
		{"nnnnnnnnnne", 0, 0, 10*s + s/2, "could not see: connection refused (its max is reached)", false},
		{"nnnnnnnnnnl", 0, 0, 10*s + s/2, "not met: 2 left: its max is reached", true},
		{"nh", 0, 0, 10*s + s/2, "not met: 2 left: its max is reached", true},
		{"eh", 0, 0, 10*s + s/2, "could not see: connection refused (its max is reached)", false},
		{"o", 0, 0, 10*s + s/2, "not met: 3 left: its max is reached", true},
		{"eo", 0, 0, 10*s + s/2, "not met: 3 left: its max is reached", true},
		{"h", 0, 0, 10*s + s/2, "could not see: http://a: its max is reached", false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.looks, " ", test.stable, " ", test.min), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), 10*s+s/2, errMax)
				defer cancel()
				begin := time.Now()
				err := poll{every: s, stable: test.stable, min: test.min, look: script(test.looks)}.run(ctx, silent)
				if got := time.Since(begin); got != test.lasts {
					t.Errorf("lasted %v, want %v", got, test.lasts)
				}
				if test.err == "" && err != nil || test.err != "" && (err == nil || err.Error() != test.err) {
					t.Errorf("error %v, want %s", err, test.err)
				}
				if errors.Is(err, errMax) != test.cause {
					t.Errorf("error %v, wraps its cause: %v, want %v", err, !test.cause, test.cause)
				}
			})
		})
	}
}

func TestPollLogsWhatIsNew(t *testing.T) {
	for _, test := range []struct {
		looks  string
		rarely time.Duration
		want   string
	}{
		{"nnneeennny", 0, `0s now="2 left" 3s error="connection refused" 6s now="2 left" 9s now="0 left"`},
		{"nnneeennny", 5 * s, `0s now="2 left" 3s error="connection refused" 6s now="2 left" 9s now="0 left"`},
		{"nmnnnnnnnny", 5 * s, `0s now="2 left" 10s now="0 left"`},
		{"nmmmmmmmmmy", 5 * s, `0s now="2 left" 5s now="1 left" 10s now="0 left"`}, // too soon at first
	} {
		synctest.Test(t, func(t *testing.T) {
			begin, out := time.Now(), &strings.Builder{}
			log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				switch a.Key {
				case slog.TimeKey:
					return slog.Duration(slog.TimeKey, time.Since(begin))
				case "now", "error":
					return a
				}
				return slog.Attr{}
			}}))
			poll{every: s, rarely: test.rarely, look: script(test.looks)}.run(t.Context(), log)
			got := strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(out.String()), "\n", " "), "time=", "")
			if got != test.want {
				t.Errorf("%s, rarely %v: %s, want %s", test.looks, test.rarely, got, test.want)
			}
		})
	}
}
