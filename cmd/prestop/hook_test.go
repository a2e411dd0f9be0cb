package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/podlog"
	"github.com/prestop/prestop/internal/testbuffer"
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
