package grammar

import (
	"slices"
	"strings"
)

// Lookup gives a variable's value, and false for one that is not set.
type Lookup func(name string) (string, bool)

// A Scope is what the variables of a line mean.
type Scope struct {
	Lookup Lookup
	Given  []string // names that earlier lines give by into= when they run
}

// split takes a line apart. Words are separated by blanks. 'single' quotes take everything as it is, "double" quotes take \" and \\.
// Quotes may begin in mid-word, as in body='{"a": 1}'. $(VAR), ${VAR} and $VAR stand for a variable's value, which is never split or
// expanded again. $$ is a dollar, and so is a $ before anything else. The error is an *Error.
func split(text string, scope Scope) ([]Word, error) {
	r := reader{text: text, scope: scope}
	var words []Word
	for r.blanks(); r.more(); r.blanks() {
		w, err := r.word()
		if err != nil {
			return words, err
		}
		words = append(words, w)
	}
	return words, nil
}

// reader walks over the text of a line.
type reader struct {
	text  string
	at    int
	scope Scope
	w     *Word // the word that is being read
}

func (r *reader) more() bool { return r.at < len(r.text) }

func (r *reader) blanks() {
	for r.more() && blank(r.text[r.at]) {
		r.at++
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (r *reader) errorf(at int, format string, args ...any) error {
	return (&Word{Column: at + 1}).Expected(format, args...)
}

// word reads up to the next blank outside quotes.
func (r *reader) word() (Word, error) {
	var text strings.Builder
	begin := r.at
	w := Word{Column: begin + 1, plain: -1}
	r.w = &w
	for r.more() && !blank(r.text[r.at]) {
		c := r.text[r.at]
		if w.plain < 0 && (c == '\'' || c == '"' || c == '$') {
			w.plain = text.Len()
		}
		var err error
		switch c {
		case '\'':
			err = r.single(&text)
		case '"':
			err = r.double(&text)
		case '$':
			err = r.dollar(&text)
		default:
			text.WriteByte(c)
			r.at++
		}
		if err != nil {
			return w, err
		}
	}
	w.Text, w.Written = text.String(), r.text[begin:r.at]
	if w.plain < 0 {
		w.plain = len(w.Text)
	}
	return w, nil
}

func (r *reader) single(text *strings.Builder) error {
	quoted, rest, ok := strings.Cut(r.text[r.at+1:], "'")
	if !ok {
		return r.errorf(r.at, "expected a closing ' after this one")
	}
	text.WriteString(quoted)
	r.w.single += quoted
	r.at = len(r.text) - len(rest)
	return nil
}

func (r *reader) double(text *strings.Builder) error {
	open := r.at
	if strings.ContainsAny(text.String(), "{[") && r.w.plain == text.Len() {
		r.w.unquoted = true
	}
	for r.at++; r.more(); {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return nil
		case c == '$':
			if err := r.dollar(text); err != nil {
				return err
			}
			continue
		case c == '\\' && r.at+1 < len(r.text) && strings.IndexByte(`"\`, r.text[r.at+1]) >= 0:
			r.at++
			fallthrough
		default:
			text.WriteByte(r.text[r.at])
			r.at++
		}
	}
	return r.errorf(open, `expected a closing " after this one`)
}

// dollar reads a variable, or a dollar that is none.
func (r *reader) dollar(text *strings.Builder) error {
	begin := r.at
	name, err := r.name()
	switch {
	case err != nil:
		return err
	case name == "":
		text.WriteByte('$')
		return nil
	}
	value, late := name, slices.Contains(r.scope.Given, name) // a late name stands for its value until there is one
	if !late {
		var set bool
		if value, set = r.scope.Lookup(name); !set {
			return r.errorf(begin, "the variable %s is not set", name)
		}
	}
	r.w.variables = append(r.w.variables, variable{name, text.Len(), text.Len() + len(value), late})
	text.WriteString(value)
	return nil
}

// name moves past $VAR, ${VAR}, $(VAR), $$ or a lone $. It is empty if no variable was named.
func (r *reader) name() (string, error) {
	begin := r.at
	r.at++
	switch rest := r.text[r.at:]; {
	case strings.HasPrefix(rest, "$"):
		r.at++
		return "", nil
	case strings.HasPrefix(rest, "("):
		return r.bracketed(begin, ")")
	case strings.HasPrefix(rest, "{"):
		return r.bracketed(begin, "}")
	default:
		n := identifier(rest)
		r.at += n
		return rest[:n], nil
	}
}

func (r *reader) bracketed(begin int, closing string) (string, error) {
	name, rest, ok := strings.Cut(r.text[r.at+1:], closing)
	if !ok {
		return "", r.errorf(begin, "expected %s after the variable's name", closing)
	}
	if name == "" || identifier(name) < len(name) {
		return "", r.errorf(begin, "expected a variable's name (letters, digits and _), got %s", Quoted(name))
	}
	r.at = len(r.text) - len(rest)
	return name, nil
}

// identifier is the length of the variable name that s begins with.
func identifier(s string) int {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}
