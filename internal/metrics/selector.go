package metrics

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Selector is what PromQL calls an instant vector selector: name{label="text",other=~"regexp"}. All its matchers must
// match; a label that a series does not have is the empty text. The zero Selector selects nothing.
type Selector struct {
	text   string
	names  []matcher // of __name__
	labels []matcher
}

// String is the selector as it was written.
func (s Selector) String() string { return s.text }

// ParseSelector reads a selector. The name may be any text without blanks, double quotes, commas and braces, since
// Envoy's stats have dots and dashes in theirs; any other stands in the braces, quoted. Regular expressions match whole
// values. Errors name the column, from 1 in bytes, and what was expected there.
func ParseSelector(text string) (Selector, error) {
	p := selectorParser{text: text, Selector: Selector{text: text}}
	if err := p.selector(); err != nil {
		return Selector{}, err
	}
	return p.Selector, nil
}

type selectorParser struct {
	Selector
	text string
	at   int
}

const anExample = `a metric's name, as in requests_active{app="web"}`

func (p *selectorParser) selector() error {
	if !utf8.ValidString(p.text) {
		return p.expected("UTF-8")
	}
	p.blanks()
	begin := p.at
	if name := p.run(func(c byte) bool { return strings.IndexByte("{}\", \t\r\n", c) < 0 }); name != "" {
		p.names = []matcher{{label: nameLabel, text: name}}
	}
	if p.blanks(); p.take("{") {
		if err := p.matchers(p.names != nil); err != nil {
			return err
		}
	}
	if p.blanks(); p.at < len(p.text) && p.at > begin {
		return p.expected("the end")
	}
	if p.at == begin {
		return p.expected(anExample)
	}
	if !p.selective() {
		p.at = begin
		return p.expected("a name, or a matcher that the empty text does not match")
	}
	return nil
}

// selective tells whether a series must have something to be selected. PromQL wants that too.
func (p *selectorParser) selective() bool {
	for _, m := range append(p.names[:len(p.names):len(p.names)], p.labels...) {
		if !m.matches(nil) {
			return true
		}
	}
	return false
}

// matchers reads up to the closing brace.
func (p *selectorParser) matchers(named bool) error {
	for {
		if p.blanks(); p.take("}") {
			return nil
		}
		begin := p.at
		m, err := p.matcher()
		switch {
		case err != nil:
			return err
		case m.label == nameLabel && named:
			p.at = begin
			return p.expected("one name")
		case m.label == nameLabel:
			p.names = append(p.names, m)
		default:
			p.labels = append(p.labels, m)
		}
		if p.blanks(); !p.take(",") && p.peek() != '}' {
			return p.expected("a comma or }")
		}
	}
}

// matcher reads label="value", or a name in quotes.
func (p *selectorParser) matcher() (m matcher, err error) {
	quoted := p.peek() == '"' || p.peek() == '\''
	if m.label, err = p.label(quoted); err != nil {
		return m, err
	}
	if p.blanks(); quoted && (p.peek() == ',' || p.peek() == '}') {
		return matcher{label: nameLabel, text: m.label}, nil
	}
	isRegexp, err := p.operator(&m)
	if err != nil {
		return m, err
	}
	p.blanks()
	begin := p.at
	if m.text, err = p.quoted("a value in quotes"); err != nil || !isRegexp {
		return m, err
	}
	if err = m.compile(); err != nil {
		return m, fmt.Errorf("column %d: expected a regular expression: %s", begin+1, reason(err))
	}
	return m, nil
}

func (p *selectorParser) label(quoted bool) (string, error) {
	begin := p.at
	var text string
	if quoted {
		var err error
		if text, err = p.quoted(""); err != nil {
			return "", err
		}
	} else if text = p.run(isLabel); text != "" && isDigit(text[0]) {
		text = ""
	}
	if text == "" {
		p.at = begin
		return "", p.expected("a label's name")
	}
	return text, nil
}

func (p *selectorParser) operator(m *matcher) (isRegexp bool, err error) {
	switch {
	case p.take("=~"):
		return true, nil
	case p.take("!~"):
		m.negate = true
		return true, nil
	case p.take("!="):
		m.negate = true
		return false, nil
	case p.take("="):
		return false, nil
	}
	return false, p.expected("=, !=, =~ or !~")
}

// reason says what is wrong with a regular expression, without repeating all of it.
func reason(err error) string {
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return fmt.Sprintf("%s: %q", e.Code, excerpt(e.Expr))
	}
	return err.Error()
}

// quoted reads "text" or 'text', in which a backslash means what it means in Go, or `text`, in which it means itself.
func (p *selectorParser) quoted(what string) (string, error) {
	quote, rest := p.peek(), ""
	switch quote {
	case '"', '\'', '`':
		rest = p.text[p.at+1:]
	default:
		return "", p.expected(what)
	}
	if quote == '`' {
		text, after, closed := strings.Cut(rest, "`")
		if !closed {
			return "", p.expected("a closing quote after this")
		}
		p.at = len(p.text) - len(after)
		return text, nil
	}
	return p.unquoted(quote, rest)
}

func (p *selectorParser) unquoted(quote byte, rest string) (string, error) {
	var text []byte
	for rest != "" && rest[0] != quote {
		r, wide, after, err := strconv.UnquoteChar(rest, quote)
		if err != nil {
			p.at = len(p.text) - len(rest)
			return "", p.expected(`an escape such as \\ or \n`)
		}
		if wide {
			text = utf8.AppendRune(text, r)
		} else {
			text = append(text, byte(r))
		}
		rest = after
	}
	if rest == "" {
		return "", p.expected("a closing quote after this")
	}
	p.at = len(p.text) - len(rest) + 1
	return string(text), nil
}

func (p *selectorParser) expected(what string) error {
	if p.at == len(p.text) {
		return fmt.Errorf("column %d: expected %s, got nothing more", p.at+1, what)
	}
	return fmt.Errorf("column %d: expected %s, got %q", p.at+1, what, excerpt(p.text[p.at:]))
}

func (p *selectorParser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *selectorParser) run(of func(byte) bool) string {
	begin := p.at
	for p.at < len(p.text) && of(p.text[p.at]) {
		p.at++
	}
	return p.text[begin:p.at]
}

func (p *selectorParser) blanks() {
	p.run(func(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' })
}

func (p *selectorParser) take(prefix string) bool {
	ok := strings.HasPrefix(p.text[p.at:], prefix)
	if ok {
		p.at += len(prefix)
	}
	return ok
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
