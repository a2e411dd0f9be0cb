package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	maxRead   = 1 << 20     // bytes of a file that are looked at; a longer one does not count
	maxRecord = maxRead / 2 // bytes that Record may fill: there must be room to say that the run has ended
)

// header is the first line. Times are nanoseconds of CLOCK_BOOTTIME. Nobody can
// set this clock, and it goes on during suspend.
type header struct {
	Key   string        `json:"key"` // as in the file's name; others may rename the file in a directory that is open to all
	Start time.Duration `json:"start"`
	Until time.Duration `json:"until"`
}

func (h header) counts(key string, now time.Duration) bool {
	return h.Key == key && 0 <= h.Start && h.Start <= now && now < h.Until
}

// entry is each later line.
type entry struct {
	Doc json.RawMessage `json:"doc"`
	End bool            `json:"end,omitempty"`
}

// record is what a file says.
type record struct {
	header header
	docs   []json.RawMessage // of all lines that are whole
	last   entry             // the last of these lines
	size   int               // bytes
	torn   bool              // a write was cut, so the next line must begin on a line of its own
}

// read may read a file while another run writes to it, since files only ever
// grow.
func read(file *os.File) (record, error) {
	data, err := io.ReadAll(io.NewSectionReader(file, 0, maxRead+1))
	if err != nil {
		return record{}, fmt.Errorf("failed to read %s: %w", file.Name(), err)
	}
	return parse(data), nil
}

// parse passes over lines that are not whole, since a run can be killed inside
// a write. Without a whole header nothing counts.
func parse(data []byte) record {
	r := record{size: len(data)}
	first, rest, whole := bytes.Cut(data, []byte("\n"))
	if !whole || len(data) > maxRead || json.Unmarshal(first, &r.header) != nil {
		return record{size: len(data)}
	}
	for line, more, whole := bytes.Cut(rest, []byte("\n")); whole; line, more, whole = bytes.Cut(rest, []byte("\n")) {
		rest = more
		var e entry
		if json.Unmarshal(line, &e) == nil && e.Doc != nil {
			r.docs, r.last = append(r.docs, e.Doc), e
		}
	}
	r.torn = len(rest) > 0
	return r
}
