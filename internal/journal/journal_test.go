package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/testserver"
)

var someKey = Key{Container: someContainer, Plan: "wait 5s"}

func fileOf(dir string, key Key) string {
	return filepath.Join(dir, "prestop-"+key.hash()+".journal")
}

const aLongTime = time.Minute

func mustOpen(t *testing.T, dir string, key Key) *Journal {
	t.Helper()
	j, err := Open(t.Context(), dir, key, 0, aLongTime, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if j.file != nil {
			j.file.Close()
		}
	})
	return j
}

// cut leaves the record as a SIGKILL does.
func (j *Journal) cut() { j.file.Close() }

func expectFound(t *testing.T, j *Journal, want string) {
	t.Helper()
	if got := found(j); !strings.HasPrefix(got, want+" ") {
		t.Errorf("found %q, expected %q", got, want)
	}
}

func mustRecord(t *testing.T, j *Journal, docs ...string) {
	t.Helper()
	for _, doc := range docs {
		if err := j.Record(json.RawMessage(doc)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsAnotherRecord(t *testing.T) {
	t.Parallel()
	change := map[string]func(*Key){
		"plan":      func(k *Key) { k.Plan = "wait 6s" },
		"container": func(k *Key) { k.Container = "b pid:[1] mnt:[2] 1 78" },
	}
	for name, f := range change {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			first := mustOpen(t, dir, someKey)
			mustRecord(t, first, "1")
			first.cut()
			key := someKey
			f(&key)
			expectFound(t, mustOpen(t, dir, key), "fresh none")

			// Nor does another's file count under our name.
			data, err := os.ReadFile(fileOf(dir, someKey))
			if err != nil {
				t.Fatal(err)
			}
			other := t.TempDir()
			if err := os.WriteFile(fileOf(other, key), data, 0o600); err != nil {
				t.Fatal(err)
			}
			expectFound(t, mustOpen(t, other, key), "fresh none")
		})
	}
}

func TestNoContainer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if j, err := Open(t.Context(), dir, Key{Plan: "p"}, 0, aLongTime, nil); err == nil || j != nil {
		t.Errorf("opened %v, expected an error", j)
	}
	noFiles(t, dir)
}

func TestExpires(t *testing.T) {
	t.Parallel()
	const start, keep = 1000 * time.Second, 30 * time.Second
	rows := map[string]struct {
		now  time.Duration
		want string
	}{
		"same instant":      {start, "resumed 1 0"},
		"last nanosecond":   {start + keep - 1, "resumed 1 29999999999"},
		"expired":           {start + keep, "fresh none 0"},
		"long ago":          {start + 1000*keep, "fresh none 0"},
		"before its start":  {start - 1, "fresh none 0"},
		"counted from zero": {0, "fresh none 0"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "j")
			first := openAt(t, path, start, keep)
			mustRecord(t, first, "1")
			first.cut()
			second := openAt(t, path, row.now, keep)
			if got := found(second); got != row.want {
				t.Errorf("found %q, expected %q", got, row.want)
			}
			mustRecord(t, second, "2")
			second.cut()
			expectFound(t, openAt(t, path, row.now, keep), "resumed 2")
		})
	}
}

func openAt(t *testing.T, path string, now, keep time.Duration) *Journal {
	t.Helper()
	o := opening{path: path, key: "k", keep: keep, now: func() (time.Duration, error) { return now, nil }}
	j, err := o.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.file.Close() })
	return j
}

// A later run's own keep does not make an earlier record count for longer.
func TestHeaderIsKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	openAt(t, path, 100*time.Second, 10*time.Second).cut()
	openAt(t, path, 105*time.Second, time.Hour).cut()
	if got := found(openAt(t, path, 109*time.Second, time.Hour)); got != "resumed none 9000000000" {
		t.Errorf("found %q", got)
	}
	// Still held when it expires: the holder hangs.
	o := opening{path: path, key: "k", keep: time.Hour, now: func() (time.Duration, error) { return 111 * time.Second, nil }}
	if j, err := o.open(t.Context()); err == nil || !strings.Contains(err.Error(), "should have ended") {
		t.Errorf("opened %v, %v, expected that the holder should have ended", j, err)
	}
}

// The holder is waited for until its own record expires.
func TestHolderThatHangs(t *testing.T) {
	t.Parallel()
	dir, start := t.TempDir(), now(t)
	holder, err := Open(t.Context(), dir, someKey, 0, makeRoom, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.cut()
	if j, err := Open(t.Context(), dir, someKey, 0, time.Hour, nil); err == nil || !strings.Contains(err.Error(), "should have ended") {
		t.Errorf("opened %v, %v, expected that the holder should have ended", j, err)
	}
	if now(t) < start+makeRoom {
		t.Error("gave up too early")
	}
}

// Somebody removes the file each time that it is made.
func TestFileIsAlwaysReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	o := opening{path: path, key: "k", keep: time.Hour, now: func() (time.Duration, error) { return time.Second, os.Remove(path) }}
	if j, err := o.open(t.Context()); err == nil || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("opened %v, %v, expected that it was replaced", j, err)
	}
}

// A holder without a header is given as long as a run may take.
func TestHolderThatNeverBegins(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	holder, err := openOwn(path)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if free, err := tryLock(holder); !free || err != nil {
		t.Fatal(free, err)
	}
	told := 0
	o := opening{path: path, key: "k", keep: time.Millisecond, now: proc.SinceBoot, joining: func(doc json.RawMessage, since time.Duration) {
		if told++; doc != nil || since != 0 {
			t.Errorf("joins a run at %s since %v, expected nothing known", doc, since)
		}
	}}
	if j, err := o.open(t.Context()); err == nil || !strings.Contains(err.Error(), "should have ended") {
		t.Errorf("opened %v, %v, expected that the holder should have ended", j, err)
	}
	if told != 1 {
		t.Errorf("told %d times, expected once", told)
	}
}

func TestContextEndsTheWait(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustOpen(t, dir, someKey)
	cause := errors.New("the deadline of the hook")
	ctx, cancel := context.WithCancelCause(t.Context())
	j, err := Open(ctx, dir, someKey, 0, aLongTime, func(json.RawMessage, time.Duration) { cancel(cause) })
	if j != nil || !errors.Is(err, cause) {
		t.Errorf("opened %v, %v, expected the cause", j, err)
	}
	if _, err := Open(ctx, t.TempDir(), someKey, 0, aLongTime, nil); !errors.Is(err, cause) {
		t.Errorf("opened after the context's end: %v", err)
	}
}

// What was written is cut at each of its bytes, as kills and full disks do. The
// next run finds a document that was written whole, and the last such; and what
// it then records is found by the one after it.
func TestCutAtEachByte(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	j := mustOpen(t, source, someKey)
	docs := []string{`{"a":1}`, `{"a":[1,2,{"b":"}\n\u000a"}]}`, `"text"`, `{"a":1234}`}
	mustRecord(t, j, docs...)
	data, err := os.ReadFile(fileOf(source, someKey))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for size := range len(data) + 1 {
		if err := os.WriteFile(fileOf(dir, someKey), data[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		want := "fresh none"
		if whole := strings.Count(string(data[:size]), "\n"); whole == 1 {
			want = "resumed none"
		} else if whole > 1 {
			want = "resumed " + compact(t, docs[whole-2])
		}
		next := mustOpen(t, dir, someKey)
		expectFound(t, next, want)
		mustRecord(t, next, `"next"`)
		next.cut()
		after := mustOpen(t, dir, someKey)
		expectFound(t, after, `resumed "next"`)
		if err := after.End("over"); err != nil {
			t.Fatal(err)
		}
		noFiles(t, dir)
	}
}

func compact(t *testing.T, doc string) string {
	t.Helper()
	out, err := json.Marshal(json.RawMessage(doc))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestUnreadableRecords(t *testing.T) {
	t.Parallel()
	head := fmt.Sprintf(`{"key":%q,"start":1,"until":%d}`+"\n", someKey.hash(), int64(1)<<62)
	rows := map[string]struct{ data, want string }{
		"header alone":           {head, "resumed none"},
		"garbage":                {"garbage", "fresh none"},
		"garbage line":           {"garbage\n", "fresh none"},
		"zero bytes":             {strings.Repeat("\x00", 4096), "fresh none"},
		"empty line first":       {"\n" + head, "fresh none"},
		"array for a header":     {"[]\n" + head, "fresh none"},
		"document, no header":    {`{"doc":1}` + "\n", "fresh none"},
		"start is text":          {strings.Replace(head, `"start":1`, `"start":"1"`, 1), "fresh none"},
		"start overflows":        {strings.Replace(head, `"start":1`, `"start":1e30`, 1), "fresh none"},
		"start is negative":      {strings.Replace(head, `"start":1`, `"start":-1`, 1), "fresh none"},
		"garbage between":        {head + `{"doc":1}` + "\n{\"do\n\n\x00\n", "resumed 1"},
		"garbage, then document": {head + "garbage\n" + `{"doc":2}` + "\n", "resumed 2"},
		"no document in line":    {head + `{"doc":1}` + "\n{}\nnull\n{\"end\":true}\n", "resumed 1"},
		"null document":          {head + `{"doc":null}` + "\n", "resumed null"},
		"ended":                  {head + `{"doc":1,"end":true}` + "\n", "fresh none"},
		"ended, end torn":        {head + `{"doc":1}` + "\n" + `{"doc":2,"end":true}`, "resumed 1"},
		"too long":               {head + `{"doc":1}` + "\n" + strings.Repeat(" ", maxRead), "fresh none"},
		"a long torn line":       {head + `{"doc":1}` + "\n" + strings.Repeat(" ", maxRecord), "resumed 1"},
		"deep":                   {head + `{"doc":1}` + "\n" + `{"doc":` + strings.Repeat("[", 20000) + "\n", "resumed 1"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(fileOf(dir, someKey), []byte(row.data), 0o600); err != nil {
				t.Fatal(err)
			}
			expectFound(t, mustOpen(t, dir, someKey), row.want)
		})
	}
}

func TestRecordIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, someKey)
	mustRecord(t, j, `"small"`)
	if err := j.Record(strings.Repeat("x", maxRecord)); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("a large document: %v, expected that the record is full", err)
	}
	if err := j.Record(make(chan int)); err == nil {
		t.Error("recorded a channel")
	}
	if err := j.Record(json.RawMessage("{")); err == nil {
		t.Error("recorded half a document")
	}
	j.cut()
	next := mustOpen(t, dir, someKey)
	expectFound(t, next, `resumed "small"`)
	if err := next.End(strings.Repeat("x", maxRecord)); err != nil { // the end has room of its own
		t.Error(err)
	}
	noFiles(t, dir)
}

// The file goes and the lock is free even if the last document is no good.
func TestEndAlwaysEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := mustOpen(t, dir, someKey)
	mustRecord(t, j, "1")
	if err := j.End(make(chan int)); err == nil {
		t.Error("ended with a channel")
	}
	noFiles(t, dir)
	for _, err := range []error{j.Record(1), j.End(1)} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("after the end: %v, expected fs.ErrClosed", err)
		}
	}
	expectFound(t, mustOpen(t, dir, someKey), "fresh none")
}

// Somebody cleans up the directory under a run, and another run begins there.
func TestEndRemovesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := mustOpen(t, dir, someKey)
	if err := os.Remove(fileOf(dir, someKey)); err != nil {
		t.Fatal(err)
	}
	second := mustOpen(t, dir, someKey)
	mustRecord(t, second, "2")
	if err := first.End("over"); err != nil {
		t.Error(err)
	}
	second.cut()
	expectFound(t, mustOpen(t, dir, someKey), "resumed 2")
}

func TestFilePermissions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustOpen(t, dir, someKey)
	info, err := os.Stat(fileOf(dir, someKey))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode %v, expected 0600", info.Mode())
	}
}

// Whatever else is at the path is refused at once, and is left as it was.
func TestSomethingElseInTheWay(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		plant func(path string) error
		want  string
	}{
		"symlink to a file": {func(p string) error {
			os.WriteFile(p+".target", nil, 0o600)
			return os.Symlink(p+".target", p)
		}, "is a symbolic link, expected a regular file"},
		"dangling symlink": {func(p string) error { return os.Symlink(p+".target", p) }, "is a symbolic link"},
		"FIFO":             {func(p string) error { return unix.Mkfifo(p, 0o600) }, "expected a regular file"},
		"directory":        {func(p string) error { return os.Mkdir(p, 0o700) }, "is a directory"},
		"readable by the group": {func(p string) error {
			os.WriteFile(p, nil, 0o600)
			return os.Chmod(p, 0o640)
		}, "has mode -rw-r-----, expected nothing for group and others"},
		"second link": {func(p string) error {
			os.WriteFile(p+".target", nil, 0o600)
			return os.Link(p+".target", p)
		}, "has 2 links, expected 1"},
		"foreign owner": {func(p string) error {
			os.WriteFile(p, nil, 0o600)
			return os.Chown(p, os.Geteuid()+1, -1)
		}, "is owned by user "},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := fileOf(dir, someKey)
			if err := row.plant(path); err != nil {
				testserver.Lacks(t, "%v", err)
			}
			before, _ := os.Lstat(path)
			j, err := Open(t.Context(), dir, someKey, 0, aLongTime, nil)
			if j != nil || err == nil || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("opened %v, %v, expected an error with %q", j, err, row.want)
			}
			if !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not name %s", err, path)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) || after.Size() != before.Size() {
				t.Errorf("it was %v, and is %v, %v", before, after, err)
			}
			if _, err := os.Lstat(path + ".target"); name == "dangling symlink" && err == nil {
				t.Error("the link was followed")
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	head := `{"key":"k","start":1,"until":2}` + "\n"
	f.Add([]byte(""))
	f.Add([]byte(head))
	f.Add([]byte(head + `{"doc":{"a":1}}` + "\n" + `{"doc":2,"end":true}` + "\n"))
	f.Add([]byte(head + `{"doc":1}` + "\n" + `{"doc":`))
	f.Add([]byte(head + "\n\n\x00\nnull\n[]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := parse(data)
		if r.size != len(data) {
			t.Errorf("size %d, expected %d", r.size, len(data))
		}
		if r.last.Doc != nil && !json.Valid(r.last.Doc) {
			t.Errorf("found %q, which is no document", r.last.Doc)
		}
		if r.header.Key == "" {
			return
		}
		// What a run that goes on from it writes is what the next one reads.
		line := `{"doc":"next"}` + "\n"
		if r.torn {
			line = "\n" + line
		}
		if next := parse(append(data, line...)); len(data)+len(line) <= maxRead && string(next.last.Doc) != `"next"` {
			t.Errorf("found %q after a record, expected it", next.last.Doc)
		}
		// What is not whole changes nothing.
		if r.torn {
			return
		}
		if torn := parse(append(data, `{"doc":"torn","end":true}`...)); len(data) < maxRead-100 && string(torn.last.Doc) != string(r.last.Doc) {
			t.Errorf("found %q from a torn line, expected %q", torn.last.Doc, r.last.Doc)
		}
	})
}

// A file that cannot be looked at is nobody's: neither our own, nor locked, nor an empty record.
func TestFileThatFails(t *testing.T) {
	t.Parallel()
	file, err := openOwn(filepath.Join(t.TempDir(), "record"))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	if err := checkOwn(file); err == nil {
		t.Error("its owner is known")
	}
	if locked, err := tryLock(file); locked || err == nil {
		t.Errorf("locked %t, %v", locked, err)
	}
	if r, err := read(file); err == nil {
		t.Errorf("it says %+v", r)
	}
}
