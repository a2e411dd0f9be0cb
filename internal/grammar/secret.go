package grammar

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A Secret is a text of a line that nobody may read elsewhere.
type Secret struct {
	Text     string
	Variable string // Text is the value of this variable, and its name is shown instead; empty: Text stood in the line
	Own      bool   // it may be no secret: it is hidden only in what its own step says
}

// hide declares that a text of the line is a secret.
func (l *Line) hide(text string) {
	if !Public("", text) {
		l.secrets = append(l.secrets, Secret{Text: text})
	}
}

// HideHeader declares the value of a header, which only blanks may follow in the word. Unless the header's name or the value tells
// otherwise, the value counts as a secret in what this step says.
func (l *Line) HideHeader(w *Word, name, value string) {
	l.hideVariables(w)
	begin := strings.LastIndex(w.Text, value)
	l.hideField(w.Part(begin, begin+len(value)), name)
}

func (l *Line) hideField(value *Word, name string) {
	if telling(name) && len(value.Late()) == 0 {
		l.hide(value.Text)
		return
	}
	at := 0 // the values of variables are hidden elsewhere, what stands around them here
	for _, v := range append(value.variables, variable{from: len(value.Text)}) {
		text := value.Text[at:v.from]
		if _, key, scheme := strings.Cut(text, " "); scheme && len(value.variables) > 0 {
			text = key
		}
		if !plain(name, text) {
			l.secrets = append(l.secrets, Secret{Text: text, Own: !telling(name)})
		}
		at = v.to
	}
}

// HideBody declares what is secret in a word that is a body.
func (l *Line) HideBody(w *Word) {
	l.hideVariables(w)
	l.hideShown(w, "")
}

// hideVariables declares the values of all variables in a word as secrets. The word is a header or a body.
func (l *Line) hideVariables(w *Word) {
	for _, v := range w.variables {
		l.hideVariable(w, v)
	}
}

func (l *Line) hideVariable(w *Word, v variable) {
	value := strings.TrimSpace(w.Text[v.from:v.to]) // where the value turns up, the blanks around it may be missing
	if !v.late && !Public(v.name, value) {
		l.secrets = append(l.secrets, Secret{Text: value, Variable: v.name})
	}
}

// Shortest is how long a text must be, in bytes, to be taken out of other texts without spoiling them.
const Shortest = 6

// Public tells whether a variable's value may stand in any text: everybody may know who the pod is, and a number or a short
// word may mean something else where it turns up.
func Public(name, value string) bool {
	_, err := strconv.ParseFloat(value, 64)
	return strings.HasPrefix(name, "POD_") && !telling(name) || name == "NAMESPACE" || name == "HOSTNAME" || name == "NODE_NAME" || len(value) < Shortest || err == nil
}

// HideURL declares what is secret in a word that is, or ends in, the URL u: its userinfo, values of its query that come from variables,
// and values of its query that may be secrets.
func (l *Line) HideURL(w *Word, u *url.URL) {
	l.hideURL(w, u)
	end := max(0, strings.Index(w.Text, "://"))
	at, query := strings.LastIndexByte(w.Text, '@'), strings.IndexByte(w.Text, '?')
	for _, v := range w.variables {
		if v.from >= end && v.to <= at || query >= 0 && v.from > query {
			l.hideVariable(w, v)
		}
		if query >= 0 && v.to > query && strings.Contains(w.Text[v.from:v.to], "=") { // the variable brings parameters of its own
			for _, one := range SecretsOf(u) {
				one.Own = false
				l.secrets = append(l.secrets, one)
			}
		}
	}
}

func (l *Line) hideURL(w *Word, u *url.URL) {
	if password, ok := u.User.Password(); ok {
		l.hide(password)
		l.hide(u.User.Username() + ":" + password)
	}
	l.hide(u.User.String())
	begin := strings.Index(w.Text, "?"+u.RawQuery) + 1
	for parameter := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		begin += len(parameter)
		l.hideField(w.Part(begin-len(value), begin), name)
		begin += len("&")
	}
}

// SecretsOf is what [Line.HideURL] declares of a URL that is in no line.
func SecretsOf(u *url.URL) []Secret {
	l := &Line{}
	l.hideURL(&Word{Text: "?" + u.RawQuery}, u)
	return l.secrets
}

// ValuesOf tells the texts in a document that may be secrets by themselves. The document is JSON, or has JSON or a form in each line. A
// text whose key or parameter tells of a secret may be a plain word.
func ValuesOf(document []byte, tell func(text string)) {
	if json.Valid(document) {
		valuesOfJSON(document, tell)
		return
	}
	for line := range bytes.SplitSeq(document, []byte("\n")) {
		if json.Valid(line) {
			valuesOfJSON(line, tell)
			continue
		}
		for parameter := range bytes.SplitSeq(line, []byte("&")) {
			name, text, _ := strings.Cut(string(parameter), "=")
			tellValue(name, text, tell)
		}
	}
}

// valuesOfJSON goes through a valid document once. A tree of all its values would take many times the document's memory, which is
// the app's, and would have only one of two values with the same key.
func valuesOfJSON(document []byte, tell func(text string)) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber() // a number may be larger than any of Go's
	valuesIn(d, "", tell)
}

// valuesIn reads the next value. name is the key that it has, or that the list around it has.
func valuesIn(d *json.Decoder, name string, tell func(text string)) {
	token, _ := d.Token()
	switch v := token.(type) {
	case string:
		tellValue(name, v, tell)
	case json.Delim:
		for d.More() {
			if v == '{' {
				key, _ := d.Token()
				name, _ = key.(string)
			}
			valuesIn(d, name, tell)
		}
		_, _ = d.Token() // the end of the list or the object
	}
}

func tellValue(name, text string, tell func(text string)) {
	if !Public("", text) && (telling(name) || !plain("", text)) {
		tell(text)
	}
}

// tellingWords are parts of the names of headers and parameters that have secret values.
var tellingWords = []string{"auth", "token", "key", "secret", "passw", "pwd", "cookie", "session", "credential", "signature"}

func telling(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(tellingWords, func(word string) bool { return strings.Contains(name, word) })
}

// harmless are headers that say what is sent, or who asks, and their families.
var harmless = []string{"accept", "content", "cache", "if", "user-agent", "host", "date", "expect", "referer", "connection"}

func isHarmless(field string) bool {
	field = strings.ToLower(field) + "-"
	return slices.ContainsFunc(harmless, func(family string) bool { return strings.HasPrefix(field, family+"-") })
}

// wordsPattern is a text that everybody may read: lower-case words and durations.
var wordsPattern = pattern{text: `^([a-z]+([-_.,/+][a-z]+)*|([0-9]+(ns|us|ms|s|m|h|d))+)$`}

// plain tells whether a value that stands in a line is certainly no secret. It looks into no list of passwords, but nobody should have a
// password without a digit or a capital.
func plain(field, value string) bool {
	return Public("", value) || isHarmless(field) || wordsPattern.regexp().MatchString(value)
}
