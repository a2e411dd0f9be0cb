package main

import (
	"encoding/json"
	"io"
)

// The outputs of the dry run and of lint.
const (
	outputText = "text"
	outputJSON = "json"
)

// writeJSON writes a document for tools, which people read too.
func writeJSON(w io.Writer, document any) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(document) // who is gone needs no answer
}
