package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// width is that of a line in columns.
const width = 100

// who does what is printed.
const (
	isGo            = "go"
	isKubelet       = "kubelet"
	isHook          = "hook"
	isApp           = "app"
	isElasticsearch = "elasticsearch"
	isClient        = "client"
)

// A timeline prints what happens, one line each, and remembers the calls. Its times count from the last title. It may
// be used by several goroutines.
type timeline struct {
	mu    sync.Mutex
	out   io.Writer
	stop  context.CancelCauseFunc
	zero  time.Time
	known []call
}

// A call is something that was asked of the app or of Elasticsearch.
type call struct {
	at        time.Duration
	who, what string
}

// newTimeline also gives a context that ends when out cannot be written to any more.
func newTimeline(ctx context.Context, out io.Writer) (*timeline, context.Context) {
	ctx, stop := context.WithCancelCause(ctx)
	return &timeline{out: out, stop: stop, zero: time.Now()}, ctx
}

// title begins a part.
func (t *timeline) title(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.zero, t.known = time.Now(), nil
	t.write("\n" + fmt.Sprintf(format, args...) + "\n")
}

// say prints what somebody does.
func (t *timeline) say(who, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line(time.Since(t.zero), who, fmt.Sprintf(format, args...))
}

// called prints a call and remembers it.
func (t *timeline) called(who, what, more string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := call{time.Since(t.zero), who, what}
	t.known = append(t.known, c)
	t.line(c.at, who, strings.TrimSpace(what+" "+more))
}

func (t *timeline) calls() []call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known
}

func (t *timeline) line(at time.Duration, who, what string) {
	before := fmt.Sprintf("%6.2fs  %-13s  ", at.Seconds(), who)
	for _, part := range wrap(what, width-len(before)) {
		t.write(before + part + "\n")
		before = strings.Repeat(" ", len(before))
	}
}

func (t *timeline) write(text string) {
	if _, err := io.WriteString(t.out, text); err != nil {
		t.stop(err)
	}
}

// mostLines is how many lines a text may take.
const mostLines = 4

// wrap divides a text into lines, after a space or a comma where there is one, and cuts what is too long.
func wrap(text string, columns int) []string {
	var all []string
	rest := []rune(strings.Map(printable, text))
	for len(rest) > columns && len(all) < mostLines-1 {
		at := strings.LastIndexAny(string(rest[:columns]), " ,") + 1
		at = len([]rune(string(rest[:columns])[:at]))
		if at == 0 {
			at = columns
		}
		all, rest = append(all, strings.TrimRight(string(rest[:at]), " ")), rest[at:]
	}
	if len(rest) > columns {
		rest = append(rest[:columns-1], '…')
	}
	return append(all, string(rest))
}

func printable(r rune) rune {
	if !strconv.IsPrint(r) {
		return ' '
	}
	return r
}

// judge prints the promises; the error says that one was broken.
func (t *timeline) judge(all []promise) error {
	t.title("What was promised, and what came of it")
	t.mu.Lock()
	defer t.mu.Unlock()
	broken := 0
	for _, p := range all {
		verdict := "kept"
		if !p.kept {
			verdict, broken = "BROKEN", broken+1
		}
		t.write(fmt.Sprintf("%7s  %s\n", verdict, p.text))
	}
	if broken > 0 {
		return errors.New("not as promised")
	}
	return nil
}

// A lines writer gives each whole line that is written to it to a function.
type lines struct {
	each func(string)
	rest string
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest += string(b)
	for {
		line, rest, ok := strings.Cut(l.rest, "\n")
		if !ok {
			return len(b), nil
		}
		l.rest = rest
		l.each(line)
	}
}
