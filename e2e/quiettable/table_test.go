package main

import (
	"os"
	"strings"
	"testing"
)

// The docs and the tests have one table.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/quiet.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), docTable()) {
		t.Error("docs/quiet.md has another table: go run ./quiettable -table prints this one")
	}
}
