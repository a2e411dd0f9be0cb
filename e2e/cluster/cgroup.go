package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// hierarchies are the places where a cgroup is a directory: one in version 2, one for each controller in version 1.
func hierarchies() ([]string, error) {
	if unified() {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(cgroupRoot, e.Name()))
		}
	}
	return dirs, nil
}

func unified() bool {
	_, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers"))
	return err == nil
}

// makeCgroup makes a cgroup for a kubelet's pods, "a/b", with all controllers.
func makeCgroup(name string) error {
	dirs, err := hierarchies()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	if !unified() {
		return inheritCPUs(name)
	}
	for _, parent := range []string{"", filepath.Dir(name), name} {
		if err := delegate(filepath.Join(cgroupRoot, parent)); err != nil {
			return err
		}
	}
	return nil
}

// delegate gives all controllers of a cgroup to those below it, in version 2.
func delegate(dir string) error {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(have)) {
		// Not every controller can be given: the kubelet says which one it misses.
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
	}
	return nil
}

// inheritCPUs sets what a new cpuset in version 1 lacks.
func inheritCPUs(name string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(cgroupRoot, "cpuset", file))
		if err != nil {
			return nil // no such controller
		}
		for _, dir := range []string{filepath.Dir(name), name} {
			if err := os.WriteFile(filepath.Join(cgroupRoot, "cpuset", dir, file), value, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeCgroup removes a cgroup with those below it. It tries for a while, since the last processes may be about to end.
func removeCgroup(name string) error {
	dirs, err := hierarchies()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		end := time.Now().Add(20 * time.Second)
		for {
			err := removeTree(filepath.Join(dir, name))
			if err == nil {
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("cgroup %s in %s: %w", name, dir, err)
			}
			<-time.After(50 * time.Millisecond)
		}
	}
	return nil
}

func removeTree(top string) error {
	var dirs []string
	err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(dirs)
	for _, dir := range dirs {
		if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, syscall.ENOENT) {
			return err
		}
	}
	return nil
}
