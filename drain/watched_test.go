package drain

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/timing"
)

// soon is when what does not hang has come to its end, however busy the machine is.
const soon = 5 * s

// endsSoon checks that something has come to its end since begin: soon, and in make timing within most.
func endsSoon(t *testing.T, begin time.Time, most time.Duration) {
	t.Helper()
	if took := time.Since(begin); took > soon || timing.Judged && took > most {
		t.Errorf("took %v, want %v", took, most)
	}
}

// watched is a log whose lines a test waits for.
type watched struct{ lines chan string }

func (w *watched) Write(line []byte) (int, error) {
	w.lines <- string(line)
	return len(line), nil
}

func (w *watched) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func (w *watched) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(10 * s)
	for {
		select {
		case line := <-w.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-late:
			t.Fatalf("the log never said %q", text)
		}
	}
}
