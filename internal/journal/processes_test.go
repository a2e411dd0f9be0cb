package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/testserver"
)

func TestKilledThenResumed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	earliest := now(t)
	first := startHook(t, dir, "p")
	if since := first.expect("fresh", "none"); since != 0 {
		t.Errorf("a fresh run began %v ago, expected 0", since)
	}
	latest := now(t)
	first.do(`record {"step":1}`)
	first.do(`record {"step":2}`)
	first.kill()

	// The third counts from the first too, and finds the second's document.
	for _, step := range []string{`{"step":2}`, `{"step":3}`} {
		before := now(t)
		next := startHook(t, dir, "p")
		since := next.expect("resumed", step)
		if since < before-latest || since > now(t)-earliest {
			t.Errorf("Since is %v, expected between %v and %v", since, before-latest, now(t)-earliest)
		}
		next.do(`record {"step":3}`)
		next.kill()
	}
}

func TestKilledBeforeItRecorded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startHook(t, dir, "p")
	first.expect("fresh", "none")
	first.kill()
	if since := startHook(t, dir, "p").expect("resumed", "none"); since <= 0 {
		t.Errorf("Since is %v, expected more than 0", since)
	}
}

func TestKilledInsideAWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startHook(t, dir, "p")
	first.expect("fresh", "none")
	first.do(`record {"step":1}`)
	first.do(`tear {"doc":{"step":2`)
	first.kill()
	second := startHook(t, dir, "p")
	second.expect("resumed", `{"step":1}`)
	second.do(`record {"step":3}`)
	second.kill()
	startHook(t, dir, "p").expect("resumed", `{"step":3}`)
}

// A run that is killed while it does nothing but record leaves the last
// document that it was told was written, or the next.
func TestKilledWhileRecording(t *testing.T) {
	t.Parallel()
	for range 10 {
		dir := t.TempDir()
		first := startHook(t, dir, "p")
		first.expect("fresh", "none")
		first.tell("spin")
		for range 20 {
			if word, _, _ := first.hear(); word != "recorded" {
				t.Fatalf("hook said %q, expected recorded", word)
			}
		}
		first.cmd.Process.Kill()
		last := 19
		for first.stdout.Scan() && strings.HasPrefix(first.stdout.Text(), "recorded ") {
			last++
		}
		first.cmd.Wait()
		second := startHook(t, dir, "p")
		word, doc, _ := second.hear()
		var got struct{ N, N2 int }
		if err := json.Unmarshal([]byte(doc), &got); err != nil || word != "resumed" {
			t.Fatalf("hook said %q %.40q (%v), expected resumed and a document", word, doc, err)
		}
		if got.N != got.N2 || got.N < last || got.N > last+1 {
			t.Errorf("found document %d (%d), the last one that was acknowledged is %d", got.N, got.N2, last)
		}
		second.kill()
	}
}

func TestSecondJoinsFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startHook(t, dir, "p")
	first.expect("fresh", "none")
	first.do(`record {"step":1}`)
	second := startHook(t, dir, "p")
	if since := second.expect("joining", `{"step":1}`); since <= 0 {
		t.Errorf("joins a run that began %v ago, expected more than 0", since)
	}
	first.do(`record {"step":2}`)
	first.do(`end {"done":true}`)
	if since := second.expect("ended", `{"done":true}`); since <= 0 {
		t.Errorf("joined a run that began %v ago, expected more than 0", since)
	}
	noFiles(t, dir)
	second.tell(`record {}`)
	if word, text, _ := second.hear(); word != "error" || !strings.Contains(text, "no run is being recorded") {
		t.Errorf("a record after the end: %s %s", word, text)
	}
	noFiles(t, dir)
}

func TestFirstDiesWhileSecondWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startHook(t, dir, "p")
	first.expect("fresh", "none")
	second := startHook(t, dir, "p")
	second.expect("joining", "none")
	first.do(`record {"step":2}`)
	first.kill()
	second.expect("resumed", `{"step":2}`)

	// It holds the record like any other run.
	third := startHook(t, dir, "p")
	third.expect("joining", `{"step":2}`)
	second.do(`end "over"`)
	third.expect("ended", `"over"`)
	noFiles(t, dir)
}

func TestEndedLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startHook(t, dir, "p")
	first.expect("fresh", "none")
	first.do(`record {"step":1}`)
	first.do(`end {"step":2}`)
	noFiles(t, dir)
	startHook(t, dir, "p").expect("fresh", "none") // the first still lives, but holds nothing
}

// The end is written, but the run is killed before it could remove the file.
func TestKilledBetweenEndAndRemoval(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startHook(t, dir, "p")
	first.expect("fresh", "none")
	first.do(`write {"doc":{"step":9},"end":true}`)
	waiting := startHook(t, dir, "p")
	waiting.expect("joining", `{"step":9}`)
	first.kill()
	waiting.expect("fresh", "none") // it came after the end
}

// The directory is cleaned up under a run and one that waits for it: the latter
// turns to what is there now, and says once that it waits.
func TestFileGoneUnderTheOneThatWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startHook(t, dir, "p")
	first.expect("fresh", "none")
	first.do("record 1")
	second := startHook(t, dir, "p")
	second.expect("joining", "1")
	if err := os.Remove(fileOf(dir, Key{someContainer, "p"})); err != nil {
		t.Fatal(err)
	}
	third := startHook(t, dir, "p")
	third.expect("fresh", "none")
	third.do("record 3")
	fourth := startHook(t, dir, "p")
	fourth.expect("joining", "3")
	first.kill()
	second.awaitOpen(fileOf(dir, Key{someContainer, "p"}))
	third.do("end 4")
	switch word, doc, _ := second.hear(); {
	case word == "ended" && doc == "4":
	case word == "fresh": // the end came between its opening the file and looking at it
		second.do("end 5")
	default:
		t.Errorf("the one that waited said %q %q, expected ended 4", word, doc)
	}
	fourth.expect("ended", "4")
	noFiles(t, dir)
}

// awaitOpen returns when the hook has the file at path open.
func (h *hook) awaitOpen(path string) {
	h.t.Helper()
	fds := fmt.Sprintf("/proc/%d/fd", h.cmd.Process.Pid)
	for poll, late := time.Tick(time.Millisecond), time.After(aLongTime); ; {
		entries, err := os.ReadDir(fds)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range entries {
			if at, _ := os.Readlink(fds + "/" + e.Name()); at == path { // else "PATH (deleted)"
				return
			}
		}
		select {
		case <-poll:
		case <-late:
			h.t.Fatal("the hook never opened ", path)
		}
	}
}

func TestTenAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hooks := make([]*hook, 10)
	for i := range hooks {
		hooks[i] = startHook(t, dir, "p")
	}
	var runs []*hook
	var joined []*hook
	for _, h := range hooks {
		switch word, text, _ := h.hear(); word {
		case "fresh":
			runs = append(runs, h)
		case "joining":
			joined = append(joined, h)
		default:
			t.Errorf("hook said %q %q", word, text)
		}
	}
	if len(runs) != 1 || len(joined) != 9 {
		t.Fatalf("%d run and %d join, expected 1 and 9", len(runs), len(joined))
	}
	runs[0].do(`end {"by":"one"}`)
	for _, h := range joined {
		h.expect("ended", `{"by":"one"}`)
	}
	noFiles(t, dir)
}

// Nine wait when the one that runs is killed: one goes on, eight wait for it.
func TestTenAtOnceAndTheFirstDies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startHook(t, dir, "p")
	first.expect("fresh", "none")
	first.do(`record 1`)
	hooks := make([]*hook, 9)
	for i := range hooks {
		hooks[i] = startHook(t, dir, "p")
		hooks[i].expect("joining", "1")
	}
	first.kill()
	type line struct {
		text string
		from *hook
	}
	lines := make(chan line, len(hooks))
	for _, h := range hooks {
		go func() {
			h.stdout.Scan()
			lines <- line{h.stdout.Text(), h}
		}()
	}
	got := <-lines
	if !strings.HasPrefix(got.text, "resumed 1 ") {
		t.Fatalf("the first of the nine said %q, expected resumed 1", got.text)
	}
	got.from.do("end 2")
	for range 8 {
		if got := <-lines; !strings.HasPrefix(got.text, "ended 2 ") {
			t.Errorf("one that waited said %q, expected ended 2", got.text)
		}
	}
	noFiles(t, dir)
}

func TestOtherPlanIsAnotherRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startHook(t, dir, "one").expect("fresh", "none")
	startHook(t, dir, "two").expect("fresh", "none")
}

func nobody(t *testing.T) func(*exec.Cmd) {
	if os.Geteuid() != 0 {
		testserver.Lacks(t, "needs root")
	}
	return func(c *exec.Cmd) { c.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534} }
}

// mounted gives the hook a mount of the named kind at its directory.
func mounted(t *testing.T, how string) func(*exec.Cmd) {
	if os.Geteuid() != 0 {
		testserver.Lacks(t, "needs root")
	}
	return func(c *exec.Cmd) {
		c.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
		c.Env = append(c.Env, hookEnv+"_MOUNT="+how)
	}
}

func (h *hook) expectError(part string) {
	h.t.Helper()
	word, text, _ := h.hear()
	if strings.HasPrefix(text, "mount: ") {
		testserver.Lacks(h.t, "cannot mount: %s", text)
	}
	if word != "error" || !strings.Contains(text, part) {
		h.t.Errorf("hook said %q %q, expected an error with %q", word, text, part)
	}
}

func TestDirectoryOfAnother(t *testing.T) {
	t.Parallel()
	dir := openToAll(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	startHook(t, dir, "p", nobody(t)).expectError(dir + ": permission denied")
}

func TestOrdinaryUserInATemporaryDirectory(t *testing.T) {
	t.Parallel()
	dir := openToAll(t)
	first := startHook(t, dir, "p", nobody(t))
	first.expect("fresh", "none")
	first.kill()
	startHook(t, dir, "p", nobody(t)).expect("resumed", "none")
	// Root does not believe it. The kernel may refuse first (fs.protected_regular).
	startHook(t, dir, "p").expectError("")
}

func TestPlantedByAnotherUser(t *testing.T) {
	t.Parallel()
	dir := openToAll(t)
	first := startHook(t, dir, "p", nobody(t))
	first.expect("fresh", "none")
	first.kill()
	if err := os.Chmod(dir, 0o777); err != nil { // so that fs.protected_regular says nothing
		t.Fatal(err)
	}
	startHook(t, dir, "p").expectError("is owned by user 65534, expected 0")
}

// openToAll is a directory like /tmp that every user can reach.
func openToAll(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "journal")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReadOnlyMount(t *testing.T) {
	t.Parallel()
	startHook(t, t.TempDir(), "p", mounted(t, "read-only")).expectError("read-only file system")
}

func TestFullFileSystem(t *testing.T) {
	t.Parallel()
	startHook(t, t.TempDir(), "p", mounted(t, "full")).expectError("no space left on device")
}

// A record that no longer fits is an error each time, and the run can still end.
func TestFileSystemFillsUp(t *testing.T) {
	t.Parallel()
	h := startHook(t, t.TempDir(), "p", mounted(t, "small"))
	word, text, _ := h.hear()
	if word != "fresh" {
		testserver.Lacks(t, "cannot mount: %s", text)
	}
	for range 2 {
		h.tell("fill")
		h.expectError("no space left on device")
	}
	h.tell(`end "over"`)
	word, text, _ = h.hear()
	if word == "error" && !strings.Contains(text, "no space left on device") {
		t.Errorf("the end: %s", text)
	}
	h.tell("record 1")
	h.expectError("no run is being recorded")
}

// A child that a step has left behind must not keep the lock.
func TestLockIsNotInherited(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, someKey)
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), hookEnv+"="+t.TempDir())
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer stdin.Close()
	j.cut()
	next := mustOpen(t, dir, someKey)
	if !next.resumed {
		t.Errorf("found %s, expected to go on from the first", found(next))
	}
}
