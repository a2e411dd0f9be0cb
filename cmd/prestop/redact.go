package main

import (
	"encoding/base64"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
)

// redactor takes secrets out of everything that is printed, logged or recorded.
type redactor struct {
	mu     sync.Mutex
	hidden map[string]string // text -> what is shown for it
}

// leastSecret is how long a text is that can be taken out of others without spoiling them.
const leastSecret = 4

// secret takes text out wherever it turns up, in the forms in which it travels.
func (r *redactor) secret(text string) { r.show(text, "***") }

// variable shows a variable by its name, as it was written, instead of its value.
func (r *redactor) variable(name, value string) { r.show(value, "$("+name+")") }

func (r *redactor) show(text, instead string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hidden == nil {
		r.hidden = make(map[string]string)
	}
	for _, form := range []string{text, url.QueryEscape(text), url.PathEscape(text), base64.StdEncoding.EncodeToString([]byte(text))} {
		if _, known := r.hidden[form]; len(text) >= leastSecret && (!known || instead == "***") {
			r.hidden[form] = instead
		}
	}
}

// credentials takes out a URL's user and password, and parameters that are named like a secret.
func (r *redactor) credentials(u *url.URL) {
	if password, ok := u.User.Password(); ok {
		r.secret(password)
		r.secret(u.User.Username() + ":" + password)
	}
	r.secret(u.User.String())
	for name, values := range u.Query() {
		for _, v := range values {
			r.named(name, v)
		}
	}
}

// named takes out a value whose name says that it is a secret.
func (r *redactor) named(name, value string) {
	name = strings.ToLower(name)
	for _, word := range []string{"auth", "token", "key", "secret", "password", "cookie", "session"} {
		if strings.Contains(name, word) {
			r.secret(value)
			return
		}
	}
}

// hide is text without what is secret; longer secrets go first, since one may hold another.
func (r *redactor) hide(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	forms := make([]string, 0, len(r.hidden))
	for form := range r.hidden {
		if strings.Contains(text, form) {
			forms = append(forms, form)
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, form := range forms {
		text = strings.ReplaceAll(text, form, r.hidden[form])
	}
	return text
}

// file reads a secret from a file, and takes it out of the log from then on.
func (r *redactor) file(path string) func() (string, error) {
	return func() (string, error) {
		content, err := os.ReadFile(path)
		text := strings.TrimRight(string(content), "\r\n")
		r.secret(text)
		return text, err
	}
}

// password is file for a user's password, whose form on the wire is taken out as well.
func (r *redactor) password(user, path string) func() (string, error) {
	read := r.file(path)
	return func() (string, error) {
		text, err := read()
		r.secret(user + ":" + text)
		return text, err
	}
}
