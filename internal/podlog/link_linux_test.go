package podlog

import (
	"os"
	"path/filepath"
	"testing"
)

// A file that became a link after the first line gets no more lines.
func TestFileThatBecomesALink(t *testing.T) {
	dir := t.TempDir()
	path, target := filepath.Join(dir, "hook.log"), filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("kept\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := Open(path, Place{})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	out.Write([]byte("one\n"))
	os.Remove(path)
	os.Symlink(target, path)
	out.Write([]byte("two\n"))
	if got := content(t, target); got != "kept\n" || out.Lost() != 1 {
		t.Errorf("target holds %q, lost %d", got, out.Lost())
	}
}
