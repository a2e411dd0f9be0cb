package escape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable is text with Go's escapes in place of all that acts on a terminal or changes the order of letters: control characters,
// including line ends and those of C1, and marks of direction.
func Printable(text string) string {
	if !strings.ContainsFunc(text, acts) && utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if acts(r) || r == utf8.RuneError && size == 1 {
			quoted := strconv.Quote(text[:size])
			out.WriteString(quoted[1 : len(quoted)-1])
		} else {
			out.WriteString(text[:size])
		}
		text = text[size:]
	}
	return out.String()
}

// JSON is a JSON text in which the same characters are escaped. encoding/json leaves alone all that comes after the first 32 characters
// of Unicode.
func JSON(text []byte) []byte {
	var out strings.Builder
	for _, r := range string(text) {
		if !acts(r) || r == '\n' {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return []byte(out.String())
}

func acts(r rune) bool { return !strconv.IsPrint(r) }

// WriteJSON writes a value as indented JSON that does nothing to a terminal. encoding/json must be able to encode it.
func WriteJSON(w io.Writer, value any) error {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(value) // a buffer never fails
	_, err := w.Write(JSON(out.Bytes()))
	return err
}

// Patch is a patch with each line printable. Without its tabs and ends of lines it would be none, so these stay.
func Patch(text string) string {
	return inParts(text, "\n", func(line string) string {
		content := strings.TrimRight(line, "\r")
		return inParts(content, "\t", Printable) + line[len(content):]
	})
}

// inParts changes what stands between the separators.
func inParts(text, separator string, change func(string) string) string {
	parts := strings.Split(text, separator)
	for n := range parts {
		parts[n] = change(parts[n])
	}
	return strings.Join(parts, separator)
}

// A Writer writes each line printable.
type Writer struct{ To io.Writer }

// Write returns the length of text itself.
func (w Writer) Write(text []byte) (int, error) {
	_, err := io.WriteString(w.To, inParts(string(text), "\n", Printable))
	return len(text), err
}
