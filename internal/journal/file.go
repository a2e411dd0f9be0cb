package journal

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openOwn opens the file, and makes it if it is not there. The file
// must be our own and nobody else's: /tmp may be shared with other users.
func openOwn(path string) (*os.File, error) {
	// O_NONBLOCK is for the case that a FIFO is there instead. The os package adds
	// O_CLOEXEC, so that no child keeps the lock.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link, expected a regular file", path)
	}
	if err != nil {
		return nil, err
	}
	if err := checkOwn(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return file, nil
}

func checkOwn(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("has mode %v, expected a regular file", info.Mode())
	case int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("is owned by user %d, expected %d", stat.Uid, os.Geteuid())
	case info.Mode()&0o077 != 0:
		return fmt.Errorf("has mode %v, expected nothing for group and others", info.Mode())
	case stat.Nlink > 1: // 0: removed since it was opened, which is no fault
		return fmt.Errorf("has %d links, expected 1", stat.Nlink)
	}
	return nil
}

// tryLock reports false if another run holds the lock.
func tryLock(file *os.File) (bool, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) // it does not wait, so there is no EINTR
	if err != nil && err != unix.EWOULDBLOCK {
		return false, fmt.Errorf("failed to lock %s: %w", file.Name(), err)
	}
	return err == nil, nil
}

// isAt tells whether path still names the open file.
func isAt(path string, file *os.File) bool {
	named, errNamed := os.Lstat(path)
	open, errOpen := file.Stat()
	return errNamed == nil && errOpen == nil && os.SameFile(named, open)
}
