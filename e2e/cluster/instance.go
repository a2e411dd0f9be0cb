package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// instances has a directory for each cluster on this machine.
const instances = "/var/tmp/prestop-e2e"

// An instance is what a cluster owns outside its machines: a directory, and the cgroup of the same name. Its lock is held
// as long as the caller or one of the machines lives, however they end.
type instance struct {
	dir  string
	lock *os.File
}

// newInstance makes an instance. It removes what instances that no longer live have left.
func newInstance() (*instance, error) {
	if err := os.MkdirAll(instances, 0o755); err != nil {
		return nil, err
	}
	if err := removeLeftovers(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(instances, "e2e-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // containers reach their files through it
		return nil, err
	}
	i := &instance{dir: dir}
	if i.lock, err = lock(dir); err != nil {
		return nil, err
	}
	return i, nil
}

func (i *instance) cgroup() string { return filepath.Base(i.dir) }

// remove takes the instance away, once its machines have ended.
func (i *instance) remove() error {
	defer i.lock.Close()
	if err := removeCgroup(i.cgroup()); err != nil {
		return err
	}
	return os.RemoveAll(i.dir)
}

func removeLeftovers() error {
	entries, err := os.ReadDir(instances)
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := filepath.Join(instances, e.Name())
		held, err := lock(dir)
		if err != nil {
			continue // it lives
		}
		if err := (&instance{dir: dir, lock: held}).remove(); err != nil {
			return fmt.Errorf("what an earlier run left: %w", err)
		}
	}
	return nil
}

func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
