// Package testterminal gives tests a terminal of their own.
//
// There is one on Linux alone. Elsewhere [Open] fails.
package testterminal

import (
	"os"
	"testing"
)

// New is [Open] for a test, at whose end both are closed. Without a terminal the test fails.
func New(t testing.TB) (screen, terminal *os.File) {
	t.Helper()
	screen, terminal, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	t.Cleanup(func() { terminal.Close() })
	return screen, terminal
}
