package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress draws a bar on w, if that is a terminal, until the function that it returns is called, which wipes it out.
func progress(ctx context.Context, w io.Writer, total time.Duration) func() {
	if !isTerminal(w) {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		draw(ctx, w, total)
	}()
	return func() { stop(); <-done }
}

func draw(ctx context.Context, w io.Writer, total time.Duration) {
	begun := time.Now()
	tick := time.NewTicker(time.Second / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Fprint(w, "\r"+bar(time.Since(begun), total))
		case <-ctx.Done():
			fmt.Fprint(w, "\r\x1b[K")
			return
		}
	}
}

func bar(passed, total time.Duration) string {
	const width = 50
	full := int(min(passed, total) * width / total)
	return fmt.Sprintf("[%s%s] %2.0f of about %.0f s", strings.Repeat("=", full), strings.Repeat(" ", width-full), passed.Seconds(), total.Seconds())
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
