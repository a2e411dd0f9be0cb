package examples_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testmanifest"
)

// try runs what of prestop a pod runs, in the pod's order: init containers, probes, hooks.
func (c *checker) try(p testmanifest.Pod) {
	if err := c.fill(p); err != nil {
		c.problem("%s: %s", p.Name, err)
		return
	}
	for _, ct := range p.Spec.InitContainers {
		c.tryInstall(p, ct)
	}
	for _, ct := range p.Hooked() {
		if c.tryHook(p, ct) {
			c.tryProbe(p, ct)
		}
	}
}

// fill makes a directory for each volume and image, and puts in what is there when a container starts.
func (c *checker) fill(p testmanifest.Pod) error {
	var binaries []string
	for _, v := range p.Spec.Volumes {
		dir := c.volume(p, v.Name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		if v.Image != nil && v.Image.Reference == image {
			binaries = append(binaries, filepath.Join(dir, "prestop"))
		}
		if v.Secret == nil {
			continue
		}
		for key, value := range c.Data["Secret/"+v.Secret.SecretName] {
			if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
				return err
			}
		}
	}
	for _, ct := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		switch {
		case ct.Image == image:
			binaries = append(binaries, c.path(p, ct, "/prestop"))
		default:
			for _, path := range c.copied {
				binaries = append(binaries, c.path(p, ct, path))
			}
		}
	}
	for _, to := range binaries {
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o777), os.Symlink(prestop, to)); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) volume(p testmanifest.Pod, name string) string {
	return filepath.Join(c.dir, p.Name, "volumes", name)
}

// path is where a container's path is here.
func (c *checker) path(p testmanifest.Pod, ct corev1.Container, path string) string {
	best, under := "", filepath.Join(c.dir, p.Name, "images", ct.Name, path)
	for _, m := range ct.VolumeMounts {
		at := m.MountPath
		if rest, ok := strings.CutPrefix(path, at); ok && (rest == "" || rest[0] == '/') && len(at) > len(best) {
			best, under = at, filepath.Join(c.volume(p, m.Name), m.SubPath, rest)
		}
	}
	return under
}

func (c *checker) tryInstall(p testmanifest.Pod, ct corev1.Container) {
	if ct.Image != image {
		return
	}
	args := slices.Clone(ct.Args)
	for i, arg := range args {
		if filepath.IsAbs(arg) {
			args[i] = c.path(p, ct, arg)
		}
	}
	if out, code := c.run(nil, c.path(p, ct, "/prestop"), args...); code != 0 {
		c.problem("%s: %v: exit %d: %s", ct.Name, ct.Args, code, out)
	}
}

// tryHook dry-runs the hook, and tells whether there was nothing wrong with it.
func (c *checker) tryHook(p testmanifest.Pod, ct corev1.Container) bool {
	command := testmanifest.Hook(ct)
	program := c.path(p, ct, command[0])
	if info, err := os.Stat(program); err != nil || info.Mode()&0o111 == 0 || !filepath.IsAbs(command[0]) {
		c.problem("%s: nothing provides %s", ct.Name, command[0])
		return false
	}
	before := len(c.problems)
	out, code := c.run(c.environment(p, ct), program, append([]string{"--dry-run"}, command[1:]...)...)
	if code != 0 && code != 1 { // 1: the app and the others, which are not there, could not be called now
		c.problem("%s: the hook: exit %d: %s", ct.Name, code, out)
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "warning:") || strings.HasPrefix(line, "error:") {
			c.problem("%s: the hook: %s", ct.Name, strings.TrimSpace(line))
		}
	}
	c.checkOutput(ct, out)
	return len(c.problems) == before
}

// checkOutput finds secrets of the manifest.
func (c *checker) checkOutput(ct corev1.Container, out string) {
	for name, data := range c.Data {
		for key, value := range data {
			if strings.HasPrefix(name, "Secret/") && strings.Contains(out, strings.TrimSpace(value)) {
				c.problem("%s: prints the secret %s", ct.Name, key)
			}
		}
	}
}

// tryProbe runs an Elasticsearch's hook, without its wait, against a fake of the pod's node, and then the startup probe as
// the kubelet does: the one leaves a record, the other removes it.
func (c *checker) tryProbe(p testmanifest.Pod, ct corev1.Container) {
	isElasticsearch := func(v string) bool { return strings.HasPrefix(v, "PRE_STOP_ELASTICSEARCH_URL=") }
	if ct.StartupProbe == nil || ct.StartupProbe.Exec == nil || !slices.ContainsFunc(c.environment(p, ct), isElasticsearch) {
		return
	}
	node, err := c.serveNode(p, ct)
	if err != nil {
		c.problem("%s: %s", p.Name, err)
		return
	}
	defer node.stop()
	env := append(c.environment(p, ct), "PRE_STOP_ELASTICSEARCH_URL="+node.url, "TMPDIR="+c.dir)

	hook := testmanifest.Hook(ct)
	quick := append(slices.Clone(env), "PRE_STOP_ADDITIONAL_WAIT_SECONDS=0", graceVariable+"=10")
	out, code := c.run(quick, c.path(p, ct, hook[0]), hook[1:]...)
	if n := len(node.cluster.Records()); code != 0 || n != 1 {
		c.problem("%s: the hook: expected exit 0 and a record, got %d and %d records: %s", ct.Name, code, n, out)
		return
	}
	c.checkOutput(ct, out)

	timeout := time.Duration(ct.StartupProbe.TimeoutSeconds) * time.Second
	probe := ct.StartupProbe.Exec.Command
	begin := time.Now()
	out, code = c.run(env, c.path(p, ct, probe[0]), probe[1:]...)
	if n, took := len(node.cluster.Records()), time.Since(begin); code != 0 || n != 0 || took > timeout {
		c.problem("%s: the startupProbe: expected exit 0 and no record within %s, got %d and %d records after %s: %s",
			ct.Name, timeout, code, n, took, out)
	}
	c.checkOutput(ct, out)
}

// A node is a fake Elasticsearch of one node.
type node struct {
	cluster *fakees.Cluster
	url     string
	stop    func()
}

// serveNode serves the pod's node over TLS, with a certificate for the manifest's Services, and puts that where the
// container looks for its CA. It lets in the manifest's user alone, with the password from the manifest's Secret.
func (c *checker) serveNode(p testmanifest.Pod, ct corev1.Container) (*node, error) {
	set := map[string]string{}
	for _, v := range ct.Env {
		set[v.Name] = v.Value
	}
	u, err := url.Parse(set["PRE_STOP_ELASTICSEARCH_URL"])
	if err != nil {
		return nil, err
	}
	pair, ca, err := certificate(c.Services)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.path(p, ct, set["PRE_STOP_ELASTICSEARCH_CA_FILE"]), ca, 0o600); err != nil {
		return nil, err
	}
	_, version, _ := strings.Cut(ct.Image, ":")
	cluster := fakees.New(version)
	cluster.AddNode(fakees.Node{Name: p.Name, IP: "127.0.0.1"})
	for name, data := range c.Data {
		if strings.HasPrefix(name, "Secret/") {
			cluster.Auth(set["PRE_STOP_ELASTICSEARCH_USERNAME"], data["password"])
		}
	}
	server := httptest.NewUnstartedServer(cluster.NodeHandler(p.Name))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes
	server.StartTLS()
	u.Host = net.JoinHostPort(u.Hostname(), fmt.Sprint(server.Listener.Addr().(*net.TCPAddr).Port))
	return &node{cluster, u.String(), func() { cluster.Close(); server.Close() }}, nil
}

// certificate is one for the services' names, signed by itself.
func certificate(services []corev1.Service) (tls.Certificate, []byte, error) {
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	for _, s := range services {
		form.DNSNames = append(form.DNSNames, s.Name)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return pair, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

var reference = regexp.MustCompile(`\$\(([^)]+)\)`)

// environment is what the container's processes get, with paths of files as they are here.
func (c *checker) environment(p testmanifest.Pod, ct corev1.Container) []string {
	values := map[string]string{}
	for _, v := range ct.Env {
		value := reference.ReplaceAllStringFunc(v.Value, func(r string) string {
			return cmp.Or(values[r[2:len(r)-1]], r)
		})
		if v.ValueFrom != nil {
			value, _ = p.Field(v.ValueFrom.FieldRef.FieldPath)
		}
		if strings.HasPrefix(v.Name, "PRE_STOP_") && strings.HasSuffix(v.Name, "_FILE") {
			value = c.path(p, ct, value)
		}
		values[v.Name] = value
	}
	env := []string{"HOSTNAME=" + p.Name}
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	return env
}

// run gives the program's output and exit status, -1 if it does not start or takes too long.
func (c *checker) run(env []string, program string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append([]string{}, env...) // not nil, which would be this process's own
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return err.Error(), -1
	}
	return string(out), cmd.ProcessState.ExitCode()
}
