// Package journal tells a preStop hook that it is delivered a second time.
// Each run records what it has reached in a file of its container, and the
// next run finds the file. A kubelet that restarts delivers the hook again. By
// then, the first run has been killed with containerd, and still runs with CRI-O.
//
// [Open] finds an earlier run, waits for a run that still runs, or begins a
// record. [Journal.Record] and [Journal.End] write the record. It counts only in
// the same life of the same container, for the same plan, and for a given time
// after the first run began. A run that ends removes its record.
//
// The package knows nothing about plans: a record is any JSON document. A record
// is not meant to outlast a reboot. The package logs nothing. If the journal
// fails, the hook is expected to go on without it. It is for internal/record.
package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/prestop/prestop/internal/proc"
)

// Key says whose record it is.
type Key struct {
	Container proc.Container
	Plan      string // anything that two runs of the same plan have in common; only a hash of it is kept
}

func (k Key) hash() string {
	sum := sha256.Sum256([]byte(string(k.Container) + "\n" + k.Plan))
	return hex.EncodeToString(sum[:16])
}

func (k Key) path(dir string) string { return filepath.Join(dir, "prestop-"+k.hash()+".journal") }

// Has tells whether a record of key is in dir, whatever the record says.
func Has(dir string, key Key) bool {
	info, err := os.Lstat(key.path(dir))
	return err == nil && info.Size() > 0
}

// Journal is a run's record, and what the run found of an earlier run. A Journal
// is for one goroutine at a time.
type Journal struct {
	path string
	file *os.File // locked; nil once there is nothing to record any more
	size int
	torn bool

	resumed   bool
	documents []json.RawMessage // of the run that was cut, in their order
	ended     json.RawMessage
	since     time.Duration // from the start of the first run to Open's return; 0: there was no first run
}

// Resumed tells whether this run goes on from an earlier run that was cut. documents
// are all that the earlier run recorded, in their order: there may be none. since
// is the time from its start to Open's return, on a clock that nobody can set.
func (j *Journal) Resumed() (documents []json.RawMessage, since time.Duration, ok bool) {
	return j.documents, j.since, j.resumed
}

// Ended is the final document of a run that still ran when Open was called and has
// ended since; nil: there was none. There is nothing to record then. If that run did
// not reach enough (a signal ended it), a new call of Open begins anew.
func (j *Journal) Ended() json.RawMessage { return j.ended }

// Record writes the document in one piece: a run that is killed meanwhile leaves
// the document before it. doc is anything that encoding/json can marshal. The next
// call after an error tries again. All documents of a record may take 512 KiB.
func (j *Journal) Record(doc any) error {
	return j.write(doc, false, maxRecord)
}

// End writes the final document for the runs that wait for this one. It removes
// the record, so that no later run believes it, and gives up the lock. It does
// these two things even if it returns an error.
func (j *Journal) End(doc any) error {
	errWrite := j.write(doc, true, maxRead)
	if j.file == nil {
		return errWrite
	}
	var errRemove error
	if isAt(j.path, j.file) {
		errRemove = os.Remove(j.path)
	}
	errClose := j.file.Close()
	j.file = nil
	return errors.Join(errWrite, errRemove, errClose)
}

func (j *Journal) write(doc any, end bool, room int) error {
	if j.file == nil {
		return fmt.Errorf("no run is being recorded in %s: %w", j.path, fs.ErrClosed)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return j.writeLine(entry{Doc: raw, End: end}, room)
}

func (j *Journal) writeLine(value any, room int) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if j.torn {
		line = append([]byte{'\n'}, line...)
	}
	if j.size+len(line) > room {
		return fmt.Errorf("%s is full: it would hold more than %d bytes", j.path, room)
	}
	n, err := j.file.Write(line)
	j.size += n
	if n > 0 {
		j.torn = n < len(line)
	}
	return err
}

// Open finds or begins the record of key in dir, which should come from [Dir].
//
// If another run holds the record, Open calls joining once (unless it is nil) and waits.
// joining gets the last document of that run, if any, and the time since its start.
// If that run ends in order, [Journal.Ended] is its final document. If it
// dies, this run goes on where it stopped.
//
// age is how long ago this run began. keep is how long from now on a new record counts. A record that was found
// keeps its own time. Open does not wait longer for another run than its record counts: that run hangs.
//
// Every error means that this run has no record, and nothing worse. If ctx
// ended the wait, the error wraps the cause of ctx.
func Open(ctx context.Context, dir string, key Key, age, keep time.Duration, joining func(doc json.RawMessage, since time.Duration)) (*Journal, error) {
	if key.Container == "" {
		return nil, errors.New("a record needs a container to belong to")
	}
	o := opening{
		path: key.path(dir), key: key.hash(),
		age: age, keep: keep, joining: joining, now: proc.SinceBoot,
	}
	return o.open(ctx)
}
