package drain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/prestop"
)

const (
	fileEvery = 200 * time.Millisecond
	fileMost  = 256 // bytes that are read

	// early is how long before this hook a file may have been made. The hooks of a pod's containers begin within
	// moments of each other; what an earlier life of a container left is older, since a kubelet needs a second to see
	// that a container has ended.
	early = time.Second
)

// A File is looked for five times a second, until another container of the pod has made it.
//
// It must be today's: a volume outlives the containers that write to it. A file with a [proc.Marker], as a touch
// step makes it, counts by that alone, and any other by its modification time (which a file that is moved into place
// keeps): no earlier than 1 s before the hook began, and not in the future.
type File struct {
	Path string
	// Since is asked when Run begins. It says when the hook began: of the first delivery, if this is another. Its monotonic
	// reading counts, so that a clock that is set changes nothing. Nil: when Run is called.
	Since func() time.Time
	Min   time.Duration // how long to go on looking at least
}

// Run looks until the file is there. Ended by ctx, its error wraps context.Cause(ctx) if the last look saw that it is
// not, and [ErrUnseen], but not the cause, if that one could not see: a directory, a lack of permission, a broken disk.
func (f File) Run(ctx context.Context, log *slog.Logger) error {
	since, told := f.since(), false
	p := poll{every: fileEvery, min: f.Min, look: func(context.Context) (sight, error) {
		found, err := f.find(since)
		if err == nil && found.why != "" && !told {
			told = true
			log.Warn("there is a file, but it is not believed", "file", f.Path, "why", found.why, "before_this_hook", found.before)
		}
		return sight{found.counts, f.says(found)}, err
	}}
	return p.run(ctx, log)
}

// Check says whether the file is there now.
func (f File) Check(context.Context) ([]prestop.Finding, error) {
	found, err := f.find(f.since())
	if err != nil {
		return nil, err
	}
	says := prestop.Found("not there yet")
	switch {
	case found.counts:
		says = prestop.Found("there already: the wait would end at once")
	case found.why != "":
		says = prestop.Warned("there now, but it would not be believed", "why", found.why)
	case absent(filepath.Dir(f.Path)):
		says = prestop.Warned("not there, nor is its directory: is its volume mounted?")
	}
	return []prestop.Finding{says}, nil
}

func (f File) since() time.Time {
	if f.Since == nil {
		return time.Now()
	}
	return f.Since()
}

// says is the same as long as the same is the case.
func (f File) says(found finding) string {
	switch {
	case found.counts:
		return f.Path + " is there"
	case found.why != "":
		return fmt.Sprintf("%s is there, but %s, and nobody has made it anew", f.Path, found.why)
	}
	if dir := filepath.Dir(f.Path); absent(dir) {
		return fmt.Sprintf("%s is not there, nor is %s: is its volume mounted?", f.Path, dir)
	}
	return f.Path + " is not there: the container that makes it has not come to that"
}

func absent(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// find looks once, for a hook that began at since. A file that is not there is no error.
func (f File) find(since time.Time) (finding, error) {
	text, modified, err := read(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return finding{}, nil
	}
	if err != nil {
		return finding{}, err
	}
	m, marked := proc.ParseMarker(text)
	if !marked {
		// Both of one clock, which may have been set since the hook began: its reading from back then is of no use.
		return judge(time.Since(since), time.Since(modified)), nil
	}
	now, err := proc.MarkNow() // after the file was read, or it might be from the future
	if err != nil {
		return finding{}, err
	}
	if m.Boot != now.Boot {
		return finding{why: "it was made before this node was started, or on another one"}, nil
	}
	return judge(time.Since(since), now.Since-m.Since), nil
}

// read returns the beginning of a file, and when it was modified.
func read(path string) (text string, modified time.Time, err error) {
	file, err := regular.Open(path)
	if err != nil {
		return "", time.Time{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", time.Time{}, err
	}
	content, err := io.ReadAll(io.LimitReader(file, fileMost))
	return string(content), info.ModTime(), err
}

// finding is a file that is there: whether it counts, or why it does not. The zero value is none.
type finding struct {
	counts bool
	why    string
	before time.Duration // how long before this hook it was made
}

// judge holds the age of a file against that of the hook.
func judge(hook, file time.Duration) finding {
	before := (file - hook).Round(time.Millisecond)
	switch {
	case file < -early:
		return finding{why: "its time lies in the future", before: before}
	case file-hook > early:
		return finding{why: "it is older than this hook, as an earlier life of a container leaves it", before: before}
	}
	return finding{counts: true}
}
