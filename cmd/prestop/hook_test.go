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

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testbuffer"
)

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
