package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/watchdog"
)

// A dry run does nothing to a FIFO that is the log: whoever reads it goes on reading.
func TestDryRunLeavesAFIFOAlone(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := unix.Open(fifo, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(reader)
	var stdout, stderr testbuffer.Buffer
	args := []string{"--dry-run", "--grace-period=30", "--log-to=" + fifo, "--state-dir=" + t.TempDir(), "wait 1s"}
	if exit := run(&invocation{ctx: t.Context(), start: time.Now(), args: args, stdout: &stdout, stderr: &stderr}); exit != exitDone || !strings.Contains(stdout.String(), "log: "+fifo) {
		t.Errorf("exit %d: %s%s", exit, &stdout, &stderr)
	}
	seen := []unix.PollFd{{Fd: int32(reader), Events: unix.POLLIN}}
	if n, err := unix.Poll(seen, 0); n != 0 || err != nil {
		t.Errorf("the reader sees the end: %+v, %v", seen, err)
	}
}

// A plan that was written in part must not be taken for the whole.
func TestDryRunThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, output := range []string{"text", "json"} {
		var stderr testbuffer.Buffer
		args := []string{"--dry-run", "--output=" + output, "--grace-period=30", "--log-to=stdout", "--state-dir=" + t.TempDir(), "wait 1s"}
		exit := run(&invocation{ctx: t.Context(), start: time.Now(), args: args, stdout: fullDisk{}, stderr: &stderr})
		if exit != exitFailed || !strings.Contains(stderr.String(), "the plan cannot be shown: no space left") {
			t.Errorf("%s: exit %d: %s", output, exit, &stderr)
		}
	}
}

// Where nobody can tell which container this is, a hook keeps no record. The dry run says so too.
func TestDryRunWithoutAContainer(t *testing.T) {
	t.Parallel()
	var stdout, stderr testbuffer.Buffer
	r, err := newRun(&invocation{ctx: t.Context(), start: time.Now(), args: []string{"--grace-period=30", "--log-to=stdout", "--state-dir=" + t.TempDir(), "exec true once"}, stdout: &stdout, stderr: &stderr}, config.Read)
	if err != nil {
		t.Fatal(err)
	}
	r.container = func() (proc.Container, error) { return "", errors.New("process 1 cannot be seen") }
	if exit := r.dryRun(); exit != exitFailed || !strings.Contains(stdout.String(), "would fail now: not begun") || !strings.Contains(stdout.String(), "process 1 cannot be seen") {
		t.Errorf("exit %d: %s%s", exit, &stdout, &stderr)
	}
}

// Where the look around takes long, the end is as much work: the hook is over sooner.
func TestSlowLookAround(t *testing.T) {
	t.Parallel()
	const slow = 900 * time.Millisecond
	var stderr testbuffer.Buffer
	dir := t.TempDir()
	r, err := newRun(&invocation{ctx: t.Context(), start: time.Now(), args: []string{"--grace-period=5", "--reserve=1", "--log-to=" + filepath.Join(dir, "log"), "--state-dir=" + dir, "wait 9s", "elasticsearch http://127.0.0.1:1"}, env: map[string]string{"POD_NAME": "web-0"}, stdout: io.Discard, stderr: &stderr}, config.Read)
	if err != nil {
		t.Fatal(err)
	}
	r.container = sync.OnceValues(func() (proc.Container, error) {
		<-time.After(slow)
		return "here", nil
	})
	exit := r.hook(watchdog.New(t.Context(), r.start.Add(4*time.Second), nil))
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	var most float64 // 4 s, without a second for the call, what the look around took, and the same for the end
	if _, rest, ok := strings.Cut(string(log), `"at_most":`); ok {
		fmt.Sscan(rest, &most)
	}
	if exit != exitFailed || most == 0 || most > (3*time.Second-3*slow/2).Seconds() {
		t.Errorf("exit %d, the wait has %v s: %s%s", exit, most, log, &stderr)
	}
}

// Nobody asks the app for a handshake before the log is open, nor where no hook begins.
func TestNoHandshakeBeforeTheLog(t *testing.T) {
	t.Parallel()
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // a handshake would have begun by then
		<-time.After(300 * time.Millisecond)
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(slow.Close)
	for name, test := range map[string]struct {
		args []string // of what is run beside until quiet
		exit int
		asks bool
	}{
		"the hook":                   {nil, exitDone, true},
		"a mistake outside of a pod": {[]string{"--nope"}, exitConfiguration, false},
		"a dry run":                  {[]string{"--dry-run"}, exitDone, false},
		"elasticsearch-clear":        {[]string{"elasticsearch-clear", "--elasticsearch-url=" + slow.URL}, exitFailed, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "log")
			var asked, early atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
			server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s != http.StateNew {
					return
				}
				asked.Add(1)
				if _, err := os.Stat(log); err != nil {
					early.Add(1)
				}
			}
			server.StartTLS()
			t.Cleanup(server.Close)
			t.Cleanup(server.CloseClientConnections)
			client, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { client.Close() })
			if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
			env := map[string]string{"PRE_STOP_STEPS": "until quiet " + port + " min=1s for=500ms max=2s", "PRE_STOP_LOG_TO": log, "PRE_STOP_STATE_DIR": t.TempDir(), "PRE_STOP_GRACE_PERIOD_SECONDS": "20", "POD_NAME": "web-0"}
			var stdout, stderr testbuffer.Buffer
			exit := run(&invocation{ctx: t.Context(), start: time.Now(), args: test.args, env: env, stdout: &stdout, stderr: &stderr})
			if others := asked.Load() - 1; exit != test.exit || (others > 0) != test.asks || early.Load() != 1 {
				t.Errorf("exit %d, %d handshakes, %d connections before there was a log, the client's included\n%s%s", exit, others, early.Load(), &stdout, &stderr)
			}
		})
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, unix.ENOSPC }

// A FIFO in the working directory may be called as one of the words that stand for a log.
func TestDryRunTakesNoWordForAFIFO(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := unix.Mkfifo("stdout", 0o600); err != nil {
		t.Fatal(err)
	}
	if name, notes := logPlace("stdout", podlog.Place{}); name != "stdout" || len(notes) > 0 {
		t.Errorf("the log goes to %s, %q", name, notes)
	}
}

// A step keeps no connection of the hook: a later until empty would wait for it in vain.
func TestStepsKeepNoConnection(t *testing.T) {
	t.Parallel()
	lease := filepath.Join(t.TempDir(), "lease")
	if err := os.WriteFile(lease, []byte("5"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"get URL/", "until URL/", "exec only-if=URL/ true", "get URL/ only-if=URL/", "elasticsearch URL", "unlock etcd://HOST lease-file=" + lease} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			cluster := fakees.New("9.4.0")
			t.Cleanup(cluster.Close)
			name := cluster.AddNode(fakees.Node{}).Name
			answers := http.NewServeMux()
			answers.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
			answers.HandleFunc("/v3/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"header":{"cluster_id":"1"}}`) })
			answers.Handle("/_nodes/", cluster.NodeHandler(name))
			server := httptest.NewServer(answers)
			t.Cleanup(server.Close)
			host := strings.TrimPrefix(server.URL, "http://")
			_, port, _ := strings.Cut(host, ":")
			log := filepath.Join(t.TempDir(), "log")
			args := []string{"--grace-period=30", "--log-to=" + log, "--state-dir=" + t.TempDir(), strings.NewReplacer("URL", server.URL, "HOST", host).Replace(line), "until empty " + port + " for=100ms min=0"}
			var stdout, stderr testbuffer.Buffer
			run(&invocation{ctx: t.Context(), start: time.Now(), args: args, env: map[string]string{"POD_NAME": name}, stdout: &stdout, stderr: &stderr})
			said, err := os.ReadFile(log)
			if err != nil || !strings.Contains(string(said), `min=0","outcome":"done"`) {
				t.Errorf("%s %v\n%s", stderr.String(), err, said)
			}
		})
	}
}
