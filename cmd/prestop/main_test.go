package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/prestop/prestop/internal/testterminal"
	"github.com/prestop/prestop/internal/verbs"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// The test binary is the program as well, for scripts and for [start].
func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"prestop": program, "ordinary": ordinary})
}

// program is main, with the files of a pod below this directory, if it is set.
func program() { mainBelow(os.Getenv("TEST_ROOT")) }

// tidy lets every user execute what the tests are and build, whatever the umask, and removes the latter. Every user may write
// coverage.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	syscall.Umask(0o022)
	_ = os.Chmod("/proc/self/exe", 0o755)
	if testing.CoverMode() != "" {
		for dir := os.Getenv("GOCOVERDIR"); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
			_ = os.Chmod(dir, 0o777) // not sticky: they replace each other's files
		}
	}
	_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // most of them wait for hooks that wait
	_ = unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0)                  // a huge page is more memory than what is used of it; the hooks inherit that
	defer func() { os.RemoveAll(release.dir) }()
	return m.M.Run()
}

// ordinary runs a program as a user who may not do everything.
func ordinary() {
	const nobody = 65534
	if os.Getuid() == 0 {
		orDie(syscall.Setgroups(nil))
		orDie(syscall.Setgid(nobody))
		orDie(syscall.Setuid(nobody))
	}
	path, err := exec.LookPath(os.Args[1])
	orDie(err)
	orDie(syscall.Exec(path, os.Args[1:], os.Environ()))
}

func orDie(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// instrumented is the environment of a program that is built for -race or -cover, as the tests' own is: it must not sleep at its end,
// nor print that nobody told it where its coverage goes.
func instrumented() []string {
	return []string{"GORACE=atexit_sleep_ms=0", "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
}

// process is a run of the real program.
type process struct {
	*exec.Cmd
	t              *testing.T
	stdout, stderr bytes.Buffer
}

// prepare makes a run with this environment and no other, and with a directory of its own for its record.
func prepare(t *testing.T, env []string, args ...string) *process {
	p := &process{t: t, Cmd: exec.Command("prestop", args...)}
	p.Env = slices.Concat(instrumented(), []string{"TMPDIR=" + t.TempDir()}, env)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	return p
}

func (p *process) begin() {
	p.t.Helper()
	if err := p.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if p.ProcessState == nil {
			p.Process.Kill()
			p.Wait()
		}
	})
}

// exit is the status that the process ends with.
func (p *process) exit() int {
	p.t.Helper()
	if err := p.Wait(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			p.t.Fatal(err)
		}
	}
	if !p.ProcessState.Exited() {
		p.t.Errorf("%s: %s", p.Args, p.ProcessState)
	}
	return p.ProcessState.ExitCode()
}

// A second signal ends the process at once, whatever it does about the first.
func TestSecondSignal(t *testing.T) {
	const within = "TEST_SECOND_SIGNAL"
	if os.Getenv(within) != "" {
		ctx, stop := withSignals(t.Context())
		defer stop()
		fmt.Println("begun")
		<-ctx.Done()
		fmt.Println("ended")
		<-t.Context().Done()
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), within+"=1", "TMPDIR="+t.TempDir()) // the signal leaves it no time to clean up
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []string{"begun", "ended"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("it says %q, want %q", lines.Text(), want)
		}
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGHUP {
		t.Errorf("it ends by %v", cmd.ProcessState)
	}
}

// The documented statuses, each with runs that must end so.
func TestExitStatuses(t *testing.T) {
	t.Parallel()
	inPod := []string{"KUBERNETES_SERVICE_HOST=10.0.0.1", "PRE_STOP_LOG_TO=stdout", "PRE_STOP_ADDITIONAL_WAIT_SECONDS=100ms"}
	short := []string{"PRE_STOP_GRACE_PERIOD_SECONDS=2", "PRE_STOP_RESERVE_SECONDS=1"} // one try, no waits
	signalled := exitSignal                                                            // and its number

	type row struct {
		env    []string
		args   []string       // REFUSING and SILENT are servers' URLs
		signal syscall.Signal // sent as soon as SILENT is called
	}
	documented := map[string]struct {
		status int
		rows   []row
	}{
		"0": {exitDone, []row{
			{nil, []string{"wait", "10ms"}, 0},
			{nil, []string{"--help"}, 0},
			{nil, []string{"version"}, 0},
			{nil, []string{"--dry-run", "wait 10s"}, 0},
			{nil, []string{"--dry-run", "post REFUSING"}, 0},
			{inPod, nil, 0},
			{[]string{"PRE_STOP_NO_SUCH=1"}, []string{"wait", "10ms"}, 0}, // from here on with a warning
			{[]string{"PRE_STOP_STATE_DIR=/no/such/directory"}, []string{"wait", "10ms"}, 0},
			{[]string{"PRE_STOP_LOG_TO=/no/such/directory/log"}, []string{"wait", "10ms"}, 0},
			{short, []string{"wait", "10s"}, 0},
		}},
		"1": {exitFailed, []row{
			{nil, []string{"post REFUSING"}, 0},
			{inPod, []string{"post REFUSING"}, 0},
			{nil, []string{"post REFUSING", "wait 10ms"}, 0},
			{short, []string{"post SILENT"}, 0},
			{nil, []string{"elasticsearch-clear", "--elasticsearch-url=REFUSING"}, 0},
			{nil, []string{"install", "/no/such/directory/prestop"}, 0},
		}},
		"2": {exitConfiguration, []row{
			{nil, []string{"--no-such-flag"}, 0},
			{nil, []string{"wait", "soon"}, 0},
			{nil, []string{"--dry-run", "wait soon"}, 0},
			{nil, []string{"version", "please"}, 0},
			{nil, []string{"install"}, 0},
			{nil, []string{"elasticsearch-clear"}, 0},
			{inPod, []string{"wait", "soon"}, 0},
			{inPod, []string{"--no-such-flag", "wait 10ms"}, 0},
			{inPod, []string{"post REFUSING", "wait soon"}, 0}, // outweighs the failure
		}},
		"128+n": {signalled, []row{
			{nil, []string{"post SILENT"}, syscall.SIGINT},
			{nil, []string{"post SILENT"}, syscall.SIGTERM},
			{nil, []string{"post SILENT"}, syscall.SIGHUP},
			{inPod, []string{"post SILENT", "wait soon"}, syscall.SIGTERM}, // outweighs the mistake
			{nil, []string{"--dry-run", "until SILENT"}, syscall.SIGINT},   // says nothing of the step
			{nil, []string{"elasticsearch-clear", "--elasticsearch-url=SILENT"}, syscall.SIGTERM},
		}},
	}
	for name, list := range documentedStatuses(t) {
		if want := slices.Sorted(maps.Keys(documented)); !slices.Equal(list, want) {
			t.Errorf("%s has the statuses %q, this test %q", name, list, want)
		}
	}
	for name, status := range documented {
		for _, row := range status.rows {
			t.Run(fmt.Sprint(name, row.args, row.signal), func(t *testing.T) {
				t.Parallel()
				called := make(chan struct{}, 1)
				silent := newWitness(t, func(_ http.ResponseWriter, r sentRequest) {
					called <- struct{}{}
					<-r.Context().Done()
					panic(http.ErrAbortHandler) // who closes a connection may yet read an answer
				})
				refusing := newWitness(t, answer(http.StatusNotFound, "", ""))
				servers := strings.NewReplacer("SILENT", silent.URL, "REFUSING", refusing.URL)
				var args []string
				for _, arg := range row.args {
					args = append(args, servers.Replace(arg))
				}
				p := prepare(t, row.env, args...)
				p.begin()
				if row.signal != 0 {
					<-called
					p.Process.Signal(row.signal)
				}
				if got, want := p.exit(), status.status+int(row.signal); got != want {
					t.Errorf("%s, want exit status %d\n%s%s", p.ProcessState, want, &p.stdout, &p.stderr)
				}
			})
		}
	}
}

// A log that nobody reads any more changes nothing: a Go program would die of SIGPIPE.
func TestClosedPipes(t *testing.T) {
	t.Parallel()
	refusing := newWitness(t, answer(http.StatusNotFound, "", ""))
	for _, test := range []struct {
		name string
		args []string
		want int
	}{
		{"done", []string{"wait 10ms"}, exitDone},
		{"failed", []string{"post " + refusing.URL, "wait 10ms"}, exitFailed},
		{"mistake", []string{"wait soon"}, exitConfiguration},
		{"dry run", []string{"--dry-run", "wait 1s"}, exitDone},
		{"help", []string{"--help"}, exitDone},
		{"version", []string{"version"}, exitDone},
		{"log to stderr", []string{"--log-to=stderr", "post " + refusing.URL}, exitFailed},
		{"log to stdout", []string{"--log-to=stdout", "--log-format=text", "post " + refusing.URL}, exitFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := prepare(t, nil, test.args...)
			p.Stdout, p.Stderr = unread(t), unread(t)
			p.begin()
			if got := p.exit(); got != test.want {
				t.Errorf("exit status %d, want %d: %s", got, test.want, p.ProcessState)
			}
		})
	}
}

// Somebody who types the program's name alone is told that this is the hook, how long it takes, and what shows it instead. Who says
// what to do, and a kubelet, are not.
func TestAloneOnATerminal(t *testing.T) {
	t.Parallel()
	_, terminal := testterminal.New(t)
	env := []string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS=300ms", "PRE_STOP_GRACE_PERIOD_SECONDS=60"}
	for _, test := range []struct {
		args  []string
		input *os.File
		told  bool
	}{{nil, terminal, true}, {nil, nil, false}, {[]string{"wait 10ms"}, terminal, false}, {[]string{"--additional-wait=10ms"}, terminal, false}} {
		p := prepare(t, env, test.args...)
		if test.input != nil {
			p.Stdin = test.input
		}
		p.begin()
		want := ""
		if test.told {
			want = "prestop: this is the hook itself, and takes 0.3s; prestop --dry-run shows instead what it does\n"
		}
		if exit := p.exit(); exit != exitDone || p.stderr.String() != want {
			t.Errorf("%q: exit %d, stderr %q, want %q", test.args, exit, &p.stderr, want)
		}
	}
}

// unread is a pipe without a reader.
func unread(t *testing.T) *os.File {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	t.Cleanup(func() { write.Close() })
	return write
}

// What a script may be told to do twice must not be a subcommand in one place and a step in another.
func TestVerbsAndSubcommandsAreDisjoint(t *testing.T) {
	seen := make(map[string]bool)
	names := subcommandNames()
	for _, v := range verbs.All() {
		names = append(names, v.Name)
	}
	for _, name := range append(names, "once") {
		if seen[name] {
			t.Errorf("%s has two meanings", name)
		}
		seen[name] = true
	}
	if len(subcommandNames()) == 0 || len(verbs.All()) == 0 {
		t.Error("there are none")
	}
}
