package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// A containerd is one release of containerd, and the configuration that this release reads.
type containerd struct {
	dir    string // of its programs
	config []byte
}

//go:embed containerd.toml
var debianConfig []byte

//go:embed containerd2.toml
var newConfig []byte

// debian is the containerd of the distribution.
func debian(context.Context, *Cluster) (containerd, error) {
	return containerd{"/usr/bin", debianConfig}, nil
}

// recent is a containerd that is built from its Go module. It has what is newer than Debian's: volumes that are images.
func recent(ctx context.Context, c *Cluster) (containerd, error) {
	dir, err := newContainerd(c.config.E2E).built(ctx)
	return containerd{dir, newConfig}, err
}

func (n *Node) startRuntime(ctx context.Context) error {
	if err := n.cniConfig().write(n.lib("cni/10-e2e.conflist")); err != nil {
		return err
	}
	if err := os.WriteFile(n.lib("containerd/config.toml"), n.runtime.config, 0o600); err != nil {
		return err
	}
	// The first shim in PATH is what containerd starts.
	runtime, err := n.spawn("containerd", "/usr/bin/env", fmt.Sprintf("PATH=%s:%s", n.runtime.dir, os.Getenv("PATH")),
		filepath.Join(n.runtime.dir, "containerd"), "--config", "/var/lib/containerd/config.toml")
	if err != nil {
		return err
	}
	if err := runtime.Ready(ctx, func(ctx context.Context) error { return n.ctr(ctx, "version") }); err != nil {
		return err
	}
	for _, archive := range n.cluster.archives {
		if err := n.ctr(ctx, "images", "import", archive); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) ctr(ctx context.Context, args ...string) error {
	_, err := n.machine.Run(ctx, filepath.Join(n.runtime.dir, "ctr"), append([]string{"-n", "k8s.io"}, args...)...)
	return err
}
