package grammar

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/prestop/prestop/internal/escape"
)

// A Word is a part of a line.
type Word struct {
	Text    string // quotes removed, variables expanded
	Written string // as it stands in the line
	Column  int    // where it begins, from 1, in bytes

	plain     int // bytes of Text that stood before the first quote or variable
	variables []variable
	single    string       // what stood in single quotes
	hides     func(string) // gets each piece that is hidden where the word is shown; nil: nobody asks
	unquoted  bool         // double quotes were taken away inside brackets, but belonged to the text
}

// A variable is a place in a word where a variable was expanded.
type variable struct {
	name     string
	from, to int  // of its value in the word's Text
	late     bool // an earlier step gives its value when it runs; Text has its name instead
}

// An Error is a line that cannot be read. Its text quotes words as they were written, so that no variable's value is in it.
type Error struct {
	Column int // from 1, in bytes
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Text) }

// Expected makes an Error for w. Of a long text among args it takes only the beginning.
func (w *Word) Expected(format string, args ...any) *Error {
	for n, a := range args {
		if text, ok := a.(string); ok {
			args[n] = escape.Begun(text, 4*most)
		}
	}
	return &Error{w.Column, fmt.Sprintf(format, args...)}
}

// Refused makes an Error for w of err, which a parser of the word's text has returned. Such an error may quote what the parser read. So
// if the word has a variable's value in it, plain is the text instead.
func (w *Word) Refused(err error, plain string) *Error {
	if len(w.variables) > 0 {
		return w.Expected("%s", plain)
	}
	return w.Expected("%s", err.Error())
}

// Fields splits a word that is a list, as [strings.FieldsFunc] does. Each part has the column of the whole, and is quoted as
// the whole.
func (w *Word) Fields(separates func(rune) bool) []Word {
	var all []Word
	begin := 0
	for text := range strings.FieldsFuncSeq(w.Text, separates) {
		begin += strings.Index(w.Text[begin:], text)
		all = append(all, *w.Part(begin, begin+len(text)))
		begin += len(text)
	}
	return all
}

// Part is the word with only these bytes of its text.
func (w *Word) Part(begin, end int) *Word {
	p := *w
	p.Text, p.plain, p.variables = w.Text[begin:end], max(0, min(w.plain, end)-begin), nil
	for _, v := range w.variables {
		if v.from < end && v.to > begin {
			p.variables = append(p.variables, variable{v.name, max(v.from, begin) - begin, min(v.to, end) - begin, v.late})
		}
	}
	return &p
}

// Bare tells whether a word is written without quotes and variables.
func (w *Word) Bare() bool { return w.plain == len(w.Text) }

// Got is the word as it was written, quoted, for an error.
func (w *Word) Got() string { return Quoted(w.Written) }

// Quoted quotes a text for an error, and no more than its beginning.
func Quoted(text string) string { return strconv.Quote(Begun(text)) }

// Begun is the beginning of a text that may be long. If the text was cut, it ends in [escape.Cut].
func Begun(text string) string { return escape.Begun(text, most) }

// most is how long the beginning of a text is, in bytes.
const most = 120

// Late are the names in the word whose values are given only when steps run.
func (w *Word) Late() []string {
	var all []string
	for _, v := range w.variables {
		if v.late {
			all = append(all, v.name)
		}
	}
	return all
}

// An Option is a key=value word. Its Word is the whole, with key and value.
type Option struct {
	Key, Value string
	Word
}

// Begins tells whether the value begins with prefix by the line itself, and not by a variable's value.
func (o *Option) Begins(prefix string) bool {
	end := len(o.Key) + len("=") + len(prefix)
	return strings.HasPrefix(o.Value, prefix) && (len(o.variables) == 0 || end <= o.variables[0].from)
}

// Got is the value as it was written, quoted, for an error.
func (o *Option) Got() string { return Quoted(o.Written[len(o.Key)+len("="):]) }

// option is a word as an option, if it has the form key=value, and its key is of lower-case letters and dashes and stands outside quotes.
func option(w Word) (Option, bool) {
	key, value, ok := strings.Cut(w.Text, "=")
	return Option{key, value, w}, ok && len(key) < w.plain && isKey(key)
}

func isKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// Quote writes a word that was given apart, such as a program's argument, for a line. Splitting the line gives the same word again, but
// with its variables expanded. The value of a key=value word is quoted, not its key.
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
