package testserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// outcome stands for the test that uses the package: it keeps what became of it.
type outcome struct {
	testing.TB
	dir, said string
	cleanups  []func()
	logged    strings.Builder
}

type stopped struct{}

func (o *outcome) Helper()                       {}
func (o *outcome) TempDir() string               { return o.dir }
func (o *outcome) Failed() bool                  { return strings.HasPrefix(o.said, "failed") }
func (o *outcome) Cleanup(f func())              { o.cleanups = append(o.cleanups, f) }
func (o *outcome) Logf(format string, a ...any)  { fmt.Fprintf(&o.logged, format, a...) }
func (o *outcome) Fatal(a ...any)                { o.Fatalf("%s", fmt.Sprint(a...)) }
func (o *outcome) Skipf(format string, a ...any) { o.end("skipped: "+format, a...) }
func (o *outcome) Fatalf(format string, a ...any) {
	o.end("failed: "+format, a...)
}

func (o *outcome) end(format string, a ...any) {
	o.said = fmt.Sprintf(format, a...)
	panic(stopped{})
}

// try runs f as a test of its own.
func try(t *testing.T, f func(testing.TB)) *outcome {
	t.Helper()
	o := &outcome{TB: t, dir: t.TempDir()}
	func() {
		defer func() {
			if r := recover(); r != nil && r != (stopped{}) {
				panic(r)
			}
		}()
		f(o)
	}()
	for _, f := range o.cleanups {
		f()
	}
	return o
}

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"9/serve", "17/serve", "18/plain"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("#!/bin/sh\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"9/serve", "17/serve"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(dir, "17"))
	for _, test := range []struct {
		ci    string
		paths []string
		want  string
	}{
		{"", []string{"serve"}, filepath.Join(dir, "17/serve")},
		{"true", []string{"serve"}, filepath.Join(dir, "17/serve")},
		{"", []string{"absent", filepath.Join(dir, "9", "serve")}, filepath.Join(dir, "9/serve")},
		{"", []string{filepath.Join(dir, "*", "serve")}, filepath.Join(dir, "9/serve")},
		{"", []string{filepath.Join(dir, "*", "plain")}, "skipped: needs " + filepath.Join(dir, "*", "plain") + " of the package pkg"},
		{"", []string{"absent"}, "skipped: needs absent of the package pkg"},
		{"false", []string{"absent"}, "skipped: needs absent of the package pkg"},
		{"true", []string{"absent"}, "failed: needs absent of the package pkg: a skip is a failure there (CI=true)"},
		{"1", []string{"absent"}, "failed: needs absent of the package pkg: a skip is a failure there (CI=1)"},
	} {
		t.Setenv("CI", test.ci)
		var got string
		o := try(t, func(t testing.TB) { got = Program(t, "pkg", test.paths...) })
		if got += o.said; got != test.want {
			t.Errorf("CI=%q %q: %q, expected %q", test.ci, test.paths, got, test.want)
		}
	}
}

// alive tells whether a process is there and no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func always(context.Context) error { return nil }
func never(context.Context) error  { return errors.New("not yet") }

func TestStart(t *testing.T) {
	t.Parallel()
	sh := func(script string) *exec.Cmd { return exec.Command("/bin/sh", "-c", script) }
	t.Run("is gone when the test ends", func(t *testing.T) {
		t.Parallel()
		var pid int
		o := try(t, func(t testing.TB) { pid = Start(t, sh("exec sleep 1000"), always).Pid() })
		if o.said != "" || o.logged.Len() > 0 || alive(pid) {
			t.Errorf("said %q, logged %q, alive: %v", o.said, o.logged.String(), alive(pid))
		}
	})
	t.Run("is gone though it was stopped", func(t *testing.T) {
		t.Parallel()
		var pid int
		begin := time.Now()
		o := try(t, func(t testing.TB) {
			p := Start(t, sh("exec sleep 1000"), always)
			p.Freeze()
			pid = p.Pid()
			if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || !strings.Contains(string(stat), ") T ") {
				t.Fatalf("it is not frozen: %s (%v)", stat, err)
			}
		})
		if took := time.Since(begin); o.said != "" || alive(pid) || took > stopTime/2 {
			t.Errorf("said %q, alive: %v after %v", o.said, alive(pid), took)
		}
	})
	t.Run("waits until it is ready", func(t *testing.T) {
		t.Parallel()
		looks := 0
		o := try(t, func(t testing.TB) {
			Start(t, sh("exec sleep 1000"), func(context.Context) error {
				if looks++; looks < 5 {
					return errors.New("not yet")
				}
				return nil
			})
		})
		if o.said != "" || looks != 5 {
			t.Errorf("%d looks, said %q", looks, o.said)
		}
	})
	t.Run("ends before it is ready", func(t *testing.T) {
		t.Parallel()
		o := try(t, func(t testing.TB) { Start(t, sh("echo the reason; exit 3"), never) })
		if !strings.Contains(o.said, "ended before it answered: exit status 3") || !strings.Contains(o.logged.String(), "the reason") {
			t.Errorf("said %q, logged %q", o.said, o.logged.String())
		}
	})
	t.Run("cannot be started", func(t *testing.T) {
		t.Parallel()
		o := try(t, func(t testing.TB) { Start(t, exec.Command("/nonexistent/program"), never) })
		if !strings.Contains(o.said, "/nonexistent/program") {
			t.Errorf("said %q", o.said)
		}
	})
}

func TestRedis(t *testing.T) {
	t.Parallel()
	r := Redis(t, "--requirepass", "secret")
	first := r.Pid()
	r.Restart()
	if r.Pid() == first || alive(first) || !alive(r.Pid()) {
		t.Errorf("process %d, alive: %v; now %d, alive: %v", first, alive(first), r.Pid(), alive(r.Pid()))
	}
	r.Stop()
	if conn, err := net.Dial("tcp", r.Address); err == nil {
		conn.Close()
		t.Error("still listens")
	}
	r.Stop()
}

func TestEtcd(t *testing.T) {
	t.Parallel()
	e := Etcd(t)
	resp, err := http.Get(e.URL + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}
