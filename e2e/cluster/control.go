package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prestop/prestop/e2e/machine"
)

// startControlPlane starts etcd, the API server, the controllers and the scheduler on the first node.
func (c *Cluster) startControlPlane(ctx context.Context) error {
	if err := c.startEtcd(ctx); err != nil {
		return err
	}
	if err := c.startAPIServer(ctx); err != nil {
		return err
	}
	if _, err := c.spawn("kube-controller-manager", "--kubeconfig="+c.kubeconfig("controller-manager"),
		"--service-account-private-key-file="+c.pki("service-accounts.key"), "--root-ca-file="+c.pki("ca.crt"),
		"--use-service-account-credentials=true", "--leader-elect=false", "--bind-address=127.0.0.1",
		"--node-monitor-grace-period=60s", "--flex-volume-plugin-dir=/var/lib/kubelet/plugins-exec"); err != nil {
		return err
	}
	_, err := c.spawn("kube-scheduler", "--kubeconfig="+c.kubeconfig("scheduler"), "--leader-elect=false", "--bind-address=127.0.0.1")
	return err
}

func (c *Cluster) startEtcd(ctx context.Context) error {
	const url, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
	etcd, err := c.Nodes[0].machine.Spawn(c.config.Logs, "etcd", "/usr/bin/etcd", "--data-dir=/var/lib/etcd", "--unsafe-no-fsync",
		"--listen-client-urls="+url, "--advertise-client-urls="+url,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer)
	if err != nil {
		return err
	}
	return etcd.Ready(ctx, func(ctx context.Context) error {
		_, err := os.Stat(filepath.Join(c.Nodes[0].machine.Lib(), "etcd/member/snap/db"))
		return err
	})
}

func (c *Cluster) startAPIServer(ctx context.Context) error {
	flags := []string{"--etcd-servers=http://127.0.0.1:2379",
		"--bind-address=" + control, "--advertise-address=" + control, "--secure-port=6443",
		"--tls-cert-file=" + c.pki("apiserver.crt"), "--tls-private-key-file=" + c.pki("apiserver.key"), "--client-ca-file=" + c.pki("ca.crt"),
		"--kubelet-client-certificate=" + c.pki("apiserver-kubelet.crt"), "--kubelet-client-key=" + c.pki("apiserver-kubelet.key"),
		"--kubelet-preferred-address-types=InternalIP", "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--service-cluster-ip-range=" + services, "--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + c.pki("service-accounts.key"), "--service-account-key-file=" + c.pki("service-accounts.key"),
		"--allow-privileged=true"}
	if len(c.release.gates) > 0 {
		flags = append(flags, "--feature-gates="+strings.Join(c.release.gates, ","),
			"--runtime-config=admissionregistration.k8s.io/"+c.release.policies+"=true")
	}
	api, err := c.spawn("kube-apiserver", flags...)
	if err != nil {
		return err
	}
	return api.Ready(ctx, func(ctx context.Context) error {
		_, err := c.Kubectl(ctx, "get", "--raw", "/readyz")
		return err
	})
}

// serveAPI makes the API reachable from outside the machines, by a socket in the file system.
func (c *Cluster) serveAPI(ctx context.Context) error {
	c.Socket = filepath.Join(c.own.dir, "api.sock")
	proxy, err := c.spawn("kubectl", "proxy", "--kubeconfig="+c.kubeconfig("admin"), "--unix-socket="+c.Socket)
	if err != nil {
		return err
	}
	return proxy.Ready(ctx, func(context.Context) error {
		_, err := os.Stat(c.Socket)
		return err
	})
}

func (c *Cluster) spawn(name string, args ...string) (*machine.Process, error) {
	return c.Nodes[0].machine.Spawn(c.config.Logs, name, c.program(name), args...)
}

//go:embed dns.yaml
var dnsManifest []byte

// startDNS starts the cluster's DNS, and returns when it is ready.
func (c *Cluster) startDNS(ctx context.Context) error {
	file := filepath.Join(c.own.dir, "dns.yaml")
	if err := os.WriteFile(file, dnsManifest, 0o600); err != nil {
		return err
	}
	if _, err := c.Kubectl(ctx, "apply", "-f", file); err != nil {
		return err
	}
	if out, err := c.Kubectl(ctx, "-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=60s"); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
