package main

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/prestop"
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

// variable shows a variable by its name, as it was written, instead of its value, of whose blanks less may turn up.
func (r *redactor) variable(name, value string) { r.show(strings.TrimSpace(value), "$("+name+")") }

func (r *redactor) show(text, instead string) {
	if len(text) < leastSecret {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hidden == nil {
		r.hidden = make(map[string]string)
	}
	all := forms(text)
	if plain, err := url.PathUnescape(text); err == nil && plain != text {
		all = append(all, forms(plain)...)
	}
	for _, form := range all {
		if _, known := r.hidden[form]; len(form) >= leastSecret && (!known || instead == "***") {
			r.hidden[form] = instead
		}
	}
}

// forms are the ways to write a text: as it is, on one line, in URLs, quoted, in JSON, in base64.
func forms(text string) []string {
	quoted := strconv.Quote(text)
	all := []string{text, strings.Join(strings.Fields(text), " "), url.QueryEscape(text), url.PathEscape(text), quoted[1 : len(quoted)-1]}
	if inJSON, err := json.Marshal(text); err == nil {
		all = append(all, string(inJSON[1:len(inJSON)-1]))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		all = append(all, encoding.EncodeToString([]byte(text)))
	}
	return all
}

// credentials takes out a URL's user and password, and parameters that are named like a secret.
func (r *redactor) credentials(u *url.URL) {
	if password, ok := u.User.Password(); ok {
		r.secret(password)
		r.secret(u.User.Username() + ":" + password)
	}
	r.secret(u.User.String())
	for parameter := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		r.named(name, value)
	}
}

// named takes out a value whose name says that it is a secret.
func (r *redactor) named(name, value string) {
	name = strings.ToLower(name)
	for _, word := range []string{"auth", "token", "key", "secret", "password", "cookie", "session"} {
		if strings.Contains(name, word) {
			r.credential(value)
			return
		}
	}
}

// credential takes out a header's value and what is in it: the key behind a scheme, what a key of basic
// authentication stands for, a cookie's value. A server may name any of them when it refuses.
func (r *redactor) credential(text string) {
	r.secret(text)
	_, key, _ := strings.Cut(text, " ")
	r.secret(key)
	if plain, err := base64.StdEncoding.DecodeString(key); err == nil && utf8.Valid(plain) {
		_, password, _ := strings.Cut(string(plain), ":")
		r.secret(string(plain))
		r.secret(password)
	}
	for cookie := range strings.SplitSeq(text, ";") {
		_, value, _ := strings.Cut(cookie, "=")
		r.secret(value)
	}
}

// written takes out a URL's credentials in the very letters in which a line has them.
func (r *redactor) written(line string) {
	for word := range strings.FieldsFuncSeq(line, separates) {
		_, rest, _ := strings.Cut(word, "://")
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			_, password, _ := strings.Cut(rest[:at], ":")
			r.secret(rest[:at])
			r.secret(password)
		}
	}
}

func separates(c rune) bool { return strings.ContainsRune(" \t\r\n'\"", c) }

// A line that cannot be parsed may have a secret in a URL, and after a word that sounds like one.
var (
	userinfo = regexp.MustCompile(`(?s)://(.*)@`)
	telling  = regexp.MustCompile(`(?is)(?:auth|token|key|secret|password|cookie|session)[a-z-]*['"]?[:= ](.*)`)
)

// unreadable takes every word out of what may be a secret in a line.
func (r *redactor) unreadable(line string) {
	for _, where := range []*regexp.Regexp{userinfo, telling} {
		for word := range strings.FieldsFuncSeq(submatch(where, line), separates) {
			r.secret(word)
			r.secret(submatch(telling, word))
		}
	}
}

func submatch(where *regexp.Regexp, text string) string {
	if found := where.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// hide is text without what is secret; longer secrets go first, since one may hold another.
func (r *redactor) hide(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := make([]string, 0, len(r.hidden))
	for form := range r.hidden {
		if strings.Contains(text, form) {
			found = append(found, form)
		}
	}
	sort.Slice(found, func(i, j int) bool { return len(found[i]) > len(found[j]) })
	for _, form := range found {
		text = strings.ReplaceAll(text, form, r.hidden[form])
	}
	return r.hideCut(text)
}

// cut is how a text that was shortened ends.
const cut = "…"

// hideCut takes out the first part of a secret whose end was cut off.
func (r *redactor) hideCut(text string) string {
	before, after, ok := strings.Cut(text, cut)
	if !ok {
		return text
	}
	longest, instead := 0, ""
	for form, shown := range r.hidden {
		for n := min(len(form)-1, len(before)); n >= leastSecret && n > longest; n-- {
			if strings.HasSuffix(before, form[:n]) {
				longest, instead = n, shown
			}
		}
	}
	return before[:len(before)-longest] + instead + cut + r.hideCut(after)
}

// report is a report that others may read.
func (r *redactor) report(from prestop.Report) prestop.Report {
	from.Steps = slices.Clone(from.Steps)
	for i := range from.Steps {
		from.Steps[i].Error = r.hide(from.Steps[i].Error)
	}
	return from
}

// file reads a secret from a file, and takes it out of the log from then on.
func (r *redactor) file(path string) func() (string, error) {
	return func() (string, error) {
		content, err := regular.Read(path)
		text := strings.TrimRight(string(content), "\r\n")
		r.credential(text)
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
