// Package testbuffer gives tests a buffer that can be read while it is written to, such as a log or the output of a program.
//
// It is only for tests. It keeps all that it was given, and judges nothing.
package testbuffer

import (
	"log/slog"
	"strings"
	"sync"
)

// A Buffer keeps what was written to it. The zero Buffer is empty, and ready for use by several goroutines.
type Buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Logger writes to the buffer, a line of text for each record.
func (b *Buffer) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// Count tells how many lines hold all of the texts.
func (b *Buffer) Count(texts ...string) int {
	n := 0
lines:
	for line := range strings.Lines(b.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		n++
	}
	return n
}
