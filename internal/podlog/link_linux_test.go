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

// A file that somebody moves away, as logrotate does, is made anew for the next line.
func TestFileThatIsMovedAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hook.log")
	out, notes := Open(path, Place{})
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	defer out.Close()
	out.Write([]byte("one\n"))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	out.Write([]byte("two\n"))
	if before, now := content(t, path+".1"), content(t, path); before != "one\n" || now != "two\n" || out.Lost() > 0 {
		t.Errorf("%q and %q, lost %d", before, now, out.Lost())
	}
}
