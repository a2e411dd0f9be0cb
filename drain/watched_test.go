package drain

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

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
