package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

const (
	pollEvery = 50 * time.Millisecond // how often a waiting run looks whether the other has ended
	makeRoom  = time.Second           // the time for another run to replace a record that has expired
	maxTries  = 100                   // files that may be replaced under one call of Open
)

// opening is one call of [Open].
type opening struct {
	path    string
	key     string                               // hashed
	age     time.Duration                        // of this run
	keep    time.Duration                        // how long a new record counts
	joining func(json.RawMessage, time.Duration) // nil: told
	now     func() (time.Duration, error)        // since boot
}

// open tries until the file that it holds is still the file at the path. A run
// removes the file when it ends, and also when it finds that the record has expired.
func (o *opening) open(ctx context.Context) (*Journal, error) {
	for range maxTries {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("failed to open %s: %w", o.path, context.Cause(ctx))
		}
		j, err := o.try(ctx)
		if j != nil || err != nil {
			return j, err
		}
	}
	return nil, fmt.Errorf("%s was replaced %d times while it was opened", o.path, maxTries)
}

// try returns neither a journal nor an error if the file cannot be used.
func (o *opening) try(ctx context.Context) (*Journal, error) {
	file, err := openOwn(o.path)
	if err != nil {
		return nil, err
	}
	j, err := o.claim(ctx, file)
	if j == nil || j.file == nil {
		file.Close()
	}
	return j, err
}

func (o *opening) claim(ctx context.Context, file *os.File) (*Journal, error) {
	before, err := read(file)
	if err != nil {
		return nil, err
	}
	if err := o.lock(ctx, file, before); err != nil {
		return nil, err
	}
	found, err := read(file)
	if err != nil {
		return nil, err
	}
	now, err := o.now()
	if err != nil {
		return nil, err
	}
	counts := found.header.counts(o.key, now)
	j := &Journal{path: o.path, since: now - found.header.Start}
	switch {
	case counts && found.last.End && !before.last.End: // it ended while we looked on
		j.ended = found.last.Doc
		return j, nil
	case !isAt(o.path, file):
		return nil, nil
	case found.size == 0:
		return o.begin(file, now)
	case !counts || found.last.End: // expired, cut in its header, or killed just before it was removed
		return nil, os.Remove(o.path)
	}
	j.file, j.size, j.torn = file, found.size, found.torn
	j.resumed, j.documents = true, found.docs
	return j, nil
}

// begin writes the header of a new record. A file is never truncated and used
// again: waiting runs may be reading it.
func (o *opening) begin(file *os.File, now time.Duration) (*Journal, error) {
	j := &Journal{path: o.path, file: file}
	if err := j.writeLine(header{Key: o.key, Start: max(0, now-o.age), Until: now + o.keep}, maxRecord); err != nil {
		return nil, err
	}
	return j, nil
}

// lock waits for the lock. If the record expires before the other run ends, that
// run hangs, and lock stops waiting for it.
func (o *opening) lock(ctx context.Context, file *os.File, seen record) error {
	free, err := tryLock(file)
	if free || err != nil {
		return err
	}
	now, err := o.now()
	if err != nil {
		return err
	}
	o.tell(seen, now)
	hangs, poll := time.After(o.patience(seen, now)), time.Tick(pollEvery)
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up waiting for the run that holds %s: %w", o.path, context.Cause(ctx))
		case <-hangs:
			return fmt.Errorf("the run that holds %s should have ended by now", o.path)
		case <-poll:
		}
		if free, err := tryLock(file); free || err != nil {
			return err
		}
	}
}

func (o *opening) tell(seen record, now time.Duration) {
	if o.joining == nil {
		return
	}
	var since time.Duration
	if seen.header.counts(o.key, now) {
		since = now - seen.header.Start
	}
	o.joining(seen.last.Doc, since)
	o.joining = nil
}

// patience is how long the run that holds the lock may take. If it has no header yet, it has just begun.
func (o *opening) patience(seen record, now time.Duration) time.Duration {
	switch {
	case seen.header.Key == "":
		return o.keep
	case seen.header.counts(o.key, now):
		return max(seen.header.Until-now, makeRoom)
	default:
		return makeRoom
	}
}
