package recipes_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A root is a container's file system: what this machine has, to be read only, and in some places something else. It must
// be on a mount that only this process and its children see: nothing ever removes it, so that what it shows is safe.
type root struct {
	dir string
	own []string // absolute paths that are not this machine's
}

// writable are directories that are the container's own and empty at first.
var writable = []string{"/tmp", "/run", "/var", "/root", "/opt", "/srv"}

// newRoot makes a root in which the paths in own are left out, for the caller to make.
func newRoot(dir string, own ...string) (root, error) {
	r := root{dir, append([]string{"/proc", "/sys", "/dev/shm", "/etc/hosts", "/etc/resolv.conf"}, append(own, writable...)...)}
	if err := errors.Join(os.MkdirAll(dir, 0o755), r.mirror("/")); err != nil {
		return r, err
	}
	for _, path := range append(writable, "/proc", "/dev/shm", "/var/run", "/var/tmp") {
		if err := os.MkdirAll(r.path(path), 0o755); err != nil {
			return r, err
		}
	}
	return r, errors.Join(
		os.Chmod(r.path("/tmp"), 0o1777),
		unix.Mount("tmpfs", r.path("/dev/shm"), "tmpfs", 0, "mode=1777"),
		os.WriteFile(r.path("/etc/resolv.conf"), nil, 0o644),
	)
}

// path is where a container's path is here.
func (r root) path(inside string) string { return filepath.Join(r.dir, inside) }

// mirror shows what a directory of this machine holds.
func (r root) mirror(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if err := r.show(path, e.Type()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func (r root) show(path string, kind os.FileMode) error {
	is, holds := r.owns(path)
	switch {
	case is:
		return nil
	case kind.IsDir() && holds:
		return cmp.Or(os.Mkdir(r.path(path), 0o755), r.mirror(path))
	case kind&os.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return cmp.Or(err, os.Symlink(target, r.path(path)))
	}
	return bind(path, r.path(path), true)
}

// owns tells whether path is one of the container's own, and whether it holds one.
func (r root) owns(path string) (is, holds bool) {
	for _, own := range r.own {
		is = is || own == path
		holds = holds || strings.HasPrefix(own, path+"/")
	}
	return is, holds
}

// bind shows a file or directory in another place.
func bind(from, to string, readOnly bool) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := makePlace(to, info.IsDir()); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil || !readOnly {
		return err
	}
	return unix.MountSetattr(unix.AT_FDCWD, to, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}

// makePlace makes an empty directory or file to mount something on.
func makePlace(to string, dir bool) error {
	if dir {
		return os.MkdirAll(to, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_RDONLY, 0o644)
	return cmp.Or(err, file.Close())
}

const beginning = 3

// becomeContainer is the rest of a process that was started as the first of a process namespace: it takes the directory
// for its file system and becomes the program. With no program it sits there until it is told to go.
//
// File 3 is closed once the program has begun.
func becomeContainer(dir string, argv []string) error {
	unix.CloseOnExec(beginning)
	err := cmp.Or(
		unix.Mount("proc", filepath.Join(dir, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""),
		unix.Chroot(dir),
		os.Chdir("/"),
	)
	if err != nil {
		return err
	}
	if len(argv) == 0 {
		waitForTerm()
	}
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return syscall.Exec(program, argv, os.Environ())
}

func waitForTerm() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGUSR1)
	unix.Close(beginning)
	<-told
	os.Exit(0)
}
