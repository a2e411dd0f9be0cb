package shutdown

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
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
	pipes          []*os.File // the ends that are read
	stdout, stderr stream
	done           chan struct{} // closed when both are read

	mu              sync.Mutex
	logged, leftOut int // lines
}

// start starts the program with pipes of its own.
func (o *output) start(cmd *exec.Cmd) error {
	o.stdout, o.stderr = stream{name: "stdout", line: o.line}, stream{name: "stderr", line: o.line}
	fromStdout, toStdout, err := os.Pipe()
	if err != nil {
		return err
	}
	defer toStdout.Close()
	fromStderr, toStderr, err := os.Pipe()
	if err != nil {
		fromStdout.Close()
		return err
	}
	defer toStderr.Close()
	o.pipes = []*os.File{fromStdout, fromStderr}
	cmd.Stdout, cmd.Stderr = toStdout, toStderr
	if err := cmd.Start(); err != nil {
		o.close()
		return err
	}
	o.read()
	return nil
}

func (o *output) read() {
	o.done = make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { o.stdout.readFrom(o.pipes[0]) })
	both.Go(func() { o.stderr.readFrom(o.pipes[1]) })
	go func() { both.Wait(); close(o.done) }()
}

func (o *output) close() {
	for _, p := range o.pipes {
		p.Close()
	}
}

// end waits until all is read, or no longer than ctx allows; then nothing is. It tells whether all was.
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
		o.log.Warn("the program said more than is logged", "lines", o.logged, "left_out_lines", o.leftOut)
	}
	return all
}

// line logs a line, or counts it.
func (o *output) line(stream string, l text) {
	o.mu.Lock()
	defer o.mu.Unlock()
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

// last is the last line that it printed, as an error message if it made one, and not more than a sentence of it,
// without what acts on a terminal. Only after end.
func (o *output) last() string {
	last := o.stderr.last
	if len(last.bytes) == 0 {
		last = o.stdout.last
	}
	if over := len(last.bytes) - maxLast; over > 0 {
		last.bytes, last.cut = last.bytes[:maxLast], over
	}
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, last.String())
}

// stream parts what it reads into lines.
type stream struct {
	name  string
	line  func(stream string, l text)
	begun text // the line that has no end yet
	last  text // the last line that is not blank
}

func (s *stream) readFrom(r io.Reader) {
	buffer := make([]byte, readAtOnce)
	for {
		n, err := r.Read(buffer)
		s.write(buffer[:n])
		if err != nil {
			if len(s.begun.bytes) > 0 {
				s.end()
			}
			return
		}
	}
}

func (s *stream) write(data []byte) {
	for {
		part, rest, whole := bytes.Cut(data, []byte("\n"))
		fits := min(len(part), maxLine-len(s.begun.bytes))
		s.begun.bytes = append(s.begun.bytes, part[:fits]...)
		s.begun.cut += len(part) - fits
		if !whole {
			return
		}
		s.end()
		data = rest
	}
}

// end passes the line on. The next one takes its place in memory.
func (s *stream) end() {
	if len(bytes.TrimSpace(s.begun.bytes)) > 0 {
		s.last = text{append(s.last.bytes[:0], s.begun.bytes...), s.begun.cut}
	}
	s.line(s.name, s.begun)
	s.begun = text{s.begun.bytes[:0], 0}
}

// text is the beginning of a line, of which so many bytes were cut.
type text struct {
	bytes []byte
	cut   int
}

// String is the text as valid UTF-8. If it was cut, it ends in …, and not in the middle of a letter.
func (t text) String() string {
	if t.cut == 0 {
		return strings.ToValidUTF8(string(bytes.TrimSuffix(t.bytes, []byte("\r"))), "\uFFFD")
	}
	whole := t.bytes
	for n := 1; n < utf8.UTFMax && n <= len(whole); n++ {
		if tail := whole[len(whole)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole = whole[:len(whole)-n]
			}
			break
		}
	}
	return strings.ToValidUTF8(string(whole), "\uFFFD") + "…"
}
