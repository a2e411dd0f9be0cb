package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// packages are Debian packages, each by a file that is there when the package is installed.
var packages = map[string]string{
	"/usr/bin/containerd": "containerd",
	"/usr/sbin/runc":      "runc",
	"/usr/lib/cni/bridge": "containernetworking-plugins",
	"/usr/bin/etcd":       "etcd-server",
	"/usr/sbin/iptables":  "iptables",
	"/usr/sbin/conntrack": "conntrack",
	"/usr/bin/ip":         "iproute2",
	"/usr/bin/mount":      "mount",
	"/usr/sbin/sysctl":    "procps",
	"/usr/sbin/modprobe":  "kmod",
}

// installPackages installs those that are missing. None of their services is started.
func installPackages(ctx context.Context) error {
	var missing []string
	for file, name := range packages {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	allow, err := forbidServices()
	if err != nil {
		return err
	}
	defer allow()
	// The lists may be there already, and a mirror may be away: only the installation has to succeed.
	_ = exec.CommandContext(ctx, "apt-get", "-qq", "update").Run()
	install := exec.CommandContext(ctx, "apt-get", append([]string{"-qq", "install", "--yes", "--no-install-recommends"}, missing...)...)
	install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", install.Args, err, out)
	}
	return nil
}

// forbidServices makes packages leave their services alone while they are installed, by Debian's own switch for that.
func forbidServices() (allow func(), err error) {
	const policy = "/usr/sbin/policy-rc.d"
	if _, err := os.Lstat(policy); err == nil {
		return func() {}, nil
	}
	if err := os.MkdirAll(filepath.Dir(policy), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
		return nil, err
	}
	return func() { os.Remove(policy) }, nil
}
