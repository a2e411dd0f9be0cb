// Package line reads the lines that steps are written in: words, quotes, key=value options and variables.
//
//	post "http://localhost:8080/drain" header="Authorization: Bearer $(TOKEN)"
//
// It knows the grammar and no verb. A line becomes words by [Split]; [Options] takes the key=value words
// from them. An [Error] says in which column it stopped and what it expected.
//
// Words are separated by blanks. 'single' quotes take everything as it is, "double" quotes take \" and \\;
// quotes may begin in mid-word, as in body='{"a": 1}'. $(VAR), ${VAR} and $VAR stand for a variable's value,
// which is never split or expanded again; $$ is a dollar, and so is a $ before anything else.
package line

import (
	"fmt"
	"strings"
)

// A Word is a part of a line.
type Word struct {
	Text   string // quotes removed, variables expanded
	Column int    // where it begins, from 1, in bytes
	plain  int32  // bytes of Text that stood before the first quote or variable
	fixed  int32  // bytes of Text that stood before the first variable
}

// An Error is a line that cannot be read.
type Error struct {
	Column int // from 1, in bytes
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Text) }

// Expected makes an Error for w.
func (w Word) Expected(format string, args ...any) *Error {
	return &Error{w.Column, fmt.Sprintf(format, args...)}
}

// Lookup gives a variable's value, and false for one that is not set.
type Lookup func(name string) (string, bool)

// Split takes a line apart. The error is an *Error.
func Split(text string, lookup Lookup) ([]Word, error) {
	r := reader{text: text, lookup: lookup}
	var words []Word
	for {
		r.blanks()
		if r.at == len(r.text) {
			return words, nil
		}
		w, err := r.word()
		if err != nil {
			return nil, err
		}
		words = append(words, w)
	}
}

// An Option is a key=value word.
type Option struct {
	Key, Value string
	Word
}

// Written tells whether the value begins with prefix by the line itself, and not by a variable's value.
func (o Option) Written(prefix string) bool {
	return strings.HasPrefix(o.Value, prefix) && len(o.Key)+len("=")+len(prefix) <= int(o.fixed)
}

// Options parts the words of the form key=value, whose key is of lower-case letters and dashes and stands
// outside quotes, from the rest. Both keep their order.
func Options(words []Word) (rest []Word, options []Option) {
	for _, w := range words {
		if key, value, ok := strings.Cut(w.Text, "="); ok && len(key) < int(w.plain) && isKey(key) {
			options = append(options, Option{key, value, w})
		} else {
			rest = append(rest, w)
		}
	}
	return rest, options
}

func isKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// Quote writes a word that was given apart, such as a program's argument, so that Split finds it again as it is; its
// variables are expanded all the same. The value of a key=value word is quoted, not its key.
func Quote(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\r\n'\"") {
		return word
	}
	if key, value, ok := strings.Cut(word, "="); ok && isKey(key) {
		return key + "=" + double(value)
	}
	return double(word)
}

var inDouble = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func double(text string) string { return `"` + inDouble.Replace(text) + `"` }

// Bare tells whether a word is written without quotes and variables.
func (w Word) Bare() bool { return int(w.plain) == len(w.Text) }
