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

// A program is built from Go source, for its version once on this machine.
type program struct {
	name     string   // what its directory in the cache is called
	dir      string   // of its module
	sources  []string // in dir, that say whether a build is still good
	ldflags  string
	packages []string
}

func kubernetes(e2e string) program {
	const version = "v1.34.4" // as in its go.mod: without these flags the programs say v0.0.0
	var flags strings.Builder
	flags.WriteString("-s -w")
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, set := range []string{"gitVersion=" + version, "gitMajor=1", "gitMinor=34", "gitTreeState=clean", "buildDate=1970-01-01T00:00:00Z"} {
			fmt.Fprintf(&flags, " -X %s.%s", pkg, set)
		}
	}
	p := program{name: "kubernetes", dir: filepath.Join(e2e, "cluster/kubernetes"), sources: []string{"go.mod", "go.sum"}, ldflags: flags.String()}
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
