package journal

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is the directory for the record: the explicit one if it is set, else the
// first of tmpdir (the value of TMPDIR, may be empty), /tmp and /dev/shm that
// this process may write to. With a read-only root file system the last is
// often the only one; it belongs to the pod, and outlives its containers.
// Nothing is created. The error names each directory and why it was refused.
func Dir(explicit, tmpdir string) (string, error) {
	if explicit != "" {
		return firstWritable(explicit)
	}
	return firstWritable(tmpdir, "/tmp", "/dev/shm")
}

func firstWritable(dirs ...string) (string, error) {
	var refused []string
	for _, dir := range slices.Compact(dirs) {
		if dir == "" {
			continue
		}
		err := unix.Access(dir+"/.", unix.W_OK|unix.X_OK) // /. is in no file
		if err == nil {
			return dir, nil
		}
		refused = append(refused, fmt.Sprintf("%s: %v", dir, err))
	}
	return "", fmt.Errorf("no directory can be written to (%s)", strings.Join(refused, "; "))
}
