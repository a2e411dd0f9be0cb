// Package cluster brings up a real Kubernetes on this Linux machine, with nothing but Debian packages and Go modules: etcd, the
// API server with RBAC, controllers, scheduler, and nodes of containerd, kubelet and kube-proxy, each in a machine of its own
// (package machine), with CoreDNS as the cluster's DNS.
//
// It needs root, and Debian for the packages that it installs. It owns whatever it starts: that ends with the caller. What lies
// on the disk is removed by [Cluster.Close] or by the next [Up]. Several clusters may run at the same time.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prestop/prestop/e2e/image"
	"github.com/prestop/prestop/e2e/machine"
)

const (
	pods     = "10.244.0.0/16"
	services = "10.96.0.0/16"
	dnsIP    = "10.96.0.10"
	apiIP    = "10.96.0.1" // the Service kubernetes: the first of services
	control  = "10.10.0.1" // the first node's address, where the control plane listens too
)

// Config says what a cluster is made of.
type Config struct {
	E2E        string        // the directory of the module e2e
	Kubernetes string        // one of [Versions]
	Logs       string        // where programs log to; it is emptied first, and stays
	Images     []image.Image // that each node has
}

// A Cluster runs. Its methods are for one goroutine at a time.
type Cluster struct {
	// Socket serves the API without credentials: it is kubectl proxy's.
	Socket string
	Nodes  []*Node

	config   Config
	release  release
	programs string // the directory of Kubernetes' programs
	initProg string
	ca       *authority
	archives []string // of images
	own      *instance
}

// Up brings up a cluster of one node. If that fails, what it has made is removed.
func Up(ctx context.Context, config Config) (*Cluster, error) {
	c := &Cluster{config: config}
	if err := c.up(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) up(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("a cluster of namespaces needs root")
	}
	if err := installPackages(ctx); err != nil {
		return err
	}
	at := slices.Index(Versions(), c.config.Kubernetes)
	if at < 0 {
		return fmt.Errorf("version of Kubernetes: expected one of %s, got %q", strings.Join(Versions(), ", "), c.config.Kubernetes)
	}
	c.release = releases[at]
	var err error
	if c.programs, err = c.release.programs(c.config.E2E).built(ctx); err != nil {
		return err
	}
	if c.own, err = newInstance(); err != nil {
		return err
	}
	for _, prepare := range []func(context.Context) error{c.makeLogs, c.makeInit, c.makeImages, c.makeCredentials} {
		if err := prepare(ctx); err != nil {
			return err
		}
	}
	n, err := c.newNode(ctx, c.release.first)
	if err != nil {
		return err
	}
	for _, start := range []func(context.Context) error{n.network, c.startControlPlane, c.serveAPI, n.start, c.startDNS} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// AddNode adds a node to the cluster, with a containerd that is newer than Debian's.
func (c *Cluster) AddNode(ctx context.Context) (*Node, error) {
	n, err := c.newNode(ctx, recent)
	if err != nil {
		return nil, err
	}
	if err := n.network(ctx); err != nil {
		return nil, err
	}
	if err := n.connect(ctx, c.Nodes[0]); err != nil {
		return nil, err
	}
	return n, n.start(ctx)
}

// Close ends the cluster, and removes what it had.
func (c *Cluster) Close() error {
	for _, n := range c.Nodes {
		n.machine.Close()
	}
	if c.own == nil {
		return nil
	}
	return c.own.remove()
}

// Kubectl runs kubectl as the cluster's administrator.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"--kubeconfig", c.kubeconfig("admin")}, args...)
	return c.Nodes[0].machine.Run(ctx, c.program("kubectl"), args...)
}

// Policies is the version of admissionregistration.k8s.io that has MutatingAdmissionPolicies, as "v1".
func (c *Cluster) Policies() string { return c.release.policies }

// Shell runs a line of bash in a directory, as the cluster's administrator would: with its kubectl and KUBECONFIG, and with the programs of
// the directory bin.
func (c *Cluster) Shell(ctx context.Context, dir, bin, line string) (string, error) {
	return c.Nodes[0].machine.Run(ctx, "/usr/bin/env", "--chdir="+dir, "KUBECONFIG="+c.kubeconfig("admin"),
		"PATH="+c.programs+":"+bin+":"+os.Getenv("PATH"), "bash", "-o", "errexit", "-o", "nounset", "-o", "pipefail", "-c", line)
}

func (c *Cluster) newNode(ctx context.Context, runtime func(context.Context, *Cluster) (containerd, error)) (*Node, error) {
	r, err := runtime(ctx, c)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("node%d", len(c.Nodes)+1)
	m, err := machine.Start(name, filepath.Join(c.own.dir, name), c.initProg, c.own.lock)
	if err != nil {
		return nil, err
	}
	return c.addNode(m, r), nil
}

func (c *Cluster) program(name string) string { return filepath.Join(c.programs, name) }

func (c *Cluster) pki(file string) string { return filepath.Join(c.own.dir, "pki", file) }

func (c *Cluster) makeLogs(context.Context) error {
	if err := os.RemoveAll(c.config.Logs); err != nil {
		return err
	}
	return os.MkdirAll(c.config.Logs, 0o755)
}

func (c *Cluster) makeInit(ctx context.Context) error {
	c.initProg = filepath.Join(c.own.dir, "init")
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", c.initProg, "./machine/init")
	cmd.Dir = c.config.E2E
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build init: %w\n%s", err, out)
	}
	return nil
}

// makeImages writes the archives that each node imports.
func (c *Cluster) makeImages(ctx context.Context) error {
	dns, err := coredns(c.config.E2E).built(ctx)
	if err != nil {
		return err
	}
	own := []image.Image{
		{Ref: pauseImage, Files: map[string]string{"/pause": c.initProg}, Entrypoint: []string{"/pause"}, User: "65535"},
		{Ref: "e2e.test/coredns:1", Files: map[string]string{"/coredns": filepath.Join(dns, "coredns")}, Entrypoint: []string{"/coredns"}},
	}
	for i, img := range append(own, c.config.Images...) {
		archive := filepath.Join(c.own.dir, fmt.Sprintf("image%d.tar", i))
		if err := img.Write(archive); err != nil {
			return err
		}
		c.archives = append(c.archives, archive)
	}
	return nil
}

// makeCredentials makes certificates for all who talk with the API server, each with the rights that its name has there.
func (c *Cluster) makeCredentials(context.Context) error {
	err := os.MkdirAll(c.pki(""), 0o755)
	if err != nil {
		return err
	}
	if c.ca, err = newAuthority(c.pki("")); err != nil {
		return err
	}
	if _, err := writeKey(c.pki("service-accounts.key")); err != nil {
		return err
	}
	names := []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	if err := c.ca.server("apiserver", names, net.ParseIP(control), net.ParseIP(apiIP)); err != nil {
		return err
	}
	if err := c.ca.client("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"); err != nil {
		return err
	}
	for name, user := range map[string][]string{
		"admin":              {"admin", "system:masters"},
		"controller-manager": {"system:kube-controller-manager"},
		"scheduler":          {"system:kube-scheduler"},
		"proxy":              {"system:kube-proxy"},
	} {
		if err := c.identify(name, user[0], user[1:]...); err != nil {
			return err
		}
	}
	return nil
}
