package metrics

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// nameLabel is the label that holds a series' name in PromQL.
const nameLabel = "__name__"

// A Selector is what PromQL calls an instant vector selector: name{label="text",other=~"regexp"}. All its matchers must
// match. If a series does not have a label, its value is the empty text. The zero Selector selects nothing.
type Selector struct {
	text   string
	names  []matcher // of __name__
	labels []matcher
}

// String is the selector as it was written.
func (s Selector) String() string { return s.text }

var promQL = dialect{
	blanks:    " \t\r\n",
	isName:    func(r rune) bool { return !strings.ContainsRune("{}\", \t\r\n", r) },
	operators: []string{"=~", "!~", "!=", "="},
	quotes:    "\"'`",
	escapes:   `abfnrtv\'"xuU01234567`,
}

// ParseSelector reads a selector. The name may be any text without blanks, double quotes, commas and braces, since the
// names of Envoy's stats have dots and dashes. Any other name stands in the braces, in quotes. Regular expressions match whole
// values. Errors name the column, in bytes from 1, and what was expected there.
func ParseSelector(text string) (Selector, error) {
	c, s := promQL.over(text), Selector{text: text}
	if !utf8.ValidString(text) {
		c.expected("UTF-8", text)
	}
	c.takeBlanks()
	place := c.rest
	terms := c.series()
	if c.takeBlanks(); c.rest == place {
		c.expected(`a metric's name, as in requests_active{app="web"}`, place)
	} else if c.rest != "" {
		c.expected("the end", c.rest)
	}
	selective := false // PromQL, too, refuses a selector that matches the empty text
	for i, t := range terms {
		m, err := t.matcher()
		switch {
		case err != nil:
			c.expected(err.Error(), t.place)
		case m.label != "":
			s.labels = append(s.labels, m)
		case i > 0 && terms[0].place == place:
			c.expected("one name", t.place)
		default:
			s.names = append(s.names, m)
		}
		selective = selective || !m.matches("")
	}
	if !selective {
		c.expected("a name, or a matcher that the empty text does not match", place)
	}
	if c.err != nil {
		return Selector{}, c.err
	}
	return s, nil
}

// matcher is label="text", label!="text", label=~"regexp" or label!~"regexp".
type matcher struct {
	label  string // empty: the name
	text   string
	regexp *regexp.Regexp // in place of text
	negate bool
}

// matcher compiles a regular expression for whole values. It tries the expression alone first: a)(b is wrong, but would be right
// inside the brackets that are put around it.
func (t term) matcher() (m matcher, err error) {
	m = matcher{label: t.label, text: t.value, negate: strings.HasPrefix(t.operator, "!")}
	if t.label == nameLabel {
		m.label = ""
	}
	if !strings.HasSuffix(t.operator, "~") {
		return m, nil
	}
	if _, err = regexp.Compile(t.value); err == nil {
		m.regexp, err = regexp.Compile("^(?s:" + t.value + ")$")
	}
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return m, fmt.Errorf("a regular expression (%s: %q)", e.Code, excerpt(e.Expr))
	}
	return m, err
}

func (m matcher) matches(value string) bool {
	if m.regexp != nil {
		return m.regexp.MatchString(value) != m.negate
	}
	return (value == m.text) != m.negate
}
