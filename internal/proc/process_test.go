package proc

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stat is a line of /proc/PID/stat with what matters in it.
func stat(name, state string, threads, started string) string {
	return "20 (" + name + ") " + state + " 7" + strings.Repeat(" 1", 15) + " " + threads + " 0 " + started + " 0 0\n"
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"app", "", " ", ")", "(", ") (", "a (b) c", ") S 0 (", "a\nb", "\x00\xff", "20 (x) Z"} {
		proc := fakeProc(t, 30)
		put(t, proc, "20/stat", stat(name, "S", "3", "510"))
		p, err := Read(proc, "20")
		want := Process{PID: 20, Parent: 7, Group: 1, Started: 510, Name: name, state: 'S', threads: 3}
		if err != nil || p != want {
			t.Errorf("%q: %+v, %v; expected %+v", name, p, err, want)
		}
	}
}

func TestReadSelf(t *testing.T) {
	t.Parallel()
	p, err := Read("", "self")
	if err != nil || p.PID != os.Getpid() || p.Parent != os.Getppid() || p.Started == 0 {
		t.Errorf("%+v, %v; expected %d, child of %d", p, err, os.Getpid(), os.Getppid())
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer stdin.Close()
	p, err := Read("", strconv.Itoa(cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	age, err := p.Age()
	if most := time.Since(begin) + 10*time.Millisecond; err != nil || age < 0 || age > most {
		t.Errorf("%v, %v; expected at most %v", age, err, most)
	}
	if older, err := (Process{Started: p.Started - 100}).Age(); err != nil || older < age+time.Second {
		t.Errorf("%v, %v; expected a second more than %v", older, err, age)
	}
}

func TestLives(t *testing.T) {
	t.Parallel()
	p := Process{PID: 20, Started: 510}
	for name, tt := range map[string]struct {
		stat string
		want bool
		fail bool
	}{
		"sleeps":                           {stat("a", "S", "1", "510"), true, false},
		"runs":                             {stat("a", "R", "9", "510"), true, false},
		"is stopped":                       {stat("a", "T", "1", "510"), true, false},
		"a zombie":                         {stat("a", "Z", "1", "510"), false, false},
		"dead":                             {stat("a", "X", "0", "510"), false, false},
		"a zombie's threads":               {stat("a", "Z", "2", "510"), true, false},
		"its name says zombie":             {stat("a) Z", "S", "1", "510"), true, false},
		"its pid is another's":             {stat("a", "S", "1", "511"), false, false},
		"its pid is an older one's":        {stat("a", "S", "1", "509"), false, false},
		"gone":                             {"", false, false},
		"what is there cannot be read":     {"20 (a) S", false, true},
		"what is there has words for ints": {stat("a", "S", "one", "510"), false, true},
	} {
		proc := fakeProc(t, 30)
		if tt.stat != "" {
			put(t, proc, "20/stat", tt.stat)
		}
		if lives, err := p.Lives(proc); lives != tt.want || (err != nil) != tt.fail {
			t.Errorf("%s: %v, %v; expected %v", name, lives, err, tt.want)
		}
	}
}

func TestLivesOfARealProcess(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	p, err := Read("", strconv.Itoa(pid))
	if err != nil {
		t.Fatal(err)
	}
	if lives, err := p.Lives(""); !lives || err != nil {
		t.Errorf("%v, %v; expected that it lives", lives, err)
	}
	stdin.Close()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if lives, err := p.Lives(""); lives || err != nil {
		t.Errorf("%v, %v; expected that a zombie does not live", lives, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if lives, err := p.Lives(""); lives || err != nil {
		t.Errorf("%v, %v; expected that it has ended", lives, err)
	}
	if _, err := Read("", strconv.Itoa(pid)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, expected %v", err, fs.ErrNotExist)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add(stat("a) S 0 (b", "S", "1", "900"))
	f.Add("1 (x) S")
	f.Add(") (")
	f.Add("1 ()")
	f.Add("")
	f.Fuzz(func(t *testing.T, stat string) {
		p, err := parseStat(stat)
		if err != nil && p != (Process{}) {
			t.Errorf("%+v with %v", p, err)
		}
		if err == nil && (p.before(p) || !strings.Contains(stat, " ("+p.Name+")")) {
			t.Errorf("%+v is before itself, or has a name that is not there", p)
		}
	})
}

// Of all that procfs has, only processes are listed, this one among them.
func TestPIDs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"1", "20", "self", "3x", "sys"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	all, err := PIDs(dir)
	if slices.Sort(all); err != nil || !slices.Equal(all, []string{"1", "20"}) {
		t.Errorf("%q, %v", all, err)
	}
	if all, err := PIDs(filepath.Join(dir, "none")); err == nil || len(all) > 0 {
		t.Errorf("of no procfs: %q, %v", all, err)
	}
	if all, err := PIDs(""); err != nil || !slices.Contains(all, strconv.Itoa(os.Getpid())) {
		t.Errorf("this process is not among %q, %v", all, err)
	}
}
