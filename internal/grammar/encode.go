package grammar

import (
	"encoding/json"
	"fmt"
	"strings"
)

// An Encoding writes a variable's value so that it stays within its place in a text. before is the text up to there, after is what of the
// line itself follows. False: the value cannot stand there.
type Encoding func(before, value, after string) (string, bool)

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

// fill leaves late names as they are where late is nil.
func (w *Word) fill(e Encoding, late func(name string) (string, error)) (*Word, error) {
	filled := *w
	filled.variables = nil
	var text strings.Builder
	at := 0
	for n, v := range w.variables {
		text.WriteString(w.Text[at:v.from])
		at = v.to
		value, from, ok := w.Text[v.from:v.to], text.Len(), true
		if v.late && late != nil {
			var err error
			if value, err = late(v.name); err != nil {
				return nil, err
			}
		}
		v.late = v.late && late == nil
		if e != nil && !v.late {
			if value, ok = e(text.String(), value, w.after(n)); !ok {
				return nil, fmt.Errorf("$(%s) is %s, which cannot stand in a URL", v.name, value)
			}
		}
		text.WriteString(value)
		filled.variables = append(filled.variables, variable{v.name, from, text.Len(), v.late})
	}
	filled.Text = text.String() + w.Text[at:]
	return &filled, nil
}

// after is what the line itself has after a variable, without the values of later ones.
func (w *Word) after(n int) (text string) {
	at := w.variables[n].to
	for _, v := range w.variables[n+1:] {
		text += w.Text[at:v.from]
		at = v.to
	}
	return text + w.Text[at:]
}

// apart are what separates the URLs of a list. One URL alone has none of them unencoded but a comma.
const apart = ", \n\t"

// InURLs is [InURL] in a list of URLs.
func InURLs(before, value, after string) (string, bool) {
	return InURL(before[strings.LastIndexAny(before, apart)+1:], value, after)
}

// InURL percent-encodes a value for its part of a URL. The value with which the URL begins stays as it is. So does, but for what would end
// it, one that is all of the host, the userinfo, the query, or a path after the host. Dots alone are no segment of a path:
// servers take them for steps, however they are written.
func InURL(before, value, after string) (string, bool) {
	_, rest, has := strings.Cut(before, "://")
	socket, unix := strings.CutPrefix(before, "http+unix:")
	switch slash := strings.Contains(before, "/"); {
	case unix && !has && !strings.Contains(socket, ":"), !has && !slash:
		return value, true
	case strings.Contains(before, "#"):
	case strings.Contains(before, "?"):
		return InForm(before[strings.IndexByte(before, '?')+1:], value, after)
	case has && !strings.Contains(rest, "/"):
		if user := strings.IndexByte(after, '@'); user >= 0 && user < strings.IndexAny(after+"/", "/?#") {
			if user > 0 || rest != "" {
				return escape(value, ""), true
			}
			return escape(value, ":"), true
		}
		if rest != "" && strings.HasPrefix(value, "/") {
			return escape(value, "/"), true
		}
		return escape(value, ":[]%"), true
	case value != "" && strings.Trim(value, ".") == "":
		return value, false
	}
	return escape(value, ""), true
}

// InForm percent-encodes a value of a query or of a form. What stands where a name does may be several of them.
func InForm(before, value, _ string) (string, bool) {
	if last := before[strings.LastIndexByte(before, '&')+1:]; strings.Contains(last, "=") {
		return escape(value, ""), true
	}
	return escape(value, "&=+%"), true
}

// InJSON escapes a value inside a string of JSON. Elsewhere it may be any JSON.
func InJSON(before, value, _ string) (string, bool) {
	inside := false
	for n := 0; n < len(before); n++ {
		switch {
		case before[n] == '"':
			inside = !inside
		case inside && before[n] == '\\':
			n++
		}
	}
	if !inside {
		return value, true
	}
	text, _ := json.Marshal(value)
	return string(text[1 : len(text)-1]), true
}

// IsJSON tells whether the word is JSON that has its variables in it, and is not one alone.
func (w *Word) IsJSON() bool {
	if len(w.variables) == 1 && w.variables[0].from == 0 && w.variables[0].to == len(w.Text) {
		return false
	}
	all := *w
	all.variables = nil
	for _, v := range w.variables {
		v.late = true
		all.variables = append(all.variables, v)
	}
	filled, err := all.fill(nil, func(string) (string, error) { return "0", nil })
	return err == nil && json.Valid([]byte(filled.Text))
}

// escape percent-encodes all but what means the same in each part of a URL (RFC 3986, 2.3), and what is kept.
func escape(value, keep string) string {
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
