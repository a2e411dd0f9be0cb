package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/hook"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/prestop"
)

// attacksEnv is how many random plans TestAttacks runs; make attacks sets it.
const attacksEnv = "ATTACKS"

// Random plans, against servers that do what servers do, on the built binary: none is over more than 0.2 s after its deadline, none
// ends short of a wait that fits, and each exit status is as documented.
func TestAttacks(t *testing.T) {
	t.Parallel()
	attacks, _ := strconv.Atoi(os.Getenv(attacksEnv))
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); attacks == 0 && ci {
		attacks = 600
	} else if attacks == 0 {
		attacks = 60
	}
	const together = 50
	binary, town := builtBinary(t), newTown(t)
	var all sync.WaitGroup
	free := make(chan struct{}, together)
	late := watchLateness(t, binary)
	for seed := range attacks {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			a := town.attack(t, uint64(seed))
			if wrong := a.run(t.Context(), binary, late); wrong != "" {
				t.Errorf("seed %d: %s\n%s\n%q\nstderr %s\n%s", seed, wrong, strings.Join(a.env, "\n"), a.args, &a.stderr, a.logged())
			}
		})
	}
	all.Wait()
}

// An attack is a random plan.
type attack struct {
	env, args []string
	inPod     bool
	signal    time.Duration // when SIGTERM is sent; 0: never
	log       string        // a file: a pipe that nobody empties in time would lose lines
	stderr    bytes.Buffer
}

// plan is what the hook makes of it.
func (a *attack) plan() (*hook.Plan, error) {
	env := environment(a.env)
	c, err := config.Read(a.args, env, "")
	if err != nil {
		return nil, err
	}
	script := hook.Read(c, &secret.Set{})
	return script.Plan(hook.World{Start: time.Now(), InPod: a.inPod, ContainerID: func() string { return "" }, Dial: new(net.Dialer).DialContext}), nil
}

// least is how long the waits of a plan last that fit, whatever the steps between them do.
func least(p *hook.Plan) time.Duration {
	slots := p.Timeline()
	var waits time.Duration
	for _, s := range slots[:len(p.Entries)] {
		if s.Step == nil {
			waits += min(s.Least-s.Short, s.Ends-s.Latest)
		}
	}
	return max(waits, min(p.Floor, p.Budget()-p.Aside-prestop.Engine)) - 2*prestop.Engine
}

// run says what is wrong; empty: nothing.
func (a *attack) run(ctx context.Context, binary string, late *lateness) string {
	p, err := a.plan()
	if err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, p.Budget()+20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, a.args...)
	log, err := os.Create(a.log)
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = a.env, log, &a.stderr, time.Second
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return err.Error()
	}
	own := make(chan time.Duration, 1)
	overdue := time.AfterFunc(p.Budget()+overdueAtMost-time.Since(begin), func() { own <- ownDelay(ctx, cmd.Process.Pid) })
	signalled := atomic.Bool{}
	if a.signal > 0 {
		timer := time.AfterFunc(a.signal, func() {
			signalled.Store(true)
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if overdue.Stop() {
				overdue.Reset(overdueAtMost)
			}
		})
		defer timer.Stop()
	}
	_ = cmd.Wait()
	took, exit := time.Since(begin), cmd.ProcessState.ExitCode()
	over := p.Budget()
	if signalled.Load() {
		over = min(over, a.signal)
	}
	if !overdue.Stop() {
		if own := <-own; own > ownDelayAtMost {
			return fmt.Sprintf("over after %s, want by %s and %s: after that, %s are its own fault", took, over, overdueAtMost, own)
		}
	}
	if len(p.Problems) > 0 && !a.inPod {
		if exit != exitConfiguration || a.logged() != "" {
			return fmt.Sprintf("exit status %d, want 2 and no log", exit)
		}
		return ""
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	early := status.Signaled() && status.Signal() == syscall.SIGTERM // before it could take notice
	if signalled.Load() && (early || exit == exitSignal+int(syscall.SIGTERM)) {
		return ""
	}
	if want := least(p) - late.since(begin); took < want && p.Budget() >= prestop.OneTry && !signalled.Load() {
		return fmt.Sprintf("over after %s, short of a wait of %s", took, want)
	}
	return a.judge(exit, len(p.Problems) > 0, took > over)
}

func (a *attack) logged() string {
	text, err := os.ReadFile(a.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// judge compares the exit status with the outcome of each step, and what is said on stderr. held: it was over after its deadline.
func (a *attack) judge(exit int, mistaken, held bool) string {
	lines := strings.Split(strings.TrimSpace(a.logged()), "\n")
	var last struct {
		Message string
		Exit    int
		Report  prestop.Report
	}
	err := json.Unmarshal([]byte(lines[len(lines)-1]), &last)
	if held && (exit == exitFailed || exit == exitConfiguration) { // then it has no time to say more
		return ""
	}
	if err != nil || last.Message != "prestop ends" {
		return fmt.Sprintf("the log's last line is none: %v", err)
	}
	want := exitDone
	switch {
	case mistaken:
		want = exitConfiguration
	case !last.Report.OK():
		want = exitFailed
	}
	if exit != want || last.Exit != want {
		return fmt.Sprintf("exit status %d, and %d in the log, want %d", exit, last.Exit, want)
	}
	if said := strings.Count(a.stderr.String(), "\n"); said != min(exit, 1) {
		return fmt.Sprintf("%d lines on stderr", said)
	}
	return ""
}

// A town has the servers and files of all attacks.
type town struct {
	app, refused, mute string // addresses
	dir                string
}

func newTown(t *testing.T) town {
	app := httptest.NewServer(http.HandlerFunc(misbehave))
	t.Cleanup(app.CloseClientConnections)
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	refused := listen()
	refused.Close()
	town := town{app.Listener.Addr().String(), refused.Addr().String(), listen().Addr().String(), t.TempDir()}
	for name, text := range map[string]string{"true": "true\n", "false": "false\n", "big": strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(filepath.Join(town.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return town
}

// misbehave does what its path says.
func misbehave(w http.ResponseWriter, r *http.Request) {
	switch what := strings.TrimPrefix(r.URL.Path, "/"); what {
	case "hang":
		<-r.Context().Done()
	case "late":
		select {
		case <-time.After(1200 * time.Millisecond):
		case <-r.Context().Done():
		}
	case "drip":
		for r.Context().Err() == nil {
			fmt.Fprint(w, "x")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(100 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
	case "reset":
		panic(http.ErrAbortHandler)
	case "job":
		w.Header().Set("Location", "/job")
		w.WriteHeader(http.StatusAccepted)
	case "again":
		http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
	case "json":
		fmt.Fprint(w, `{"state": "busy", "n": "3", "list": [1, 2]}`)
	case "metrics":
		fmt.Fprint(w, "active{a=\"b\"} 2\nactive{a=\"c\"} NaN\n")
	case "flood":
		for range 2 << 10 {
			_, _ = w.Write(make([]byte, 1<<10))
		}
	default:
		status, _ := strconv.Atoi(what)
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(max(status, 200))
	}
}

// attack is the plan of that seed.
func (town town) attack(t *testing.T, seed uint64) *attack {
	r := rand.New(rand.NewPCG(seed, 12))
	some := func(all ...string) string { return all[r.IntN(len(all))] }
	maybe := func(of int) bool { return r.IntN(of) == 0 }
	seconds := func(most float64) string { return fmt.Sprintf("%dms", 1+int(r.Float64()*most*1000)) }
	place := func() string {
		return "http://" + some(town.app, town.app, town.app, town.app, town.app, town.refused, town.mute, "no-such-host.invalid:80") + "/" +
			some("200", "200", "204", "404", "401", "500", "503", "429", "hang", "late", "drip", "reset", "job", "again", "json", "metrics", "flood")
	}
	option := func(key string, value string) string {
		if maybe(3) {
			return " " + key + "=" + value
		}
		return ""
	}
	_, port, _ := net.SplitHostPort(some(town.app, town.mute, town.refused))
	until := func() string { return option("min", seconds(1)) + option("max", seconds(4)) }
	step := func() string {
		text := ""
		switch r.IntN(16) {
		case 0, 1, 2:
			text = "wait " + seconds(2)
		case 3, 4, 5:
			text = some("get", "post", "put", "delete") + " " + place() + option("timeout", seconds(2)) + option("max", seconds(3)) + option("expect", some("404", "2xx,503")) +
				option("body", some("x", "@"+town.dir+"/big", "@/no/such/file")) + option("only-if", place()) + option("token-file", town.dir+"/"+some("true", "big", "absent"))
		case 6:
			text = "elasticsearch " + place()
		case 7, 8:
			text = "until " + place() + until() + option("stable", "2") + some("", "", " json=.state in=idle", " json=.n at-most=5", " metric=active at-most=0", " met-by=404")
		case 9:
			text = "until quiet " + port + until() + option("for", "1s")
		case 10:
			text = "until closed " + port + until()
		case 11:
			text = "until file " + town.dir + "/" + some("true", "absent") + until()
		case 12:
			text = "until exec" + option("timeout", "1s") + until() + " " + some("true", "false", "sleep 9", "/no/such/program")
		case 13:
			text = "exec" + option("max", seconds(2)) + " " + some("true", "false", "sleep 9", "sh -c 'trap \"\" TERM INT; sleep 9 & sleep 9'", "sh -c 'yes | head -c 3000000'", "setsid sleep 9", "/no/such/program")
		case 14:
			text = some("touch ", "remove ") + town.dir + "/" + some("made", "absent/x", ".")
		case 15:
			text = some("wiat 2s", "wait", "post", "until", "get ftp://x", "exec", "wait $(NO_SUCH)", `post "`, "unlock redis://"+town.mute+" key=k value-file="+town.dir+"/true", "unlock etcd://"+town.app+" lease-file="+town.dir+"/big")
		}
		if maybe(10) {
			text += " once"
		}
		return text
	}
	a := &attack{log: filepath.Join(t.TempDir(), "log"), env: []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(), "PRE_STOP_LOG_TO=stdout", "POD_NAME=web-0"}}
	set := func(of int, name, value string) {
		if maybe(of) {
			a.env = append(a.env, name+"="+value)
		}
	}
	grace := 500 + r.IntN(3500)
	a.env = append(a.env, fmt.Sprintf("PRE_STOP_GRACE_PERIOD_SECONDS=%dms", grace), fmt.Sprintf("PRE_STOP_RESERVE_SECONDS=%dms", r.IntN(grace+grace/20)))
	if a.inPod = !maybe(5); a.inPod {
		a.env = append(a.env, "KUBERNETES_SERVICE_HOST="+some("127.0.0.1", "10.0.0.1"))
	}
	set(2, "PRE_STOP_ADDITIONAL_WAIT_SECONDS", some(seconds(3), seconds(3), "0", "2O"))
	set(3, "PRE_STOP_APP_URL", place())
	set(6, "PRE_STOP_ELASTICSEARCH_URL", place())
	set(4, "PRE_STOP_REPORT_URL", place())
	set(5, "PRE_STOP_SKIP_FILE", town.dir+"/"+some("false", "absent", "big"))
	set(5, "PRE_STOP_STATE_DIR", some("/no/such/directory", "/proc", "/dev/null"))
	set(5, "PRE_STOP_LOG_FORMAT", some("json", "xml"))
	set(5, "PRE_STOP_TERMINATION_LOG", town.dir+"/"+some("made", "absent"))
	set(6, "PRE_STOP_ASK_API", "true")
	set(6, "PRE_STOP_MAX_DNS_ERRORS", some("0", "1", "many"))
	if maybe(20) {
		a.args = append(a.args, some("--nope", "--grace-period", "--log-format=xml"))
	}
	for range r.IntN(7) {
		a.args = append(a.args, step())
	}
	if maybe(10) {
		a.signal = time.Duration(1+r.IntN(2500)) * time.Millisecond
	}
	return a
}

// lateness is how long a process takes on this machine that does nothing, which is no fault of the hook's.
type lateness struct {
	mu      sync.Mutex
	current time.Time
	all     []idle
}

type idle struct {
	ended time.Time
	took  time.Duration
}

// watchLateness runs one such process after the other, until the test ends.
func watchLateness(t *testing.T, binary string) *lateness {
	l := &lateness{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			begin := time.Now()
			l.mu.Lock()
			l.current = begin
			l.mu.Unlock()
			_ = exec.Command(binary, "version").Run()
			l.mu.Lock()
			l.all = append(l.all, idle{time.Now(), time.Since(begin)})
			l.mu.Unlock()
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return l
}

// since is the most that it took since then. The start and the end of a hook, and whoever tells
// us of it, may each be so late.
func (l *lateness) since(begin time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := time.Since(l.current)
	for _, one := range l.all {
		if one.ended.After(begin) {
			most = max(most, one.took)
		}
	}
	return 3 * most
}
