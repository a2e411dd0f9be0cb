package testserver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// An EtcdServer is an etcd cluster with one member.
type EtcdServer struct {
	*Process
	URL     string // for its clients: http, or https with EtcdTLS
	metrics string // a URL that is plain HTTP in either case
}

// Etcd starts an etcd; args are further words of its command line.
func Etcd(t testing.TB, args ...string) *EtcdServer {
	t.Helper()
	return startEtcd(t, "http", args)
}

// EtcdTLS starts an etcd that speaks TLS with its clients. It wants a client certificate of the authority in caFile.
// All files are PEM. Its JSON gateway is a client too, and shows the server's certificate. So that certificate must be
// fit for a client.
func EtcdTLS(t testing.TB, caFile, certFile, keyFile string, args ...string) *EtcdServer {
	t.Helper()
	return startEtcd(t, "https", append([]string{"--trusted-ca-file", caFile, "--cert-file", certFile, "--key-file", keyFile, "--client-cert-auth"}, args...))
}

func startEtcd(t testing.TB, scheme string, args []string) *EtcdServer {
	t.Helper()
	program := Program(t, "etcd-server", "etcd")
	at := Addresses(t, IP(), 3)
	e := &EtcdServer{URL: scheme + "://" + at[0], metrics: "http://" + at[1]}
	peer := "http://" + at[2]
	cmd := exec.Command(program, append([]string{
		"--name", "test", "--data-dir", t.TempDir(), "--logger", "zap", "--log-outputs", "stderr", "--log-level", "error",
		"--listen-client-urls", e.URL, "--advertise-client-urls", e.URL, "--listen-metrics-urls", e.metrics,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "test=" + peer,
	}, args...)...)
	cmd.Env = []string{} // ETCD_… would be settings
	e.Process = Start(t, cmd, e.answers)
	return e
}

// answers asks the etcd whether it has a leader.
func (e *EtcdServer) answers(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.metrics+"/health", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err == nil && !strings.Contains(string(text), `"health":"true"`) {
		err = fmt.Errorf("health: %s %q", resp.Status, text)
	}
	return err
}
