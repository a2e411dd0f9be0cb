package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A show is what is written to w while something takes its time. On a terminal it is a line that moves, elsewhere a line every ten seconds.
type show struct {
	w     io.Writer
	what  string
	total time.Duration // about how long it takes; 0: nobody knows
}

// progress begins at once. It goes on until the function that it returns is called. That function also wipes out a line that moves.
func (s show) progress(ctx context.Context) func() {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if isTerminal(s.w) {
			s.draw(ctx)
			return
		}
		s.write(ctx)
	}()
	return func() { stop(); <-done }
}

func (s show) draw(ctx context.Context) {
	begun := time.Now()
	tick := time.Tick(time.Second / 4)
	for {
		fmt.Fprint(s.w, "\r"+s.line(time.Since(begun)))
		select {
		case <-tick:
		case <-ctx.Done():
			fmt.Fprint(s.w, "\r\x1b[K")
			return
		}
	}
}

func (s show) write(ctx context.Context) {
	begun := time.Now()
	tick := time.Tick(10 * time.Second)
	fmt.Fprintln(s.w, s.what)
	for {
		select {
		case <-tick:
			fmt.Fprintf(s.w, "%s: %.0f s\n", s.what, time.Since(begun).Seconds())
		case <-ctx.Done():
			return
		}
	}
}

func (s show) line(passed time.Duration) string {
	const width = 30
	if s.total == 0 {
		return fmt.Sprintf("%s: %.0f s", s.what, passed.Seconds())
	}
	full := int(min(passed, s.total) * width / s.total)
	return fmt.Sprintf("%s [%s%s] %2.0f of about %.0f s", s.what, strings.Repeat("=", full), strings.Repeat(" ", width-full), passed.Seconds(), s.total.Seconds())
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
