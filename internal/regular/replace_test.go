package regular

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testserver"
	"golang.org/x/sys/unix"
)

func text(s string) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.WriteString(s)
		return err
	}
}

// ways are those in which a file is made: without a name where the file system can, and with one anywhere.
var ways = map[string]func(string, fs.FileMode, func(*os.File) error) error{"unnamed": replaceUnnamed, "named": replaceNamed, "either": Replace}

func TestReplace(t *testing.T) {
	t.Parallel()
	for way, replace := range ways {
		for name, put := range map[string]func(path, other string) error{
			"nothing":         func(path, other string) error { return nil },
			"a file":          func(path, other string) error { return os.WriteFile(path, []byte("a longer text"), 0o000) },
			"a link":          func(path, other string) error { return os.Symlink(other, path) },
			"a dangling link": func(path, other string) error { return os.Symlink(other+"-not", path) },
			"a hard link":     func(path, other string) error { return os.Link(other, path) },
		} {
			t.Run(way+", "+name, func(t *testing.T) {
				t.Parallel()
				other, path := filepath.Join(t.TempDir(), "other"), filepath.Join(t.TempDir(), "x")
				if err := errors.Join(os.WriteFile(other, []byte("mine"), 0o600), put(path, other)); err != nil {
					t.Fatal(err)
				}
				if err := replace(path, 0o751, text("new")); err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(path)
				if info, _ := os.Lstat(path); err != nil || string(got) != "new" || info.Mode() != 0o751 {
					t.Errorf("%q, %v, %v", got, info.Mode(), err)
				}
				if got, _ := os.ReadFile(other); string(got) != "mine" {
					t.Errorf("what the link leads to holds %q", got)
				}
				expectAlone(t, path, other)
			})
		}
	}
}

// expectAlone wants nothing beside these files.
func expectAlone(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
			t.Errorf("%v, %v; expected %s alone", all, err, path)
		}
	}
}

var errNoDevice = errors.New("no device can be made here")

func TestReplaceRefuses(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(path string) error{
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"a FIFO":      func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a socket":    func(path string) error { return unix.Mknod(path, unix.S_IFSOCK|0o600, 0) },
		"a device": func(path string) error {
			err := unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
			if err == unix.EPERM { // needs CAP_MKNOD: a link to it will not do, for a link is replaced
				return errNoDevice
			}
			return err
		},
	} {
		path := filepath.Join(t.TempDir(), "x")
		if err := put(path); err == errNoDevice {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		before, _ := os.Lstat(path)
		err := Replace(path, 0o600, text("new"))
		if _, ok := errors.AsType[*KindError](err); !ok || err.Error() != path+": expected a file, found "+name {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s is another now: %v", name, err)
		}
		expectAlone(t, path)
	}
}

func TestReplaceFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("no more of it")
	for way, replace := range ways {
		for _, fail := range []error{failed, unix.ENOSPC} {
			err := replace(path, 0o600, func(f *os.File) error { return errors.Join(text("ne")(f), fail) })
			if !errors.Is(err, fail) || strings.Contains(err.Error(), ".prestop-") {
				t.Errorf("%s: %v, expected %v", way, err, fail)
			}
			if got, _ := os.ReadFile(path); string(got) != "old" {
				t.Errorf("%s: the file holds %q", way, got)
			}
			expectAlone(t, path)
		}
	}
	err := Replace(path+"/y", 0o600, text("new"))
	if pathError, ok := errors.AsType[*fs.PathError](err); !ok || pathError.Path != path+"/y" || !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("below a file: %v", err)
	}
	if err := Replace(path+"-not/y", 0o600, text("new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

// In a directory whose own path is nearly as long as a path may be, there is room for x, but not for the temporary name.
func TestReplaceWithoutRoomForAName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for room := unix.PathMax - len(dir) - 10; room > 1; room = unix.PathMax - len(dir) - 10 {
		dir += "/" + strings.Repeat("d", min(room-1, 200))
	}
	path := dir + "/x"
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(path, []byte("old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for way, replace := range ways {
		if err := replace(path, 0o600, text("new")); !errors.Is(err, unix.ENAMETOOLONG) {
			t.Errorf("%s: %v, expected that the name is too long", way, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
			t.Errorf("%s: the file holds %q (%v)", way, got, err)
		}
		expectAlone(t, path)
	}
}

// The test binary is also a process that is killed while it writes the file that the variable names.
const killedHere = "PRESTOP_TEST_REPLACE"

func init() {
	path := os.Getenv(killedHere)
	if path == "" {
		return
	}
	Replace(path, 0o600, func(f *os.File) error {
		f.WriteString("ne")
		fmt.Println("writing")
		<-time.After(time.Minute) // if the test has failed to kill it
		return nil
	})
}

func TestReplaceKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if file, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_WRONLY, 0o600); err != nil {
		testserver.Lacks(t, "no files without a name here: %v", err)
	} else {
		file.Close()
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedHere+"="+dir+"/x")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	cmd.Process.Kill()
	cmd.Wait()
	if line != "writing\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if all, err := os.ReadDir(dir); len(all) > 0 {
		t.Errorf("left: %v, %v", all, err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, nil, 0o000); err != nil {
		t.Fatal(err)
	}
	if was, err := Remove(path); !was || err != nil {
		t.Errorf("a file: %v, %v", was, err)
	}
	if was, err := Remove(path); was || err != nil {
		t.Errorf("nothing: %v, %v", was, err)
	}
	if err := os.Symlink("/etc/passwd", path); err != nil {
		t.Fatal(err)
	}
	if was, err := Remove(path); was || err == nil || !strings.Contains(err.Error(), "found a symbolic link") {
		t.Errorf("a link: %v, %v", was, err)
	}
	if was, err := Remove("/proc/version"); was || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("not ours to remove: %v, %v", was, err)
	}
}
