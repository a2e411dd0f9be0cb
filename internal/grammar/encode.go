package grammar

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// An Encoding writes a variable's value so that it stays within its place in a text. before is the text before the variable. after is
// the text after it, without the values of later variables. The error says why the value cannot stand there. It continues a sentence
// that begins with the variable's name.
type Encoding func(before, value, after string) (string, error)

// With is the word with the values of its variables encoded. Late names stay names. Its error is an [Error].
func (w *Word) With(e Encoding) (*Word, error) {
	filled, err := w.fill(e, nil)
	if err != nil {
		return nil, w.Expected("%v", err)
	}
	return filled, nil
}

// Fill is the word's text with the values of its late names. The values of all its variables are encoded.
func (w *Word) Fill(e Encoding, late func(name string) (string, error)) (string, error) {
	filled, err := w.fill(e, late)
	if err != nil {
		return "", err
	}
	return filled.Text, nil
}

// With is the option with the values of its variables encoded within its own value. Its error is an [Error].
func (o *Option) With(e Encoding) (*Option, error) {
	before := len(o.Key) + len("=")
	filled, err := o.Word.With(func(text, value, after string) (string, error) { return e(text[before:], value, after) })
	if err != nil {
		return nil, err
	}
	return &Option{o.Key, filled.Text[before:], *filled}, nil
}

// fill leaves late names as they are if late is nil.
func (w *Word) fill(e Encoding, late func(name string) (string, error)) (*Word, error) {
	filled := *w
	filled.variables = nil
	var text strings.Builder
	at := 0
	for n, v := range w.variables {
		text.WriteString(w.Text[at:v.from])
		at = v.to
		value, from := w.Text[v.from:v.to], text.Len()
		var err error
		if v.late && late != nil {
			if value, err = late(v.name); err != nil {
				return nil, err
			}
		}
		v.late = v.late && late == nil
		if e != nil && !v.late {
			if value, err = e(text.String(), value, w.replaced(v.to, w.variables[n+1:], "")); err != nil {
				return nil, fmt.Errorf("$(%s) %w", v.name, err)
			}
		}
		text.WriteString(value)
		filled.variables = append(filled.variables, variable{v.name, from, text.Len(), v.late})
	}
	filled.Text = text.String() + w.Text[at:]
	return &filled, nil
}

// replaced is the text from at on, with another text in place of the values of these variables.
func (w *Word) replaced(at int, variables []variable, by string) (text string) {
	for _, v := range variables {
		text += w.Text[at:v.from] + by
		at = v.to
	}
	return text + w.Text[at:]
}

// betweenURLs are the characters that separate the URLs of a list. A single URL may have only one of them unencoded: the comma.
const betweenURLs = ", \n\t"

// SeparatesURLs tells whether a character separates the URLs of a list.
func SeparatesURLs(r rune) bool { return strings.ContainsRune(betweenURLs, r) }

// InURLs is [InURL] in a list of URLs.
func InURLs(before, value, after string) (string, error) {
	return InURL(before[strings.LastIndexAny(before, betweenURLs)+1:], value, after)
}

// InURL percent-encodes a value for its part of a URL. The value with which the URL begins stays as it is. A value may also be the whole
// host, userinfo or query, or a path after the host. Then it keeps the separators of that part, such as the : of a port, but nothing
// that would end the part. Dots alone are refused as a segment of a path: servers take them for steps, however they are written.
func InURL(before, value, after string) (string, error) {
	_, rest, has := strings.Cut(before, "://")
	socket, unix := strings.CutPrefix(before, "http+unix:")
	switch slash := strings.Contains(before, "/"); {
	case unix && !has && !strings.Contains(socket, ":"), !has && !slash:
		return value, nil
	case strings.Contains(before, "#"):
	case strings.Contains(before, "?"):
		return InForm(before[strings.IndexByte(before, '?')+1:], value, after)
	case has && !strings.Contains(rest, "/"):
		return percentEncode(value, keptBeforePath(rest, value, after)), nil
	case value != "" && strings.Trim(value, ".") == "":
		return "", fmt.Errorf("is %s, which cannot stand in a URL", value)
	}
	return percentEncode(value, ""), nil
}

// keptBeforePath are the separators that a value keeps in the userinfo or the host of a URL. rest is what stands between the scheme and
// the value.
func keptBeforePath(rest, value, after string) string {
	user := strings.IndexByte(after, '@')
	inUser := user >= 0 && user < strings.IndexAny(after+"/", "/?#")
	switch {
	case inUser && (user > 0 || rest != ""):
		return ""
	case inUser:
		return ":"
	case rest != "" && strings.HasPrefix(value, "/"):
		return "/"
	}
	return ":[]%"
}

// InForm percent-encodes a value of a query or of a form. A value in the place of a name may be several names and values.
func InForm(before, value, _ string) (string, error) {
	if last := before[strings.LastIndexByte(before, '&')+1:]; strings.Contains(last, "=") {
		return percentEncode(value, ""), nil
	}
	return percentEncode(value, "&=+%"), nil
}

// InJSON escapes a value inside a string of JSON. Outside a string the value may be any JSON.
func InJSON(before, value, _ string) (string, error) {
	if opened(before, `"`) < 0 {
		return value, nil
	}
	text, _ := json.Marshal(value)
	return string(text[1 : len(text)-1]), nil
}

// InPath escapes a value inside the quotes of a JSON path, as in .a["$(V)"]. It puts quotes around a value that is a whole key, as in
// .a.$(V). The value with which the path begins stays as it is.
func InPath(before, value, after string) (string, error) {
	switch {
	case opened(before, `"`) >= 0:
		return inQuotes(value, '"'), nil
	case before == "" || before == "count(" || value != "" && !strings.ContainsAny(value, `.[]()"`):
		return value, nil
	case strings.HasSuffix(before, ".") && (after == "" || strings.IndexByte(".[)", after[0]) >= 0):
		return `["` + inQuotes(value, '"') + `"]`, nil
	}
	return "", errors.New("has no value that can be a part of a key, or the number of an element")
}

// InSelector escapes a value inside the quotes of a metric's selector. In a regular expression the value stands for itself, unless it is
// the whole expression. Outside of quotes it may be any part of the selector.
func InSelector(before, value, after string) (string, error) {
	at := opened(before, "\"'`")
	if at < 0 {
		return value, nil
	}
	whole := at == len(before)-1 && strings.HasPrefix(after, before[at:])
	if !whole && strings.HasSuffix(strings.TrimRight(before[:at], " \t\r\n"), "~") {
		value = regexp.QuoteMeta(value)
	}
	if before[at] == '`' && strings.Contains(value, "`") {
		return "", errors.New("has a backquote in it, which cannot stand between backquotes: take double quotes")
	}
	return inQuotes(value, before[at]), nil
}

// opened is where the quotes begin that are still open at the end of text; negative: none are. Backslashes escape in all quotes but
// backquotes.
func opened(text, quotes string) int {
	at := -1
	for n := 0; n < len(text); n++ {
		switch {
		case at < 0 && strings.IndexByte(quotes, text[n]) >= 0:
			at = n
		case at < 0:
		case text[n] == text[at]:
			at = -1
		case text[n] == '\\' && text[at] != '`':
			n++
		}
	}
	return at
}

// inSingle turns a text as Go writes it in double quotes into one for single quotes.
var inSingle = strings.NewReplacer(`\\`, `\\`, `\"`, `"`, `'`, `\'`)

// inQuotes escapes a value as Go and PromQL do in such quotes.
func inQuotes(value string, quote byte) string {
	if quote == '`' {
		return value
	}
	text := strconv.Quote(value)
	if text = text[1 : len(text)-1]; quote == '\'' {
		text = inSingle.Replace(text)
	}
	return text
}

// IsJSON tells whether the word is JSON with its variables in it, and is not a variable alone. It may be several objects, a line each,
// as Elasticsearch's _bulk takes them.
func (w *Word) IsJSON() bool {
	if len(w.variables) == 1 && w.variables[0].from == 0 && w.variables[0].to == len(w.Text) {
		return false
	}
	objects := json.NewDecoder(strings.NewReader(w.replaced(0, w.variables, "0")))
	for several := false; ; several = true {
		var one json.RawMessage
		switch err := objects.Decode(&one); {
		case err == io.EOF:
			return several
		case err != nil || (several || objects.More()) && one[0] != '{':
			return false
		}
	}
}

// percentEncode encodes all characters except those in keep and those that mean the same in each part of a URL (RFC 3986, 2.3).
func percentEncode(value, keep string) string {
	var text strings.Builder
	for _, b := range []byte(value) {
		if 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("-._~"+keep, b) >= 0 {
			text.WriteByte(b)
		} else {
			fmt.Fprintf(&text, "%%%02X", b)
		}
	}
	return text.String()
}
