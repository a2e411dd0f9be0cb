package journal

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Dirs are the directories for the record, the best first: the explicit one if it is set, else tmpdir (the value of TMPDIR, may
// be empty), /tmp and /dev/shm. With a read-only root file system the last is often the only one that can be written to; it
// belongs to the pod, and outlives its containers.
func Dirs(explicit, tmpdir string) []string {
	if explicit != "" {
		return []string{explicit}
	}
	return slices.Compact(slices.DeleteFunc([]string{tmpdir, "/tmp", "/dev/shm"}, func(dir string) bool { return dir == "" }))
}

// Dir is the first of [Dirs] that this process may write to. Nothing is created. The error names each directory and why it
// was refused.
func Dir(explicit, tmpdir string) (string, error) {
	return firstWritable(Dirs(explicit, tmpdir)...)
}

func firstWritable(dirs ...string) (string, error) {
	var refused []string
	for _, dir := range dirs {
		err := unix.Access(dir+"/.", unix.W_OK|unix.X_OK) // /. is in no file
		if err == nil {
			return dir, nil
		}
		refused = append(refused, fmt.Sprintf("%s: %v", dir, err))
	}
	return "", fmt.Errorf("no directory can be written to (%s)", strings.Join(refused, "; "))
}
