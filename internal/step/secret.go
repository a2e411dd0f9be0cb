package step

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Hide declares that a text of the line is a secret.
func (l *Line) Hide(text string) { l.hide(Secret{Text: text}) }

func (l *Line) hide(s Secret) {
	if s.Text != "" {
		l.secrets = append(l.secrets, s)
	}
}

// HideField declares the value of a header, or of another field, as a secret, if the field's name says so.
func (l *Line) HideField(field, value string) { l.hide(Secret{Text: value, Field: field}) }

// HideVariables declares the values of all variables in a word as secrets: a word that is a header or a body.
func (l *Line) HideVariables(w *Word) {
	for _, v := range w.variables {
		l.hideVariable(w, v)
	}
}

func (l *Line) hideVariable(w *Word, v variable) {
	value := strings.TrimSpace(w.Text[v.from:v.to]) // of a file's blanks less may turn up
	if !v.late && !Public(v.name, value) {
		l.hide(Secret{Text: value, Variable: v.name})
	}
}

// least is how long a variable's value is that can be taken out of any text without spoiling it.
const least = 6

// Public tells whether a variable's value may stand in any text: everybody may know who the pod is, and a number or a short
// word may mean something else where it turns up.
func Public(name, value string) bool {
	_, err := strconv.ParseFloat(value, 64)
	return strings.HasPrefix(name, "POD_") || name == "NAMESPACE" || name == "HOSTNAME" || name == "NODE_NAME" || len(value) < least || err == nil
}

// HideURL declares what is secret in a word that is, or ends in, the URL u: its userinfo, the query's values that come from
// variables, and those whose name says so.
func (l *Line) HideURL(w *Word, u *url.URL) {
	l.HideUserinfo(u)
	for parameter := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		if !slices.ContainsFunc(w.Late(), func(late string) bool { return strings.Contains(value, late) }) {
			l.HideField(name, value)
		}
	}
	end := strings.Index(w.Text, "://")
	if end < 0 {
		end = 0
	}
	at, query := strings.LastIndexByte(w.Text, '@'), strings.IndexByte(w.Text, '?')
	for _, v := range w.variables {
		if v.from >= end && v.to <= at || query >= 0 && v.from > query {
			l.hideVariable(w, v)
		}
	}
}

// HideUserinfo declares a URL's user and password as secrets.
func (l *Line) HideUserinfo(u *url.URL) {
	if password, ok := u.User.Password(); ok {
		l.Hide(password)
		l.Hide(u.User.Username() + ":" + password)
	}
	l.Hide(u.User.String())
}
