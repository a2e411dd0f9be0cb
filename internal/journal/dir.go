package journal

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/regular"
)

// Dirs are the directories for the record, the best first: the explicit one if it is set, else tmpdir (the value of TMPDIR, may
// be empty), /tmp and /dev/shm. With a read-only root file system, often only /dev/shm can be written to. /dev/shm belongs to the
// pod, and outlives its containers. If [Local] says that the explicit one is not local, it is refused, and the others are used instead.
func Dirs(explicit, tmpdir string) (dirs []string, refused error) {
	if explicit != "" {
		if err := Local(explicit); !errors.Is(err, errNotLocal) {
			return []string{explicit}, nil
		}
		refused = fmt.Errorf("%s: %w", explicit, errNotLocal)
	}
	return slices.Compact(slices.DeleteFunc([]string{tmpdir, "/tmp", "/dev/shm"}, func(dir string) bool { return dir == "" })), refused
}

// Local returns an error for a directory on a file system whose server may stop answering (FUSE, NFS). Such a directory is not used,
// since a record stays open. When a process ends, the kernel sends such a server a flush for each open file. Nothing ends the wait
// for the answer, not even SIGKILL (fs/fuse/file.c, fuse_flush).
func Local(dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return err
	}
	if fs.Type == unix.FUSE_SUPER_MAGIC || fs.Type == unix.NFS_SUPER_MAGIC {
		return errNotLocal
	}
	return nil
}

// room returns an error for a directory on a file system that is full, or that has as many files as it can. Where there is no such
// limit, the file system says that it has no blocks, or no files.
func room(dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return err
	}
	free := fs.Bavail
	if os.Geteuid() == 0 { // for root, some blocks are set aside
		free = fs.Bfree
	}
	if fs.Blocks > 0 && free == 0 || fs.Files > 0 && fs.Ffree == 0 {
		return unix.ENOSPC
	}
	return nil
}

// errNotLocal is the error of [Local] for a file system that a server provides.
var errNotLocal = errors.New("its file system is not this node's own")

// Dir is the first of these directories that this process may write to, and that has room. Nothing is created. The error names each
// directory and why it was refused.
func Dir(dirs []string) (string, error) {
	var refused []string
	for _, dir := range dirs {
		err := regular.Writable(dir)
		if err == nil {
			err = Local(dir)
		}
		if err == nil {
			err = room(dir)
		}
		if err == nil {
			return dir, nil
		}
		refused = append(refused, fmt.Sprintf("%s: %v", dir, err))
	}
	return "", fmt.Errorf("no directory can be written to (%s)", strings.Join(refused, "; "))
}
