package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
)

// The test binary, run again with this variable, is a hook: it opens the
// journal in the directory that the variable names, says what it found, and
// does what its stdin says, a line for a line.
const hookEnv = "JOURNAL_TEST_HOOK"

func TestMain(m *testing.M) {
	dir := os.Getenv(hookEnv)
	if dir == "" {
		_ = os.Chmod("/proc/self/exe", 0o755) // for hooks of other users, whatever the umask
		os.Exit(m.Run())
	}
	if err := hookMain(dir); err != nil {
		fmt.Println("error", err)
	}
}

func hookMain(dir string) error {
	if err := mountIn(dir, os.Getenv(hookEnv+"_MOUNT")); err != nil {
		return err
	}
	dirs, _ := Dirs(dir, "")
	chosen, err := Dir(dirs)
	if err != nil {
		return err
	}
	key := Key{Container: someContainer, Plan: os.Getenv(hookEnv + "_PLAN")}
	j, err := Open(context.Background(), chosen, key, 0, time.Minute, func(doc json.RawMessage, since time.Duration) {
		fmt.Printf("joining %s %d\n", orNone(doc), since)
	})
	if err != nil {
		return err
	}
	fmt.Println(found(j))
	stdin := bufio.NewScanner(os.Stdin)
	for stdin.Scan() {
		if err := hookDo(j, stdin.Text()); err != nil {
			fmt.Println("error", err)
		} else {
			fmt.Println("ok")
		}
	}
	return stdin.Err()
}

func hookDo(j *Journal, line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	switch verb {
	case "record":
		return j.Record(json.RawMessage(arg))
	case "end":
		return j.End(json.RawMessage(arg))
	case "tear": // as a SIGKILL inside write(2) does
		_, err := j.file.WriteString(arg)
		return err
	case "write": // a line as it is
		_, err := j.file.WriteString(arg + "\n")
		return err
	case "fill": // the file system
		for i := 0; ; i++ {
			if err := j.Record(strings.Repeat("x", 500)); err != nil {
				return err
			}
		}
	case "spin": // records until it is killed, saying so each time
		for i := 0; ; i++ {
			doc := map[string]any{"n": i, "pad": strings.Repeat("x", 300), "n2": i}
			if err := j.Record(doc); err != nil {
				return err
			}
			fmt.Println("recorded", i)
		}
	}
	return fmt.Errorf("no such verb: %s", verb)
}

// mountIn changes what is mounted at dir for this process, which must have a
// mount namespace of its own.
func mountIn(dir, how string) error {
	switch how {
	case "read-only":
		if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount: %w", err)
		}
		return unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	case "small", "full":
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
			return fmt.Errorf("mount: %w", err)
		}
	}
	if how == "full" {
		os.WriteFile(dir+"/filler", make([]byte, 1<<20), 0o600) // as much as fits
	}
	return nil
}

func found(j *Journal) string {
	doc := j.ended
	if all := j.documents; len(all) > 0 {
		doc = all[len(all)-1]
	}
	switch {
	case j.ended != nil:
		return fmt.Sprintf("ended %s %d", orNone(doc), j.since)
	case j.resumed:
		return fmt.Sprintf("resumed %s %d", orNone(doc), j.since)
	default:
		return fmt.Sprintf("fresh %s %d", orNone(doc), j.since)
	}
}

func orNone(doc json.RawMessage) string {
	if doc == nil {
		return "none"
	}
	return string(doc)
}

const someContainer proc.Container = "b pid:[1] mnt:[2] 1 77"

// hook is a process that runs hookMain.
type hook struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Scanner
}

func startHook(t *testing.T, dir, plan string, change ...func(*exec.Cmd)) *hook {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), hookEnv+"="+dir, hookEnv+"_PLAN="+plan)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	for _, f := range change {
		f(cmd)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &hook{t: t, cmd: cmd, stdin: stdin, stdout: bufio.NewScanner(stdout)}
	t.Cleanup(h.kill)
	return h
}

// kill is SIGKILL, and returns when the process is gone.
func (h *hook) kill() {
	if h.cmd.ProcessState == nil {
		h.cmd.Process.Kill()
		h.cmd.Wait()
	}
}

func (h *hook) tell(line string) {
	h.t.Helper()
	if _, err := fmt.Fprintln(h.stdin, line); err != nil {
		h.t.Fatal(err)
	}
}

// hear returns the next line in its words.
func (h *hook) hear() (word, doc string, since time.Duration) {
	h.t.Helper()
	if !h.stdout.Scan() {
		h.t.Fatalf("hook said nothing more: %v", h.stdout.Err())
	}
	word, rest, _ := strings.Cut(h.stdout.Text(), " ")
	if word == "error" {
		return word, rest, 0
	}
	fmt.Sscan(rest, &doc, &since)
	return word, doc, since
}

func (h *hook) expect(word, doc string) time.Duration {
	h.t.Helper()
	gotWord, gotDoc, since := h.hear()
	if gotWord != word || gotDoc != doc {
		h.t.Fatalf("hook said %q %q, expected %q %q", gotWord, gotDoc, word, doc)
	}
	return since
}

func (h *hook) do(line string) {
	h.t.Helper()
	h.tell(line)
	h.expect("ok", "")
}

func now(t *testing.T) time.Duration {
	t.Helper()
	d, err := proc.SinceBoot()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func noFiles(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) > 0 {
		t.Errorf("%s holds %v, expected nothing", dir, entries)
	}
}
