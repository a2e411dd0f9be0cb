package drain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/testbuffer"
)

const otherBoot = "00000000-0000-4000-8000-000000000000"

// ago is a marker that was written so long ago.
func ago(t *testing.T, d time.Duration) proc.Marker {
	t.Helper()
	now, err := proc.MarkNow()
	if err != nil {
		t.Fatal(err)
	}
	now.Since -= d
	return now
}

func put(t *testing.T, path, text string, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o644), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

func TestFileFind(t *testing.T) {
	t.Parallel()
	const (
		older  = "it was made more than 10s before this hook began, as an earlier life of a container leaves it"
		other  = "it was made before this node was started, or on another one"
		future = "its time lies in the future"
		hook   = 5 * s // its age: less than a machine has been up
	)
	now := time.Now() // all ages are of this moment, however late a row comes
	mark := func(d time.Duration) string { return ago(t, d).String() }
	boot := proc.Marker{Boot: otherBoot, Since: ago(t, 0).Since}.String()
	half := mark(0)[:20]
	tests := []struct {
		name, text string
		age        time.Duration // by its time
		why        string        // empty: it counts
	}{
		{"a marker of now", mark(0), 0, ""},
		{"a marker of the hook's time", mark(hook), 0, ""},
		{"a marker of 9 s before the hook", mark(hook + 9*s), 0, ""},
		{"a marker of 11 s before the hook", mark(hook + 11*s), 0, older},
		{"a marker of a moment before", mark(hook + fileEarly - s/10), 0, ""},
		{"a marker of just too long before", mark(hook + fileEarly + s/10), 0, older},
		{"a marker of long before", mark(hook + 20*s), 0, older},
		{"an old marker, touched today", mark(hook + 20*s), 0, older},
		{"a marker of today, with an old time", mark(0), 24 * time.Hour, ""},
		{"a marker of another boot", boot, 0, other},
		{"a marker of the future", mark(-time.Hour), 0, future},
		{"empty, of now", "", 0, ""},
		{"empty, of a moment before", "", hook + fileEarly - s/10, ""},
		{"empty, of just too long before", "", hook + fileEarly + s/10, older},
		{"empty, of 1970", "", time.Since(time.Unix(0, 0)), older},
		{"empty, of the future", "", -time.Hour, future},
		{"empty, of a clock that is a little fast", "", -s / 2, ""},
		{"garbage, of now", "\x00\xff%s\n", 0, ""},
		{"garbage, of long ago", "\x00\xff%s\n", 24 * time.Hour, older},
		{"half a marker, of now", half, 0, ""},
		{"half a marker, of long ago", half, 24 * time.Hour, older},
		{"a marker and more, of long ago", mark(0) + "x", 24 * time.Hour, older},
		{"another version, of now", strings.Replace(boot, "/1", "/2", 1), 0, ""},
		{"another version, of long ago", strings.Replace(mark(0), "/1", "/2", 1), 24 * time.Hour, older},
		{"1 MB, of now", strings.Repeat("x", 1<<20), 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := File{Path: filepath.Join(t.TempDir(), "x"), Since: began(now.Add(-hook)), Proc: t.TempDir()}
			put(t, f.Path, test.text, test.age+time.Since(now))
			found, err := f.find(f.Since())
			if err != nil || found.why != test.why || found.counts != (test.why == "") {
				t.Errorf("%+v, %v; want %q", found, err, test.why)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		hook, file time.Duration // how old they are
		counts     bool
		before     time.Duration
	}{
		{0, 0, true, 0},
		{time.Minute, 0, true, -time.Minute},
		{time.Minute, time.Minute + fileEarly, true, fileEarly},
		{time.Minute, time.Minute + fileEarly + time.Millisecond, false, fileEarly + time.Millisecond},
		{0, fileEarly, true, fileEarly},
		{0, -fileAhead, true, -fileAhead},
		{0, -fileAhead - time.Millisecond, false, -fileAhead - time.Millisecond},
		{time.Hour, -time.Minute, false, -61 * time.Minute},
	}
	for _, test := range tests {
		if got := judgeAge(test.hook, test.file); got.counts != test.counts || got.before != test.before {
			t.Errorf("hook %v, file %v: %+v", test.hook, test.file, got)
		}
	}
}

// A file that is older than this container is of an earlier life of the pod: nothing is started in a pod that ends.
func TestFileOfAnEarlierLife(t *testing.T) {
	t.Parallel()
	const life, unknown = 4 * s, -1
	container := func(life time.Duration) (root string) {
		root = t.TempDir()
		if life == unknown {
			return root
		}
		ticks := ago(t, life).Since / (s / 100)
		self := filepath.Join(root, "self")
		err := errors.Join(os.Mkdir(root+"/1", 0o700), os.Symlink("1", self), os.WriteFile(root+"/1/cgroup", []byte("0::/\n"), 0o600),
			os.WriteFile(root+"/1/stat", fmt.Appendf(nil, "1 (app) S 0%s %d 0\n", strings.Repeat(" 1", 17), ticks), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		return root
	}
	const before = "it was made before this container started, in an earlier life of the pod or of the container"
	for _, test := range []struct {
		name           string
		life, hook, at time.Duration // ago
		marked         bool
		why            string
	}{
		{"a marker of this life, before the hook", life, 1 * s, 3 * s, true, ""},
		{"a marker of an earlier life, before the hook", life, 1 * s, 5 * s, true, before},
		{"a marker of long before", life, 1 * s, 20 * s, true, "it was made more than 10s before this hook began, as an earlier life of a container leaves it"},
		{"a file of this life, before the hook", life, 1 * s, 3 * s, false, ""},
		{"a file of an earlier life, before the hook", life, 1 * s, 5 * s, false, before},
		{"a container of which nothing is seen", unknown, 1 * s, 5 * s, true, ""},
	} {
		f := File{Path: filepath.Join(t.TempDir(), "x"), Since: began(time.Now().Add(-test.hook)), Proc: container(test.life)}
		text := "made"
		if test.marked {
			text = ago(t, test.at).String()
		}
		put(t, f.Path, text, test.at)
		found, err := f.find(f.Since())
		if err != nil || found.why != test.why || found.counts != (test.why == "") {
			t.Errorf("%s: %+v, %v; want %q", test.name, found, err, test.why)
		}
	}
}

// A clock that was set since the hook began changes nothing: its reading from then is not used.
func TestFileSinceIsMonotonic(t *testing.T) {
	t.Parallel()
	start := time.Now()
	f := File{Path: filepath.Join(t.TempDir(), "x"), Since: began(start)}
	put(t, f.Path, "", time.Minute)
	if found, _ := f.find(f.Since()); found.counts {
		t.Errorf("%+v", found)
	}
	if start.String() == start.Round(0).String() {
		t.Fatal("no monotonic reading")
	}
}

func began(when time.Time) func() time.Time { return func() time.Time { return when } }

// check writes down what a Check finds, a line each.
func check(ctx context.Context, c step.Checker, log *testbuffer.Buffer) error {
	lines := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	all, err := c.Check(ctx)
	for _, f := range all {
		level := slog.LevelInfo
		if f.Warning {
			level = slog.LevelWarn
		}
		lines.LogAttrs(ctx, level, f.Text, f.About...)
	}
	return err
}

// fileWait is a Run that is under way.
type fileWait struct {
	File
	log    testbuffer.Buffer
	result chan error
	cancel func()
}

func waitFor(t *testing.T, path string) *fileWait {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	w := &fileWait{File: File{Path: path, Since: began(time.Now())}, result: make(chan error, 1), cancel: func() { cancel(errMax) }}
	go func() { w.result <- w.Run(ctx, slog.New(slog.NewTextHandler(&w.log, nil))) }()
	t.Cleanup(func() { w.cancel() })
	return w
}

// says waits until the log holds that.
func (w *fileWait) says(t *testing.T, text string) {
	t.Helper()
	late := time.After(10 * s)
	every := time.Tick(time.Millisecond)
	for w.log.Count(text) == 0 {
		select {
		case <-every:
		case <-late:
			t.Fatalf("it does not say %q", text)
		}
	}
}

// ends waits for the end; what is empty: it is met.
func (w *fileWait) ends(t *testing.T, what string) error {
	t.Helper()
	late := time.After(10 * s)
	select {
	case err := <-w.result:
		if what == "" && err != nil || what != "" && (err == nil || !strings.Contains(err.Error(), what)) {
			t.Errorf("%v, want %q", err, what)
		}
		return err
	case <-late:
		t.Fatal("it does not end")
		return nil
	}
}

func TestFileAppears(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := func(do func(path string) error) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := do(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	fresh := func(t *testing.T, path string) { put(t, path, ago(t, 0).String(), 0) }
	tests := []struct {
		name   string
		before func(t *testing.T, path string)
		says   string
		then   func(t *testing.T, path string)
	}{
		{"a marker", nil, "is not there", fresh},
		{"an empty file", nil, "is not there", func(t *testing.T, path string) { put(t, path, "", 0) }},
		{"a directory that is missing", nil, "is its volume mounted", func(t *testing.T, path string) {
			if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			fresh(t, path)
		}},
		{"an old one made anew", func(t *testing.T, path string) { put(t, path, ago(t, 20*s).String(), 0) }, "but it is not believed",
			func(t *testing.T, path string) {
				put(t, path+".new", ago(t, 0).String(), 0)
				if err := os.Rename(path+".new", path); err != nil {
					t.Fatal(err)
				}
			}},
		{"an old one touched", func(t *testing.T, path string) { put(t, path, "", time.Hour) }, "but it is not believed",
			func(t *testing.T, path string) { put(t, path, "", 0) }},
		{"a dangling link gets its file", made(func(path string) error { return os.Symlink(path+".to", path) }), "is not there",
			func(t *testing.T, path string) { fresh(t, path+".to") }},
		{"a directory in its place", made(func(path string) error { return os.Mkdir(path, 0o755) }), "expected a file, found a directory",
			func(t *testing.T, path string) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				fresh(t, path)
			}},
	}
	for n, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, fmt.Sprint(n))
			if strings.Contains(test.name, "missing") {
				path = filepath.Join(path, "x")
			}
			if test.before != nil {
				test.before(t, path)
			}
			w := waitFor(t, path)
			w.says(t, test.says)
			test.then(t, path)
			w.ends(t, "")
		})
	}
}

func TestFileNeverMet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		put    func(path string) error
		says   string
		err    string
		unseen bool
	}{
		{"none", nil, "is not there", "is not there: the container that makes it has not come to that: its max is reached", false},
		{"a dangling link", func(path string) error { return os.Symlink("nowhere", path) }, "is not there", "is not there: ", false},
		{"an old file", func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, time.Unix(9, 0), time.Unix(9, 0)))
		}, "is not believed", "is there, but it was made more than 10s before this hook began, as an earlier life of a container leaves it, and nobody has made it anew: its max is reached", false},
		{"another boot", func(path string) error {
			return os.WriteFile(path, []byte(proc.Marker{Boot: otherBoot, Since: 1 << 50}.String()), 0o600)
		}, "is not believed", "made before this node was started", false},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o755) }, "cannot see", "expected a file, found a directory", true},
		{"a FIFO", func(path string) error { return unix.Mkfifo(path, 0o600) }, "cannot see", "found a FIFO", true},
		{"a device", func(path string) error { return os.Symlink("/dev/zero", path) }, "cannot see", "found a device", true},
		{"a loop", func(path string) error { return os.Symlink(path, path) }, "cannot see", "too many levels of symbolic links", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x")
			if test.put != nil {
				if err := test.put(path); err != nil {
					t.Fatal(err)
				}
			}
			w := waitFor(t, path)
			w.says(t, test.says)
			w.cancel()
			begin := time.Now()
			err := w.ends(t, test.err)
			endsSoon(t, begin, s/2)
			if errors.Is(err, ErrUnseen) != test.unseen || errors.Is(err, errMax) == test.unseen {
				t.Errorf("%v: unseen %v, wraps its cause %v", err, errors.Is(err, ErrUnseen), errors.Is(err, errMax))
			}
		})
	}
}

func TestFileNotADirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	put(t, path, "", 0)
	w := waitFor(t, path+"/y")
	w.says(t, "cannot see")
	w.cancel()
	if err := w.ends(t, "not a directory"); !errors.Is(err, ErrUnseen) {
		t.Errorf("%v", err)
	}
}

func TestFileWarnsOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	put(t, path, "", time.Hour)
	w := waitFor(t, path)
	w.says(t, "is not believed")
	put(t, path, proc.Marker{Boot: otherBoot, Since: 1}.String(), 0)
	w.says(t, "before this node was started")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.says(t, "is not there")
	put(t, path, ago(t, 0).String(), 0)
	w.ends(t, "")
	if n := w.log.Count("level=WARN"); n != 1 {
		t.Errorf("%d warnings\n%s", n, w.log.String())
	}
}

// A writer at a FIFO's other end is not woken up.
func TestFileOnlyLooks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		opened <- errors.Join(err, f.Close())
	}()
	w := waitFor(t, path)
	w.says(t, "cannot see")
	w.cancel()
	w.ends(t, "found a FIFO")
	select {
	case <-opened:
		t.Error("the writer was woken up")
	default:
	}
	if f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil || <-opened != nil || f.Close() != nil {
		t.Error("the writer was not there", err)
	}
}

func TestFileCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		put  func(path string)
		says string
		err  string
	}{
		"none":        {func(string) {}, `level=INFO msg="not there yet"`, ""},
		"fresh":       {func(path string) { put(t, path, ago(t, 0).String(), 0) }, "there already: the wait would end at once", ""},
		"stale":       {func(path string) { put(t, path, ago(t, 20*s).String(), 0) }, "level=WARN msg=\"there now, but it would not be believed: it was made more than 10s before this hook began, as an earlier life of a container leaves it\"", ""},
		"no volume":   {func(string) {}, `level=WARN msg="not there, nor is its directory: is its volume mounted?"`, ""},
		"a directory": {func(path string) { os.Mkdir(path, 0o755) }, "", "found a directory"},
	} {
		path := filepath.Join(t.TempDir(), "x")
		if name == "no volume" {
			path += "/x"
		}
		test.put(path)
		var log testbuffer.Buffer
		err := check(t.Context(), &File{Path: path, Since: time.Now}, &log)
		if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %v", name, err)
		}
		if log.Count(test.says) == 0 && test.says != "" {
			t.Errorf("%s: %s", name, log.String())
		}
	}
}

// Where a hook has no time left for the step, a file that is there is seen all the same, unless min= is to be waited out.
func TestFileCheckKnowsWhatTheFirstLookEnds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	put(t, path, ago(t, 0).String(), 0)
	for _, f := range []*File{{Path: path, Since: time.Now}, {Path: path, Since: time.Now, Min: s}, {Path: path + "x", Since: time.Now}} {
		found, err := f.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithDeadlineCause(t.Context(), time.Now(), errors.New("no time is left"))
		defer cancel()
		if err := f.Run(ctx, slog.New(slog.DiscardHandler)); found[0].Met != (err == nil) {
			t.Errorf("%+v: met %t, and Run: %v", f, found[0].Met, err)
		}
	}
}
