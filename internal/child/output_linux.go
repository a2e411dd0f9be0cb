package child

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/prestop/prestop/internal/escape"
)

const (
	maxLines   = 500     // of a program's output that are logged
	maxLine    = 2 << 10 // bytes of a line that are logged
	maxLast    = 256     // bytes of its last line that an error repeats
	readAtOnce = 16 << 10
)

// output is what a program prints, on its way to the log. All of it is read, so that the program never waits for a
// reader, and next to nothing of it is kept.
type output struct {
	log            *slog.Logger
	say            func(stream, line string) // in place of the log; nil: none
	pipes          []*os.File                // the ends that are read
	stdout, stderr stream
	done           chan struct{} // closed when both are read

	mu              sync.Mutex
	logged, leftOut int // lines
}

// start starts the program with no input and with pipes of its own.
func (o *output) start(path string, words []string) (*os.Process, error) {
	o.stdout, o.stderr = stream{name: "stdout", line: o.line}, stream{name: "stderr", line: o.line}
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer nothing.Close()
	files := []*os.File{nothing}
	for range 2 { // stdout and stderr
		from, to, err := os.Pipe()
		if err != nil {
			o.close()
			return nil, err
		}
		defer to.Close()
		o.pipes, files = append(o.pipes, from), append(files, to)
	}
	// The kernel kills the program when the thread that started it ends. Go keeps its threads until the process ends, except threads
	// that a goroutine has locked. Nothing here locks a thread: that would cost two threads, and few may be left.
	process, err := os.StartProcess(path, words, &os.ProcAttr{
		Files: files,
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		o.close()
		return nil, err
	}
	o.done = make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { o.stdout.readFrom(o.pipes[0]) })
	both.Go(func() { o.stderr.readFrom(o.pipes[1]) })
	go func() { both.Wait(); close(o.done) }()
	return process, nil
}

func (o *output) close() {
	for _, p := range o.pipes {
		p.Close()
	}
}

// end waits until all output is read, or until ctx ends. Nothing is read after that. It tells whether all output was read.
func (o *output) end(ctx context.Context) (all bool) {
	all = true
	select {
	case <-o.done:
	case <-ctx.Done():
		all = false
		for _, p := range o.pipes {
			p.SetReadDeadline(time.Now())
		}
		<-o.done
	}
	o.close()
	if o.leftOut > 0 {
		o.log.Warn("the program said more than is logged", "event.code", "program-output-left-out", "lines", o.logged, "left_out_lines", o.leftOut)
	}
	return all
}

// line gives a line to say, if there is one. Otherwise it logs the line, or only counts it after maxLines.
func (o *output) line(stream string, l text) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.say != nil {
		o.say(stream, l.String())
		return
	}
	if o.logged == maxLines {
		o.leftOut++
		return
	}
	o.logged++
	attrs := []any{"stream", stream, "output", l.String()}
	if l.cut > 0 {
		attrs = append(attrs, "left_out_bytes", l.cut)
	}
	o.log.Info("the program says", attrs...)
}

// last is the last line that the program printed: the last of stderr, or of stdout if stderr is empty. It is cut to maxLast bytes,
// and has no characters that act on a terminal. Call it only after end.
func (o *output) last() string {
	last := o.stderr.last
	if len(last.begin) == 0 {
		last = o.stdout.last
	}
	if over := len(last.begin) - maxLast; over > 0 {
		last.begin, last.cut = last.begin[:maxLast], over
	}
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, last.String())
}

// stream splits what it reads into lines.
type stream struct {
	name string
	line func(stream string, l text)
	last text // the last line that is not blank
}

func (s *stream) readFrom(r io.Reader) {
	from := bufio.NewReaderSize(r, readAtOnce)
	for l := (text{}); ; {
		part, err := from.ReadSlice('\n')
		part, whole := bytes.CutSuffix(part, []byte("\n"))
		l.add(part)
		ended := err != nil && !errors.Is(err, bufio.ErrBufferFull)
		if whole || ended && len(l.begin) > 0 {
			s.line(s.name, l)
			if len(bytes.TrimSpace(l.begin)) > 0 {
				s.last, l = l, s.last // the next line reuses the memory of the old last one
			}
			l = text{begin: l.begin[:0]}
		}
		if ended {
			return
		}
	}
}

// text is the beginning of a line. cut is how many bytes of the line are missing.
type text struct {
	begin []byte
	cut   int
}

func (t *text) add(part []byte) {
	fits := min(len(part), maxLine-len(t.begin))
	t.begin = append(t.begin, part[:fits]...)
	t.cut += len(part) - fits
}

// String is the text as valid UTF-8. If it was cut, it ends in …, and not in the middle of a letter.
func (t text) String() string {
	begin := string(t.begin)
	if t.cut == 0 {
		return strings.ToValidUTF8(strings.TrimSuffix(begin, "\r"), "\uFFFD")
	}
	for range utf8.UTFMax - 1 {
		if r, size := utf8.DecodeLastRuneInString(begin); r == utf8.RuneError && size == 1 {
			begin = begin[:len(begin)-1]
		}
	}
	return strings.ToValidUTF8(begin, "\uFFFD") + escape.Cut
}
