// Package proc reads what the kernel says of this boot, of processes and of containers.
//
// [Self] names one life of one container. [Init] finds its own first process, which is process 1 only where the pod's
// containers do not share one process namespace. [Process] is what procfs says of a process, and [Process.Reception] what
// the process would do with a signal. A [Marker] is one moment of one boot, for files that containers leave for each other.
//
// The package only reads. It knows nothing of runtimes or of Kubernetes' API. It sends no signal and writes no file. Where
// it cannot tell, it fails rather than take another container's process for its own. It is for the hook.
package proc

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Container names one life of one container: it differs from its neighbours in the pod and from what it was before a restart. It holds
// the boot, the namespaces of processes and of mounts, and the process id and the start of the container's own first process. Two
// containers may share a namespace of processes, but never one of mounts.
type Container string

// ID is 16 hex digits for the container, the same in each of its processes.
// It is a hash, so it may be published.
func (c Container) ID() string {
	sum := sha256.Sum256([]byte(c))
	return hex.EncodeToString(sum[:8])
}

// Self is the container that the caller runs in, read from /proc. Outside of a
// container it is the session or service that the caller belongs to, which
// serves as well. It fails rather than take another container for its own.
func Self() (Container, error) {
	return self("/proc")
}

func self(proc string) (Container, error) {
	boot, errBoot := bootID(proc)
	processes, errProcesses := os.Readlink(filepath.Join(proc, "self/ns/pid"))
	mounts, errMounts := os.Readlink(filepath.Join(proc, "self/ns/mnt"))
	first, errFirst := Init(proc)
	if err := cmp.Or(errBoot, errProcesses, errMounts, errFirst); err != nil {
		return "", err
	}
	return Container(fmt.Sprintf("%s %s %s %d %d", boot, processes, mounts, first.PID, first.Started)), nil
}

func bootID(proc string) (string, error) {
	text, err := os.ReadFile(Path(proc, "sys/kernel/random/boot_id"))
	if err != nil {
		return "", err
	}
	boot := strings.TrimSpace(string(text))
	if boot == "" {
		return "", errors.New("the kernel's boot id is empty")
	}
	return boot, nil
}
