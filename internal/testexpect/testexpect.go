// Package testexpect compares what a test got with what the test wants, where several packages want the same.
//
// It is only for tests. A difference fails the test, and the test goes on, unless [Soon] has waited in vain.
package testexpect

import (
	"strings"
	"testing"
	"time"
)

// Error wants err to hold text, or to be nil if text is empty.
func Error(t *testing.T, err error, text string) {
	t.Helper()
	switch {
	case text == "" && err != nil:
		t.Errorf("error %q, want none", err)
	case text != "" && (err == nil || !strings.Contains(err.Error(), text)):
		t.Errorf("error %v, want %q in it", err, text)
	}
}

// Took wants took to be from least to most.
func Took(t *testing.T, took, least, most time.Duration) {
	t.Helper()
	if took < least || took > most {
		t.Errorf("took %v, want %v to %v", took, least, most)
	}
}

// Soon waits until something is the case. If it is not so within 10 s, the test ends. Even a machine that is busy with other things has
// come to it by then.
func Soon(t testing.TB, what string, is func() bool) {
	t.Helper()
	const soon, lookEvery = 10 * time.Second, 2 * time.Millisecond
	for late, look := time.After(soon), time.Tick(lookEvery); !is(); {
		select {
		case <-look:
		case <-late:
			t.Fatalf("not so after %v: %s", soon, what)
		}
	}
}
