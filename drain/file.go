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

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/proc"
	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/step"
)

// FileVerb is the step that waits for a file.
func FileVerb() *step.Verb {
	return &step.Verb{Name: "until file", Target: "PATH", Options: []string{"min", "max"},
		Does: "waits for a file that another container of the pod makes now, not one that is left from before", Parse: parseFile}
}

func parseFile(l *grammar.Line) (*step.Spec, error) {
	path, err := l.Path("a file's path", "/shared/drained")
	if err != nil {
		return nil, err
	}
	wait, err := step.WaitOf(l)
	n := wait.Needs()
	n.Awaits = path
	return n.Spec(&File{Path: path, Min: wait.Min}), err
}

// Bind says when the hook began.
func (f *File) Bind(m *step.Means) (step.Deed, error) {
	return &File{Path: f.Path, Since: m.Start, Min: f.Min}, nil
}

const (
	fileEvery = 200 * time.Millisecond
	fileMost  = 256 // bytes that are read

	// fileEarly is how long before this hook a file may have been made. On a busy node the hooks of a pod's containers begin
	// seconds apart.
	fileEarly = 10 * time.Second
	// fileAhead is how far in the future its time may lie: clocks differ a little between a file system and this machine.
	fileAhead = time.Second
)

// A File waits until another container of the pod has made a file. It looks five times a second.
//
// The file must belong to this shutdown. A volume outlives the containers that write to it. And if a liveness probe ended a
// container, its hook ran too and left its file. So a file counts only if it was made on this boot of the node, at most 10 s
// before this hook began, and not before this container started: nothing is started in a pod that ends. If the file holds a
// [proc.Marker], as a touch step makes it, only the marker's time counts. For any other file the modification time counts. A
// file that is moved into place keeps its modification time.
//
// A window of more than 10 s would be unsafe. A container that ended is restarted within seconds the first time, and after 10 s
// at the soonest the next time. From then on, the file of its earlier life is there while the container serves, and says that
// the container is done. No reader can tell the two lives apart, since it does not see the processes of the other container.
type File struct {
	Path string
	// Since is called when Run begins. It says when the hook began. If this is a later delivery, it says when the first began. The
	// monotonic reading counts, so setting the clock changes nothing.
	Since func() time.Time
	Min   time.Duration // how long to go on looking at least
	Proc  string        // where procfs is mounted; empty: /proc
}

// Run looks until the file is there. If ctx ends Run and the last look saw that the file is not there, the error wraps
// context.Cause(ctx). If the last look could not see (a directory, no permission, a broken disk), the error wraps [ErrUnseen]
// and not the cause.
func (f *File) Run(ctx context.Context, log *slog.Logger) error {
	since, told := f.Since(), false
	p := poll{every: fileEvery, min: f.Min, look: func(context.Context) (sight, error) {
		found, err := f.find(since)
		if err == nil && found.why != "" && !told {
			told = true
			log.Warn("there is a file, but it is not believed", "event.code", "file-not-believed", "file", f.Path, "why", found.why, "before_this_hook", found.before)
		}
		return sight{met: found.counts, says: f.says(found)}, err
	}}
	return p.run(ctx, log)
}

// Check says whether the file is there now.
func (f *File) Check(context.Context) ([]step.Finding, error) {
	found, err := f.find(f.Since())
	if err != nil {
		return nil, err
	}
	says := step.Found("not there yet")
	switch {
	case found.counts:
		says = step.Found("there already: the wait would end at once")
		says.Met = f.Min == 0
	case found.why != "":
		says = step.Warned("there now, but it would not be believed: " + found.why)
	case absent(filepath.Dir(f.Path)):
		says = step.Warned("not there, nor is its directory: is its volume mounted?")
	}
	return []step.Finding{says}, nil
}

// says returns the same text as long as the same is the case.
func (f *File) says(found verdict) string {
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
func (f *File) find(since time.Time) (verdict, error) {
	text, modified, err := read(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return verdict{}, nil
	}
	if err != nil {
		return verdict{}, err
	}
	m, marked := proc.ParseMarker(text)
	if !marked {
		// Both times are of one clock. It may have been set since the hook began, so its reading from back then is of no use.
		return f.judge(since, time.Since(modified)), nil
	}
	now, err := proc.MarkNow() // after the file was read, otherwise the file might seem to be from the future
	if err != nil {
		return verdict{}, err
	}
	if m.Boot != now.Boot {
		return verdict{why: "it was made before this node was started, or on another one"}, nil
	}
	return f.judge(since, now.Since-m.Since), nil
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

// verdict says of a file that is there whether it counts, or why it does not. The zero value means that there is no file.
type verdict struct {
	counts bool
	why    string
	before time.Duration // how long before this hook it was made
}

// judge compares the age of the file with the age of the hook and the age of the container.
func (f *File) judge(since time.Time, age time.Duration) verdict {
	found := judgeAge(time.Since(since), age)
	first, err := proc.Init(f.Proc)
	if err != nil { // where the container's first process cannot be seen, the times must do
		return found
	}
	if life, err := first.Age(); found.counts && err == nil && age > life {
		return verdict{why: "it was made before this container started, in an earlier life of the pod or of the container", before: found.before}
	}
	return found
}

// judgeAge judges a file by its age and the hook's.
func judgeAge(hook, file time.Duration) verdict {
	found := verdict{before: (file - hook).Round(time.Millisecond)}
	switch {
	case file < -fileAhead:
		found.why = "its time lies in the future"
	case file-hook > fileEarly:
		found.why = fmt.Sprintf("it was made more than %v before this hook began, as an earlier life of a container leaves it", fileEarly)
	default:
		found.counts = true
	}
	return found
}
