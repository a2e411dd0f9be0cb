package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// The demo starts its own program as the app, which here is the test.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == appArgument {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := runApp(ctx, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// An event is a line of the timeline.
type event struct {
	at        float64
	who, what string
}

// events reads the part of the output that comes after the pod was deleted.
func events(t *testing.T, out string) []event {
	t.Helper()
	_, after, ok := strings.Cut(out, "kubectl delete pod")
	if !ok {
		t.Fatalf("no pod was deleted:\n%s", out)
	}
	var all []event
	for _, m := range regexp.MustCompile(`(?m)^ *(\d+\.\d\d)s  (\S+) +(.*)$`).FindAllStringSubmatch(after, -1) {
		at, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, event{at, m[2], m[3]})
	}
	return all
}

// first finds an event; ok says whether there is one.
func first(all []event, who, begins string) (e event, ok bool) {
	for _, e := range all {
		if e.who == who && strings.HasPrefix(e.what, begins) {
			return e, true
		}
	}
	return event{}, false
}

func TestDemo(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	var out bytes.Buffer
	began := time.Now()
	err := demo(t.Context(), &out)
	text := out.String()
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	t.Logf("%s:\n%s", time.Since(began), text)
	if strings.Contains(text, "BROKEN") || strings.Count(text, "kept  ") != 6 {
		t.Error("expected six promises, all kept")
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	checkOrder(t, events(t, text))
}

func checkOrder(t *testing.T, all []event) {
	t.Helper()
	last := event{}
	for _, e := range all {
		if e.at < last.at {
			t.Errorf("%v comes after %v", e, last)
		}
		last = e
	}
	order := []event{
		{who: isKubelet, what: "runs the preStop hook"},
		{who: isApp, what: "POST /shutdown {"},
		{who: isElasticsearch, what: "PUT /_nodes/"},
		{who: isKubelet, what: "readiness probe: 503"},
		{who: isKubelet, what: "SIGTERM"},
	}
	at := 0.0
	for _, o := range order {
		e, ok := first(all, o.who, o.what)
		if !ok || e.at < at {
			t.Errorf("expected %v not before %.2f s, got %v", o, at, e)
		}
		at = e.at
	}
	if at < wait.Seconds() || at > 15 {
		t.Errorf("SIGTERM came after %.2f s, expected %s, and the hook's deadline of 15 s at the latest", at, wait)
	}
	if _, ok := first(all, isHook, "elasticsearch: shutdown is IN_PROGRESS tasks_remaining=2"); !ok {
		t.Error("the hook's log is not shown with its facts")
	}
}

// A hook that does nothing must not look as if all were well.
func TestWithoutHook(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seven seconds")
	}
	program, err := exec.LookPath("true")
	if err != nil {
		t.Skip(err)
	}
	var text bytes.Buffer
	out, ctx := newTimeline(t.Context(), &text)
	result, err := play(ctx, out, program, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := out.judge(result.promises()); err == nil {
		t.Error("expected an error")
	}
	for _, p := range []promise{result.appIsTold(), result.nodeIsTold(), result.hookWaits(), result.nobodyNotices()} {
		if p.kept {
			t.Errorf("claimed to be kept: %s", p.text)
		}
	}
	if p := result.appHasTime(); !p.kept || result.end.left != grace {
		t.Errorf("expected the whole grace period for the app, got %s: %s", result.end.left, p.text)
	}
	if c := result.clients; c.failed <= c.ok {
		t.Errorf("%d requests failed and %d did not; nearly all meet a closed port", c.failed, c.ok)
	}
}

// Somebody who pipes the demo to head gets it ended, and nothing is left.
func TestReaderGoesAway(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	out, ctx := newTimeline(t.Context(), &closedAfter{&text, "hook started"})
	app, err := startApp(ctx, out)
	if err != nil {
		t.Fatal(err)
	}
	hook := exec.CommandContext(ctx, "/bin/sh", "-c", "echo hook started; exec sleep 60")
	_, err = kubelet{out, grace}.terminate(ctx, app.process, hook)
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, expected that of the write", err)
	}
	<-app.done
	if hook.ProcessState == nil {
		t.Error("the hook still runs")
	}
	if strings.Contains(text.String(), sigterm) {
		t.Error("SIGTERM is printed, which was never sent")
	}
}

// closedAfter is a pipe whose reader goes away once it has seen enough.
type closedAfter struct {
	*bytes.Buffer
	enough string
}

func (c *closedAfter) WriteString(text string) (int, error) {
	if strings.Contains(c.String(), c.enough) || strings.Contains(text, c.enough) {
		return 0, io.ErrClosedPipe
	}
	return c.Buffer.WriteString(text)
}
