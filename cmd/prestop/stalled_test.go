package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/timing"
	"github.com/prestop/prestop/prestop"
)

// overdueAtMost is how much later than its deadline the documentation allows a hook to be over where a file system stands still.
const overdueAtMost = 200 * time.Millisecond

// The times of a hook beside a file system that stands still.
const (
	stallGrace    = 6 * time.Second
	stallDeadline = 4 * time.Second
	stallWait     = 1500 * time.Millisecond
)

// A stallCase is a hook that needs a file below a directory that stands still at some moment.
type stallCase struct {
	name string
	env  []string
	step string // between the first call and the wait; empty: none
	// exit and calls are what is documented for a file system that stands still from the start, from the first call on, and
	// from the last. calls are those that are made.
	exit  [3]int
	calls []string
	// refused: the directory is not used, and the hook says so.
	refused bool
}

func stallCases(dir string) []stallCase {
	all := []string{"/one", "/last"}
	step := func(name, text string) stallCase {
		return stallCase{name: name, step: strings.ReplaceAll(text, "DIR", dir), exit: [3]int{exitFailed, exitFailed, exitDone}, calls: all}
	}
	setting := func(name, value string) stallCase {
		return stallCase{name: name, env: []string{name + "=" + dir + value}, calls: all}
	}
	state := setting("PRE_STOP_STATE_DIR", "/.")
	state.refused = true
	ca := step("ca-file", "post https://127.0.0.1:1/ca ca-file=DIR/ca")
	ca.exit[2] = exitFailed // the file is empty
	return []stallCase{
		setting("PRE_STOP_SKIP_FILE", "/skip"),
		state,
		setting("TMPDIR", ""),
		setting("PRE_STOP_LOG_TO", "/log"),
		setting("PRE_STOP_TERMINATION_LOG", "/message"),
		step("token-file", "post APP/token token-file=DIR/token"),
		ca,
		step("body", "post APP/body body=@DIR/body"),
		step("exec", "exec DIR/program"),
		step("touch", "touch DIR/touched"),
		step("until file", "until file DIR/absent max=500ms"),
	}
}

var stallMoments = [3]string{"at the start", "in the middle", "at the end"}

// A file system whose server stops answering holds no hook: it is over by its deadline, all calls are made that do not need the
// file, and the wait is kept.
func TestStalledFileSystem(t *testing.T) {
	const within = "TEST_STALLED"
	if os.Getenv(within) == "" {
		inMountNamespace(t, within)
		return
	}
	var all sync.WaitGroup
	places := make(chan struct{}, 8) // more hooks at once would be late by themselves
	for _, one := range stallCases("") {
		for moment, when := range stallMoments {
			places <- struct{}{}
			all.Go(func() {
				defer func() { <-places }()
				t.Run(one.name+" "+when, func(t *testing.T) { checkStall(t, os.Getenv(within), one.name, moment) })
			})
		}
	}
	all.Wait()
}

// It holds no dry run either, which has no deadline of its own.
func TestStalledDryRun(t *testing.T) {
	const within = "TEST_STALLED_DRY_RUN"
	if os.Getenv(within) == "" {
		inMountNamespace(t, within)
		return
	}
	dir := t.TempDir()
	mountStalling(t, dir, nil).stall()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(within), "--dry-run", "--grace-period=30", "--state-dir="+dir, "wait 1s")
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != exitFailed || !strings.Contains(string(out), "does not answer") {
		t.Errorf("exit status %d: %s", got, out)
	}
}

func checkStall(t *testing.T, binary, place string, moment int) {
	dir := t.TempDir()
	all := stallCases(dir)
	s := all[slices.IndexFunc(all, func(s stallCase) bool { return s.name == place })]
	fs := mountStalling(t, dir, map[string]string{"skip": "false", "token": "abcdefgh", "ca": "", "body": "{}", "program": "#!/bin/sh\nexit 0\n", "message": ""})
	if moment == 0 {
		fs.stall()
	}
	app := newWitness(t, func(_ http.ResponseWriter, r sentRequest) {
		if moment == 1 && r.URL.Path == "/one" || moment == 2 && r.URL.Path == "/last" {
			fs.stall()
		}
	})
	var steps []string
	for _, text := range []string{"post APP/one", s.step, "wait " + stallWait.String(), "post APP/last"} {
		if text != "" {
			steps = append(steps, strings.ReplaceAll(text, "APP", app.URL))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*stallGrace)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, steps...)
	var out, complaint strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.WaitDelay = time.Second
	cmd.Env = append([]string{"PRE_STOP_GRACE_PERIOD_SECONDS=6", "PRE_STOP_RESERVE_SECONDS=2", "TMPDIR=" + t.TempDir(), "PRE_STOP_LOG_TO=stdout"}, s.env...)
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if timing.Judged && took > stallDeadline+overdueAtMost {
		t.Errorf("over after %s, want by %s", took, stallDeadline+overdueAtMost)
	}
	for _, r := range recordsOf(out.String()) {
		if last := ofSeconds(r[len(r)-1].Elapsed); last > stallDeadline+overdueAtMost+ownSlack {
			t.Errorf("its last line comes after %s, want by %s", last, stallDeadline+overdueAtMost)
		}
	}
	// Our own file system may be late on a busy machine, before it stands still.
	slow := !timing.Judged && moment == 2 && strings.Contains(complaint.String(), "left behind")
	if got := cmd.ProcessState.ExitCode(); got != s.exit[moment] && !(slow && got == exitFailed) {
		t.Errorf("exit status %d (%v), want %d: %s", got, err, s.exit[moment], complaint.String())
	}
	var asked []string
	for _, r := range app.requests() {
		if slices.Contains(s.calls, r.URL.Path) {
			asked = append(asked, r.URL.Path)
		}
		if after := r.at.Sub(begin); r.URL.Path == "/last" && after < stallWait-prestop.Engine {
			t.Errorf("the last call comes after %s, before the wait is over", after)
		}
	}
	if !slices.Equal(asked, s.calls) {
		t.Errorf("called %q, want %q", asked, s.calls)
	}
	if warns := strings.Contains(out.String(), "state-dir-not-local"); warns != s.refused && moment > 0 {
		t.Errorf("it warns of the directory: %t, want %t", warns, s.refused)
	}
	t.Logf("%s, exit %d: %s", took, cmd.ProcessState.ExitCode(), complaint.String())
	if t.Failed() {
		t.Log(out.String())
	}
}

// A file system that stands still after the hook has looked at a program, and before the kernel executes the program, holds that step and
// no other. The last step reads so much that garbage would be collected.
func TestStalledWhileExecuted(t *testing.T) {
	const within = "TEST_STALLED_EXEC"
	if os.Getenv(within) == "" {
		inMountNamespace(t, within)
		return
	}
	dir := t.TempDir()
	mountStalling(t, dir, map[string]string{"program": "#!/bin/sh\nexit 0\n"}).stallOnceRead()
	app := newWitness(t, answer(http.StatusOK, "", `{"a": "`+strings.Repeat("x", 1<<20-1000)+`", "last": "yes"}`))
	h := startHookIn(t, os.Getenv(within), "PRE_STOP_GRACE_PERIOD_SECONDS=6", "PRE_STOP_RESERVE_SECONDS=2",
		"PRE_STOP_STEPS=post "+app.URL+"/one\nexec "+dir+"/program max=500ms\nwait 1s\nuntil "+app.URL+"/last json=.last in=yes")
	select {
	case <-h.ended:
	case <-time.After(4 * stallGrace):
		t.Fatal("the hook, or what holds its streams, is not over after", 4*stallGrace)
	}
	if timing.Judged && h.took > stallDeadline+overdueAtMost {
		t.Errorf("over after %s, want by %s", h.took, stallDeadline+overdueAtMost)
	}
	if calls := len(app.requests()); h.exit != exitFailed || calls != 2 || h.took < 1500*time.Millisecond {
		t.Errorf("exit %d after %s with %d calls\n%s%s", h.exit, h.took, calls, &h.stderr, &h.stdout)
	}
}
