package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The demo starts its own program as the app, which here is the test.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == appArgument {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := runApp(ctx, os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The strategies that end within seconds, by the real program.
func TestRollout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hook := filepath.Join(dir, "prestop")
	if err := build(t.Context(), hook); err != nil {
		t.Fatal(err)
	}
	all := append(promising(), strategies[6])
	results, err := playAll(t.Context(), all, 1, hook, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := judge(results); err != nil {
		t.Error(err)
	}
	var table bytes.Buffer
	if err := printResults(&table, results, true); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != 1+len(all) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for n, s := range all {
		requests := len(results[n].requests)
		if rows[n+1][1] != s.name || rows[n+1][2] != strconv.Itoa(requests) || requests < 100 { // a quick machine has ten times as many
			t.Errorf("%v, want %s and its %d requests, at least 100", rows[n+1], s.name, requests)
		}
	}
	lanes := strings.Count(string(drawing(results)), ">web-")
	if lanes != 2*replicas*len(all) {
		t.Errorf("%d lanes", lanes)
	}
	for _, r := range results {
		for _, p := range r.pods {
			if !p.app.ended() {
				t.Errorf("%s of %s is left behind", p.name, r.name)
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ args, want string }{
		{"now", `expected flags alone, got "now"`},
		{"-seed -1", `invalid value "-1" for flag -seed: parse error`},
		{"-seeds 2 -svg a.svg", "-svg draws one seed: expected it without -seeds"},
		{"-fast", "flag provided but not defined: -fast"},
	} {
		err := run(t.Context(), strings.Fields(test.args), io.Discard, io.Discard)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.args, err, test.want)
		}
	}
}

func TestKubelet(t *testing.T) {
	t.Parallel()
	const deaf = `trap "" TERM; echo ready; while :; do sleep 0.1; done`
	for _, test := range []struct {
		name, hook, app string
		grace           time.Duration
		hookErr         string
		whole           time.Duration // the seconds of the hook that count, if the machine is not late
		left            time.Duration // and what they leave
		killed          bool
		least           time.Duration // until the container has ended
	}{
		{"none", "", "echo ready; exec sleep 30", 5 * time.Second, "", 0, 5 * time.Second, false, 0},
		{"quick", "exit 0", "echo ready; exec sleep 30", 5 * time.Second, "", 0, 5 * time.Second, false, 0},
		{"failed", "exit 3", "echo ready; exec sleep 30", 5 * time.Second, "exit status 3", 0, 5 * time.Second, false, 0},
		{"whole seconds", "exec sleep 1.5", "echo ready; exec sleep 30", 5 * time.Second, "", time.Second, 4 * time.Second, false, 1500 * time.Millisecond},
		{"endless", "exec sleep 30", "echo ready; exec sleep 30", time.Second, errEndless.Error(), time.Second, leastGrace, false, time.Second},
		{"endless and deaf", "exec sleep 30", deaf, time.Second, errEndless.Error(), time.Second, leastGrace, true, 3 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			app := startReady(t, exec.Command("/bin/sh", "-c", test.app))
			var hook *exec.Cmd
			if test.hook != "" {
				hook = exec.Command("/bin/sh", "-c", test.hook)
			}
			end, err := kubelet{test.grace}.terminate(t.Context(), app, hook)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(end.hookErr); test.hookErr == "" && end.hookErr != nil || test.hookErr != "" && got != test.hookErr {
				t.Errorf("the hook ended with %v, want %q", end.hookErr, test.hookErr)
			}
			late := end.hook.Truncate(time.Second) - test.whole
			if late < 0 || end.left != max(leastGrace, test.left-late) || end.sigkill.IsZero() == test.killed || end.ended.Sub(end.begun) < test.least {
				t.Errorf("%+v", end)
			}
			if hook != nil && hook.ProcessState == nil {
				t.Error("the hook outlives its container")
			}
		})
	}
}

// startReady starts a program and waits until it has written a line.
func startReady(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout = in
	p, err := start(cmd)
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProxyLearnsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &pod{name: "a"}, &pod{name: "b"}
		p := &proxy{lag: 2 * time.Second}
		if _, err := p.choose(time.Now()); !errors.Is(err, errNowhere) {
			t.Error(err)
		}
		begun := time.Now()
		p.publish(begun, []*pod{a})
		p.publish(begun.Add(time.Second), []*pod{a, b})
		p.publish(begun.Add(5*time.Second), []*pod{b})
		for _, test := range []struct {
			at   time.Duration
			want string
		}{{0, "a"}, {2900, "a"}, {3000, "ab"}, {6900, "ab"}, {7000, "b"}} {
			found := ""
			for range 4 {
				to, err := p.choose(begun.Add(test.at * time.Millisecond))
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(found, to.name) {
					found += to.name
				}
			}
			letters := strings.Split(found, "")
			slices.Sort(letters)
			if got := strings.Join(letters, ""); got != test.want {
				t.Errorf("at %d ms %s, want %s", test.at, got, test.want)
			}
		}
	})
}

func TestSeedsHaveTheirLags(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		var slow, quick bool
		for _, p := range newProxies(random(seed, 0)) {
			slow = slow || p.lag >= quietMin+4*time.Second
			quick = quick || p.lag <= time.Second
		}
		if !slow || !quick {
			t.Errorf("seed %d has no slow or no quick proxy", seed)
		}
	}
	if a, b := newProxies(random(1, 0))[0].lag, newProxies(random(2, 0))[0].lag; a == b || a != newProxies(random(1, 0))[0].lag {
		t.Errorf("the lags do not come from the seed: %s %s", a, b)
	}
}

// played is a result as it might be: hooks of so long, and requests by when they ended after the hook began.
func played(s strategy, hook time.Duration, ended time.Duration, err error) result {
	zero := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := result{strategy: s, seed: 7, begun: zero, over: zero.Add(hook)}
	for n := range 2 * replicas {
		p := &pod{number: n, name: fmt.Sprintf("web-%d", n+1), begun: zero.Add(-time.Second), ready: zero, deleted: n < replicas}
		p.termination = termination{begun: zero, hook: hook, sigterm: zero.Add(hook), ended: zero.Add(hook)}
		r.pods = append(r.pods, p)
		r.requests = append(r.requests, request{to: p, begun: zero, ended: zero.Add(ended), err: err})
	}
	r.requests = append(r.requests, request{begun: zero, ended: zero.Add(ended), err: err}) // which went nowhere
	return r
}

func TestPromises(t *testing.T) {
	t.Parallel()
	const second = time.Second
	none, fixed, adaptive := strategies[0], strategies[3], strategies[5]
	for _, test := range []struct {
		r    result
		want string // in the error; empty: kept
	}{
		{played(none, 0, 6*second, io.EOF), ""},
		{played(none, 0, 6*second, nil), "expected failed requests, got none of 7"},
		{played(fixed, 50*second, 6*second, nil), ""},
		{played(fixed, 50*second, 6*second, io.EOF), "expected no failed request, got 7, the first to web-1 +6.00 s after its hook began: EOF"},
		{played(adaptive, 9*second, 6*second, nil), ""},
		{played(adaptive, 10*second, 6*second, nil), ""},
		{played(adaptive, 10*second+1, 6*second, nil), "the hook of web-2 took 10.00 s, expected 10.00 s at most"},
		{played(adaptive, 13*second, 12*second, nil), "expected a fourth of 50.00 s at most"},
	} {
		err := judge([]result{test.r})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
	failed := played(adaptive, 9*second, 6*second, nil)
	failed.pods[1].hookErr = errEndless
	if err := judge([]result{failed}); err == nil || !strings.Contains(err.Error(), "the hook of web-2: ran on") {
		t.Error(err)
	}
}

func TestDrawingIsXML(t *testing.T) {
	t.Parallel()
	s := strategies[0]
	s.name = `<"&'>`
	text := drawing([]result{played(s, time.Second, time.Second, io.EOF)})
	decoder := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if marks := strings.Count(string(text), failing); marks != 1+2*replicas {
		t.Errorf("%d marks of failed requests, want one for each that went somewhere and one in the legend", marks)
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		passed time.Duration
		full   int
	}{{0, 0}, {time.Second, 3}, {10 * time.Second, 30}, {time.Minute, 30}} {
		if got := (show{what: "rolling out", total: 10 * time.Second}).line(test.passed); strings.Count(got, "=") != test.full || len(got) > 79 {
			t.Errorf("%q", got)
		}
	}
	if got := (show{what: "building"}).line(12 * time.Second); got != "building: 12 s" {
		t.Errorf("of what nobody knows the time: %q", got)
	}
}

// A pipe gets a line at once, and one every ten seconds.
func TestProgressOnAPipe(t *testing.T) {
	t.Parallel()
	for lasts, want := range map[time.Duration]string{
		0:                "rolling out\n",
		25 * time.Second: "rolling out\nrolling out: 10 s\nrolling out: 20 s\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			var piped bytes.Buffer
			stop := show{&piped, "rolling out", time.Minute}.progress(t.Context())
			<-time.After(lasts)
			stop()
			if got := piped.String(); got != want {
				t.Errorf("after %s: %q, want %q", lasts, got, want)
			}
		})
	}
}

// The last word is the strategy to take, and none where all of them lost requests.
func TestAdvice(t *testing.T) {
	t.Parallel()
	const second = time.Second
	none, fixed, adaptive, drained := strategies[0], strategies[3], strategies[5], strategies[6]
	good := []result{played(none, 0, 6*second, io.EOF), played(fixed, 50*second, 6*second, nil), played(adaptive, 9*second, 6*second, nil), played(drained, 8*second, 6*second, nil)}
	got := advice(good)
	if first, rest, _ := strings.Cut(got, "\n"); !strings.Contains(first, fmt.Sprintf("Take %q", adaptive.name)) || !strings.Contains(rest, fixed.good) || !strings.Contains(rest, drained.good) || strings.Contains(got, none.name) {
		t.Errorf("%q", got)
	}
	if got := advice([]result{played(adaptive, 9*second, 6*second, io.EOF)}); !strings.Contains(got, "none of these") {
		t.Errorf("all lost requests: %q", got)
	}
	for _, s := range strategies {
		if s.good == "" {
			t.Errorf("%s is good for nothing", s.name)
		}
	}
}

// What an app does on SIGTERM, to a request that it has and to one that comes later.
func TestApp(t *testing.T) {
	t.Parallel()
	for _, way := range []string{exits, drains} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			p, err := startPod(1, strategy{onSIGTERM: way}, "", t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer p.app.kill()
			if err := p.probe(t.Context()); err != nil {
				t.Fatal(err)
			}
			x := &proxy{}
			x.publish(time.Now(), []*pod{p})
			takes := time.Second
			if way == exits {
				takes = 20 * time.Second // longer than it takes to exit, for which the race detector has a second of its own
			}
			c := client{proxy: x, random: random(1, 0), path: work(takes, takes+1)}
			answered, dialed := make(chan request), make(chan struct{})
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				answered <- c.send(ctx, &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
					defer close(dialed)
					return x.dial(ctx, network, address)
				}})
			}()
			<-dialed
			p.app.signal(syscall.SIGTERM)
			q := <-answered
			if q.to != p || (q.err == nil) != (way == drains) {
				t.Errorf("%+v", q)
			}
			<-p.app.done
			if p.app.err != nil {
				t.Error(p.app.err)
			}
			if late := c.send(t.Context(), &http.Transport{DialContext: x.dial}); late.to != p || late.err == nil {
				t.Errorf("%+v", late)
			}
			if _, err := net.Dial("tcp4", p.address); err == nil {
				t.Error("it listens on")
			}
		})
	}
}
