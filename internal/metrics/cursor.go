package metrics

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prestop/prestop/internal/escape"
)

// A dialect is what differs between PromQL and the text of an answer.
type dialect struct {
	blanks    string // what may stand between words
	isName    func(rune) bool
	operators []string
	quotes    string
	escapes   string // what may follow a backslash in quotes
	foreign   bool   // a server wrote the text: errors repeat a word from its beginning, since nobody recognises a secret by its end
}

// A cursor walks over a selector, or over a line of Prometheus' text. A place in the text is the rest of the text from there on. After
// the first error nothing is left to be read.
type cursor struct {
	dialect
	text, rest string
	err        error
}

func (d dialect) over(text string) *cursor { return &cursor{dialect: d, text: text, rest: text} }

// A term is label="value", or a metric's name, which has no label.
type term struct {
	place, label, operator, value string
}

// expected sets the error, if there is none yet.
func (c *cursor) expected(what, place string) {
	if c.err != nil {
		return
	}
	at, got := len(c.text)-len(place), "got nothing more"
	switch word := strings.LastIndexAny(c.text[:at], c.blanks) + 1; {
	case c.foreign && place != "" && word < at:
		got = "in " + strconv.Quote(excerpt(c.text[word:]))
	case place != "":
		got = "got " + strconv.Quote(excerpt(place))
	}
	c.err, c.rest = fmt.Errorf("column %d: expected %s, %s", at+1, what, got), ""
}

func (c *cursor) begins(prefixes string) bool {
	return c.rest != "" && strings.IndexByte(prefixes, c.rest[0]) >= 0
}

func (c *cursor) take(prefix string) (ok bool) {
	c.rest, ok = strings.CutPrefix(c.rest, prefix)
	return ok
}

// takeBlanks skips blanks, and tells whether there were any.
func (c *cursor) takeBlanks() bool { return c.takeWhile(c.isBlank) != "" }

func (c *cursor) isBlank(r rune) bool { return strings.ContainsRune(c.blanks, r) }

// takeWhile takes all characters up to the first that is not such a character.
func (c *cursor) takeWhile(is func(rune) bool) string {
	before := c.rest
	c.rest = strings.TrimLeftFunc(c.rest, is)
	return before[:len(before)-len(c.rest)]
}

// name reads a name in quotes, or a name that consists of such characters. An empty name is an error.
func (c *cursor) name(is func(rune) bool, what string) (name string, quoted bool) {
	place := c.rest
	if quoted = c.begins(`"'`); quoted {
		name = c.quoted()
	} else if !c.begins("0123456789") {
		name = c.takeWhile(is)
	}
	if name == "" {
		c.expected(what, place)
	}
	return name, quoted
}

// series reads a name, and the terms in braces after it. Either may be missing.
func (c *cursor) series() (all []term) {
	place := c.rest
	if name := c.takeWhile(c.isName); name != "" {
		all = []term{{place, "", "=", name}}
	}
	if c.takeBlanks(); !c.take("{") {
		return all
	}
	for c.takeBlanks(); c.err == nil && !c.take("}"); c.takeBlanks() {
		all = append(all, c.term())
		if c.takeBlanks(); !c.take(",") && !c.begins("}") {
			c.expected("a comma or }", c.rest)
		}
	}
	return all
}

func (c *cursor) term() term {
	place := c.rest
	name, quoted := c.name(isLabel, "a label's name")
	if c.takeBlanks(); quoted && c.begins(",}") {
		return term{place, "", "=", name}
	}
	for _, operator := range c.operators {
		if c.take(operator) {
			c.takeBlanks()
			return term{place, name, operator, c.quoted()}
		}
	}
	c.expected(strings.Join(c.operators, " or "), c.rest)
	return term{}
}

// quoted reads text in quotes. A backslash in backquotes means itself.
func (c *cursor) quoted() string {
	if !c.begins(c.quotes) {
		c.expected("text in quotes", c.rest)
		return ""
	}
	place, quote, special := c.rest, c.rest[:1], c.rest[:1]
	if quote != "`" {
		special += `\`
	}
	var text []byte
	for c.rest = c.rest[1:]; ; {
		end := strings.IndexAny(c.rest, special)
		if end < 0 {
			c.expected("a closing quote after this", place)
			return ""
		}
		text = append(text, c.rest[:end]...)
		if c.rest = c.rest[end:]; c.take(quote) {
			return string(text)
		}
		r, wide, after, err := strconv.UnquoteChar(c.rest, quote[0])
		switch {
		case err != nil || !strings.Contains(c.escapes, c.rest[1:2]):
			c.expected(`an escape such as \\ or \n`, c.rest)
			return ""
		case wide:
			text = utf8.AppendRune(text, r)
		default:
			text = append(text, byte(r))
		}
		c.rest = after
	}
}

func isLabel(r rune) bool {
	return r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// excerpt is as much of a text as an error repeats.
func excerpt(text string) string { return escape.Begun(text, 60) }
