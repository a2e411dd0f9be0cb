// Package metrics reads what a program tells of itself: a [Selector] picks series out of Prometheus' text format
// (0.0.4, or OpenMetrics 1.0) or out of Envoy's JSON stats, and adds them up.
//
// It reads a stream in flat memory and keeps nothing but the sum. What it cannot read, or where nothing is selected, is
// an error and never zero: whoever waits for zero would take it for the end of the traffic. It fetches nothing and
// knows no conditions.
//
// Prometheus' own library would do it too, with protobuf and more than a megabyte of the binary.
package metrics

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Selector is what PromQL calls an instant vector selector: name{label="text",other=~"regexp"}. All its matchers must
// match; a label that a series does not have is the empty text.
type Selector struct {
	text     string
	matchers []matcher
}

// nameLabel is the label under which PromQL has a series' name.
const nameLabel = "__name__"

type matcher struct {
	label  string
	text   string
	regexp *regexp.Regexp // in place of text
	negate bool
}

// matches does not allocate.
func (m matcher) matches(value []byte) bool {
	if m.regexp != nil {
		return m.regexp.Match(value) != m.negate
	}
	return (string(value) == m.text) != m.negate
}

func (s Selector) String() string { return s.text }

// ParseSelector reads a selector. The name may be any text without blanks, quotes, commas and braces, since Envoy's
// stats have dots and dashes in theirs. Regular expressions match whole values. Errors name the column, from 1 in bytes.
func ParseSelector(text string) (Selector, error) {
	p := selectorParser{text: text}
	s := Selector{text: text}
	p.blanks()
	if name := p.run(func(c byte) bool { return strings.IndexByte("{}\"', \t\r\n", c) < 0 }); name != "" {
		s.matchers = append(s.matchers, matcher{label: nameLabel, text: name})
	}
	if p.blanks(); p.take("{") {
		if err := p.matchers(&s); err != nil {
			return Selector{}, err
		}
	}
	if p.blanks(); p.at < len(text) {
		return Selector{}, p.expected("the end")
	}
	if len(s.matchers) == 0 {
		return Selector{}, p.expected(`a metric's name, as in requests_active{app="web"}`)
	}
	return s, nil
}

type selectorParser struct {
	text string
	at   int
}

func (p *selectorParser) expected(what string) error {
	got := "nothing more"
	if p.at < len(p.text) {
		got = strconv.Quote(excerpt(p.text[p.at:]))
	}
	return fmt.Errorf("column %d: expected %s, got %s", p.at+1, what, got)
}

func (p *selectorParser) run(of func(byte) bool) string {
	begin := p.at
	for p.at < len(p.text) && of(p.text[p.at]) {
		p.at++
	}
	return p.text[begin:p.at]
}

func (p *selectorParser) blanks() { p.run(func(c byte) bool { return c == ' ' || c == '\t' }) }

func (p *selectorParser) take(prefix string) bool {
	ok := strings.HasPrefix(p.text[p.at:], prefix)
	if ok {
		p.at += len(prefix)
	}
	return ok
}

// matchers reads up to the closing brace.
func (p *selectorParser) matchers(s *Selector) error {
	for {
		if p.blanks(); p.take("}") {
			return nil
		}
		m, err := p.matcher()
		if err != nil {
			return err
		}
		s.matchers = append(s.matchers, m)
		if p.blanks(); !p.take(",") && !strings.HasPrefix(p.text[p.at:], "}") {
			return p.expected("a comma or }")
		}
	}
}

func (p *selectorParser) matcher() (m matcher, err error) {
	begin := p.at
	if m.label = p.run(isLabel); m.label == "" || isDigit(m.label[0]) {
		p.at = begin
		return m, p.expected("a label's name")
	}
	p.blanks()
	isRegexp := false
	switch {
	case p.take("=~"):
		isRegexp = true
	case p.take("!~"):
		isRegexp, m.negate = true, true
	case p.take("!="):
		m.negate = true
	case p.take("="):
	default:
		return m, p.expected("=, !=, =~ or !~")
	}
	p.blanks()
	begin = p.at
	if m.text, err = p.quoted(); err != nil || !isRegexp {
		return m, err
	}
	if m.regexp, err = regexp.Compile("^(?s:" + m.text + ")$"); err != nil {
		p.at = begin
		return m, fmt.Errorf("column %d: expected a regular expression: %w", begin+1, err)
	}
	return m, nil
}

var errQuote = errors.New("no closing quote")

// quoted reads 'text' or "text", in which a backslash takes what follows as Go does.
func (p *selectorParser) quoted() (string, error) {
	rest := p.text[p.at:]
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return "", p.expected("a value in quotes")
	}
	n, err := closing(rest)
	if err != nil {
		return "", p.expected("a closing quote after this")
	}
	inner := rest[1:n]
	if rest[0] == '\'' {
		inner = strings.ReplaceAll(strings.ReplaceAll(inner, `\'`, `'`), `"`, `\"`)
	}
	text, err := strconv.Unquote(`"` + inner + `"`)
	if err != nil {
		return "", p.expected(`a value whose backslashes are written as \\`)
	}
	p.at += n + 1
	return text, nil
}

// closing is where the quote that a text begins with is closed.
func closing(text string) (int, error) {
	for n := 1; n < len(text); n++ {
		switch text[n] {
		case '\\':
			n++
		case text[0]:
			return n, nil
		}
	}
	return 0, errQuote
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLabel(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c)
}

// excerpt is as much of a text as an error repeats.
func excerpt(text string) string {
	const most = 60
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
