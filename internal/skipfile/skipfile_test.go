package skipfile

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "skip")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		skip, stop := Watch(t.Context(), path, log)
		defer stop()
		<-time.After(lookEvery + 1)
		write("false\n")
		<-time.After(lookEvery)
		if closed(skip) || out.Len() > 0 {
			t.Errorf("skipped by a file that is not there, or holds false: %s", &out)
		}
		write(" true\n")
		<-time.After(lookEvery)
		synctest.Wait()
		if !closed(skip) || strings.Count(out.String(), "level=WARN") != 1 {
			t.Errorf("not skipped by true, or not said once: %s", &out)
		}

		if again, stop := Watch(t.Context(), path, log); !closed(again) {
			t.Error("not skipped at once by a file that holds true")
		} else {
			stop()
		}
		if none, stop := Watch(t.Context(), "", log); none != nil {
			t.Error("without a file there is something to wait for")
		} else {
			stop()
		}
	})
}

// A file that cannot be read skips nothing, and is said once.
func TestWatchBlindly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		skip, stop := Watch(ctx, t.TempDir(), slog.New(slog.NewTextHandler(&out, nil)))
		defer stop()
		<-time.After(5 * lookEvery)
		cancel()
		synctest.Wait()
		if closed(skip) || strings.Count(out.String(), "level=WARN") != 1 {
			t.Errorf("skipped, or not said once: %s", &out)
		}
	})
}

func TestOn(t *testing.T) {
	t.Parallel()
	if !closed(On()) {
		t.Error("it is off")
	}
}
