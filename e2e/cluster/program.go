package cluster

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A program is built from Go source, once for each version on this machine.
type program struct {
	name     string   // what its directory in the cache is called
	dir      string   // of its module
	sources  []string // files in dir that tell whether a build is still good
	ldflags  string
	packages []string
}

// A release is a Kubernetes that a cluster can be of.
type release struct {
	version  string                                              // as in the module's go.mod: without it the programs say v0.0.0
	module   string                                              // its directory below that of this package
	policies string                                              // the version of admissionregistration.k8s.io that has MutatingAdmissionPolicies
	gates    []string                                            // of the API server, for what is off by default in it
	first    func(context.Context, *Cluster) (containerd, error) // what the first node runs containers with
}

// releases are all that there are; the first is the default. Kubernetes 1.36 and later have image volumes and policies without a gate. The
// newest has the newer containerd on both nodes, so that image volumes are everywhere; it was not tried with Debian's.
var releases = []release{
	{"v1.34.4", "kubernetes", "v1beta1", []string{"ImageVolume=true", "MutatingAdmissionPolicy=true"}, debian},
	{"v1.37.2", "kubernetes/v137", "v1", nil, recent},
}

// Versions are those of Kubernetes that [Config] takes; the first is the default.
func Versions() (all []string) {
	for _, r := range releases {
		all = append(all, r.version)
	}
	return all
}

func (r release) programs(e2e string) program {
	minor := strings.Split(r.version, ".")[1]
	var flags strings.Builder
	flags.WriteString("-s -w")
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, set := range []string{"gitVersion=" + r.version, "gitMajor=1", "gitMinor=" + minor, "gitTreeState=clean", "buildDate=1970-01-01T00:00:00Z"} {
			fmt.Fprintf(&flags, " -X %s.%s", pkg, set)
		}
	}
	p := program{name: "kubernetes", dir: filepath.Join(e2e, "cluster", r.module), sources: []string{"go.mod", "go.sum"}, ldflags: flags.String()}
	for _, name := range []string{"kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubectl"} {
		p.packages = append(p.packages, "k8s.io/kubernetes/cmd/"+name)
	}
	return p
}

func coredns(e2e string) program {
	return program{
		name: "coredns", dir: filepath.Join(e2e, "cluster/coredns"), sources: []string{"go.mod", "go.sum", "main.go"},
		ldflags: "-s -w", packages: []string{"."},
	}
}

func newContainerd(e2e string) program {
	p := program{
		name: "containerd", dir: filepath.Join(e2e, "cluster/containerd"), sources: []string{"go.mod", "go.sum"},
		ldflags: "-s -w -X github.com/containerd/containerd/v2/version.Version=v2.2.9", // as in its go.mod
	}
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "ctr"} {
		p.packages = append(p.packages, "github.com/containerd/containerd/v2/cmd/"+name)
	}
	return p
}

// built gives the directory that has the programs, after building them where that was not done before.
func (p program) built(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	key, err := p.key()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "prestop-e2e", p.name+"-"+key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), p.name)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part)
	if err := p.build(ctx, part); err != nil {
		return "", err
	}
	if err := os.Chmod(part, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(part, dir); err != nil && !os.IsExist(err) {
		return "", err
	}
	return dir, nil
}

func (p program) build(ctx context.Context, into string) error {
	args := append([]string{"build", "-ldflags", p.ldflags, "-o", into + "/"}, p.packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", p.name, err, out)
	}
	return nil
}

func (p program) key() (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, p.ldflags, p.packages)
	for _, name := range p.sources {
		text, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:6]), nil
}
