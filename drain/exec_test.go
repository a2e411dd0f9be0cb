package drain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/step"
)

// scripted is a program in a shell that does another line each time that it is run, and the last for good. It counts its runs in a file.
func scripted(runs string, lines []string) []string {
	text := "n=$(cat " + runs + " 2>/dev/null || echo 0); echo $((n+1)) >" + runs + "; case $n in\n"
	for n, line := range lines[:len(lines)-1] {
		text += fmt.Sprintf("%d) %s;;\n", n, line)
	}
	return []string{"sh", "-c", text + "*) " + lines[len(lines)-1] + ";; esac"}
}

func TestUntilExec(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		lines        []string // of the program, one for each run
		timeout, min time.Duration
		looks        int // a second apart; 0: until the time of 3.5 s is over
		err          string
		log          []string
	}{
		{"at once", []string{"exit 0"}, 0, 0, 1, "", nil},
		{"at the third", []string{"exit 1", "exit 2", "exit 0"}, 0, 0, 3, "", nil},
		{"not before min", []string{"exit 0"}, 0, 1500 * ms, 3, "", nil},
		{"never", []string{"echo 3 left; exit 1"}, 0, 0, 0, "not met: sh: exit status 1; it said: 3 left: its max is reached", []string{"3 left"}},
		{"only what changes is said", []string{"echo a; exit 1", "echo a; exit 1", "echo b; echo c >&2; exit 0"}, 0, 0, 3, "", []string{"a", "b", "c"}},
		{"killed", []string{"kill -9 $$"}, 0, 0, 0, "could not see: sh: ended by SIGKILL", nil},
		{"killed, then done", []string{"kill -9 $$", "exit 0"}, 0, 0, 2, "", nil},
		{"hangs", []string{"echo wait; exec sleep 60"}, 200 * ms, 0, 0, "could not see: sh is killed", []string{"wait"}},
		{"hangs to the end", []string{"exit 7", "exec sleep 60"}, 0, 0, 0, "not met: sh: exit status 7: its max is reached", nil},
		{"missing", nil, 0, 0, 0, "could not see: /no/such: the image does not have it", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeoutCause(t.Context(), 3500*ms, errMax)
			defer cancel()
			log, runs, words := &bytes.Buffer{}, filepath.Join(t.TempDir(), "runs"), []string{"/no/such"}
			if test.lines != nil {
				words = scripted(runs, test.lines)
			}
			begin := time.Now()
			err := Exec{Words: words, Timeout: test.timeout, Min: test.min}.Run(ctx, slog.New(slog.NewTextHandler(log, nil)))
			took := time.Since(begin)
			if (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) || errors.Is(err, errMax) != strings.HasPrefix(test.err, "not met") {
				t.Errorf("%v, want %q", err, test.err)
			}
			if test.timeout > 0 && !strings.Contains(fmt.Sprint(err), fmt.Sprintf("has not ended within %s", test.timeout)) {
				t.Errorf("%v, want its time", err)
			}
			text, _ := os.ReadFile(runs)
			looks, _ := strconv.Atoi(strings.TrimSpace(string(text)))
			slow := looks == test.looks-1 && test.min > 0 // a slow look before the last may end after min
			if test.looks > 0 && looks != test.looks && !slow || took < max(test.min, time.Duration(looks-1)*s) || test.looks == 0 && took > 4500*ms {
				t.Errorf("%d looks in %v, want %d", looks, took, test.looks)
			}
			var said []string
			for line := range strings.Lines(log.String()) {
				if _, output, ok := strings.Cut(strings.TrimSpace(line), " output="); ok {
					said = append(said, strings.Trim(output, `"`))
				}
			}
			slices.Sort(said)
			if test.timeout > 0 { // a run may be killed before it has said anything, and then the next says something new
				said = slices.Compact(said)
			}
			if !slices.Equal(said, test.log) {
				t.Errorf("said %q, want %q", said, test.log)
			}
		})
	}
}

// What is left of a program is killed, and named once.
func TestUntilExecLeavesNothing(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2500*ms, errMax)
	defer cancel()
	err := Exec{Words: []string{"sh", "-c", "sleep 61.5 & exit 1"}}.Run(ctx, slog.New(slog.NewTextHandler(log, nil)))
	if n := strings.Count(log.String(), "not all that it started"); n != 1 || !errors.Is(err, errMax) || strings.Contains(log.String(), "msg=started") {
		t.Errorf("%d, %v\n%s", n, err, log)
	}
}

// A program that prints without end costs no more memory than the lines that are logged.
func TestUntilExecMuchOutput(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	if err := (Exec{Words: []string{"sh", "-c", "seq 100000"}}).Run(t.Context(), slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "the program says"); n != maxSaid {
		t.Errorf("%d lines", n)
	}
}

func TestExecVerb(t *testing.T) {
	t.Parallel()
	n, got, err := bound("until exec min=2s max=20s timeout=3s sh -c 'exit 0' max=5s", step.Means{Alone: true})
	e, ok := got.(Exec)
	if words := []string{"sh", "-c", "exit 0", "max=5s"}; err != nil || !ok || !e.Adopt || !slices.Equal(e.Words, words) || !slices.Equal(n.Program, words) || e.Timeout != 3*s || e.Min != 2*s || n.Most != 20*s || !n.Guard || !n.FromStart {
		t.Errorf("%+v, %+v, %v", n, got, err)
	}
	if n, got, err = bound("until exec sh", step.Means{}); err != nil || !n.Default || n.Least != s || got.(Exec).Adopt {
		t.Errorf("%+v, %v", n, err)
	}
	mark := filepath.Join(t.TempDir(), "ran")
	found, err := Exec{Words: []string{"touch", mark}}.Check(t.Context())
	if _, errStat := os.Stat(mark); err != nil || errStat == nil || len(found) != 1 || !strings.HasPrefix(found[0].Text, "found /") {
		t.Errorf("%v, %v, %v", found, err, errStat)
	}
	if _, err := (Exec{Words: []string{"/no/such"}}).Check(t.Context()); err == nil {
		t.Error("found")
	}
}
