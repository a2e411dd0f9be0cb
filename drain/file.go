package drain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prestop/prestop/internal/marker"
)

const (
	lookEvery = 200 * time.Millisecond

	// skew is how much earlier than this hook the hook of another container of the pod may have made the file: a kubelet
	// begins them all within moments. What a restarted container has left is older: it takes the kubelet a second to see
	// that a container has ended, before it starts the next.
	skew = time.Second
)

// A File is waited for until another container of the pod has made it. One that is left from an earlier container is
// not believed: a volume outlives those that write to it.
type File struct {
	Path  string
	Since time.Time // when the hook began, of its first delivery
	Min   time.Duration
}

// Run looks until the file is there and of today. Its error wraps context.Cause(ctx) if it could see to the last that
// this is not so; where it could not see, it says why and does not wrap the cause.
func (f File) Run(ctx context.Context, log *slog.Logger) error {
	return poll{every: lookEvery, min: f.Min, look: f.look}.run(ctx, log)
}

func (f File) look(context.Context) (sight, error) {
	file, err := os.OpenFile(f.Path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return sight{false, "the file is not there"}, nil
	}
	if err != nil {
		return sight{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return sight{}, err
	}
	if !info.Mode().IsRegular() {
		return sight{}, fmt.Errorf("%s: expected a file, found a %s", f.Path, kind(info.Mode()))
	}
	content, err := io.ReadAll(io.LimitReader(file, 256))
	if err != nil {
		return sight{}, err
	}
	return f.judge(string(content), info.ModTime())
}

func kind(mode fs.FileMode) string {
	if mode.IsDir() {
		return "directory"
	}
	return "device, socket or pipe"
}

// judge tells by the marker in the file, or else by its time, whether it is of today. Ages are compared, not times,
// since the clock may have been set after the hook's start.
func (f File) judge(content string, modified time.Time) (sight, error) {
	age := time.Since(modified)
	if m, ok := marker.Parse(content); ok {
		now, err := marker.Now()
		if err != nil {
			return sight{}, err
		}
		if m.Boot != now.Boot {
			return sight{false, "the file is there, from before this machine was started"}, nil
		}
		age = now.Since - m.Since
	}
	switch {
	case age > time.Since(f.Since)+skew:
		return sight{false, "the file is there, from before the hook began"}, nil
	case age < -skew:
		return sight{false, "the file is there, with a time that is yet to come"}, nil
	}
	return sight{true, "the file is there"}, nil
}

// Check says whether the file is there now.
func (f File) Check(ctx context.Context, log *slog.Logger) error {
	s, err := f.look(ctx)
	if err == nil {
		log.Info("looked", "now", s.says)
	}
	return err
}
