// Package secret takes secrets out of text.
//
// A [Set] holds what was declared a secret: what a file held, a password in a URL, a variable in a header. [Set.Hide] replaces
// each of them by *** or by the variable's name, in every way of writing that we know of. Nothing else is a secret here: a
// text that was not declared is never touched.
//
// Whoever makes a text for others hides it whole, before it is shortened. The package is for internal/hook, which
// declares what the steps say, and for cmd/prestop, which prints.
package secret

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/step"
)

// A Set hides secrets. Its zero value hides none. It is safe for concurrent use.
type Set struct {
	outer *Set

	mu       sync.Mutex
	declared map[[2]string]bool  // a secret, and what is shown for it
	hidden   map[string]string   // a form of a secret, up to the longest -> what is shown for it
	tails    map[string][]string // such a form -> what may come after it
	finder   *finder             // of all hidden; nil: to be made
}

// Inside gives a set that hides what s does, and more that is declared to it alone.
func (s *Set) Inside() *Set { return &Set{outer: s} }

const (
	// shortest is how long a text is that can be taken out of others without spoiling them.
	shortest = 4
	stars    = "***"
)

// Add declares a secret. Less than 4 bytes are none.
func (s *Set) Add(text string) { s.add(text, stars) }

// AddVariable declares a variable's value, for which its name is shown. Of the blanks around it less may turn up.
func (s *Set) AddVariable(name, value string) { s.add(strings.TrimSpace(value), "$("+name+")") }

func (s *Set) add(text, shown string) {
	if len(text) < shortest {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.declared[[2]string{text, shown}] {
		return
	}
	if s.hidden == nil {
		s.declared, s.hidden, s.tails = make(map[[2]string]bool), make(map[string]string), make(map[string][]string)
	}
	s.declared[[2]string{text, shown}] = true
	for _, form := range forms(text) {
		if len(form) > longest {
			form, s.tails[form[:longest]] = form[:longest], append(s.tails[form[:longest]], form[longest:])
			s.finder = nil
		}
		if _, known := s.hidden[form]; len(form) >= shortest && (!known || shown == stars) {
			s.hidden[form] = shown
			s.finder = nil
		}
	}
}

// AddLine declares what a step's line says of secrets.
func (s *Set) AddLine(all []step.Secret) {
	for _, one := range all {
		switch {
		case one.Variable != "":
			s.AddVariable(one.Variable, one.Text)
			s.addParts(one.Text, "$("+one.Variable+")")
		case one.Field == "":
			s.Add(one.Text)
		case telling(one.Field):
			s.AddCredential(one.Text)
		}
	}
}

// AddURL declares what is secret in a URL that somebody set: its user and password, and the values of its query.
func (s *Set) AddURL(u *url.URL) {
	s.addUserinfo(u)
	for _, values := range u.Query() {
		for _, value := range values {
			if !step.Public("", value) {
				s.Add(value)
			}
		}
	}
	for parameter := range strings.SplitSeq(u.RawQuery, "&") {
		if name, value, _ := strings.Cut(parameter, "="); telling(name) {
			s.AddCredential(value)
		}
	}
}

func (s *Set) addUserinfo(u *url.URL) {
	if password, ok := u.User.Password(); ok {
		s.Add(password)
		s.Add(u.User.Username() + ":" + password)
	}
	s.Add(u.User.String())
}

// words are what the name of a header or of a parameter has in it if its value is a secret.
var words = []string{"auth", "token", "key", "secret", "password", "cookie", "session"}

func telling(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(name, word) })
}

// AddCredential declares a header's value and what is in it. A server may name any part of it when it refuses.
func (s *Set) AddCredential(text string) {
	s.Add(text)
	s.addParts(text, stars)
}

// addParts declares the key behind a scheme, what a key of basic authentication stands for, and the values of cookies.
func (s *Set) addParts(text, shown string) {
	_, key, _ := strings.Cut(text, " ")
	s.add(key, shown)
	if plain, err := base64.StdEncoding.DecodeString(key); err == nil && utf8.Valid(plain) {
		_, password, _ := strings.Cut(string(plain), ":")
		s.add(string(plain), shown)
		s.add(password, shown)
	}
	for cookie := range strings.SplitSeq(text, ";") {
		_, value, _ := strings.Cut(cookie, "=")
		s.add(value, shown)
	}
}

// Cut is how a text ends that was shortened before it came here, as that of a server.
const Cut = "…"

// Hide is text without what is secret, and without the beginning of a secret before [Cut]. What the set s is inside of goes
// first: a secret may have a value in it that s shows by a name.
func (s *Set) Hide(text string) string {
	if s == nil {
		return text
	}
	text = s.outer.Hide(text)
	s.mu.Lock()
	if s.finder == nil {
		s.finder = newFinder(s.hidden, s.tails)
	}
	f := s.finder
	s.mu.Unlock()
	return f.hide(text)
}

// File reads a secret from a file each time that it is called, and declares it.
func (s *Set) File(path string) func() (string, error) {
	return func() (string, error) {
		content, err := regular.Read(path)
		text := strings.TrimRight(string(content), "\r\n")
		s.AddCredential(text)
		return text, err
	}
}

// Password is [Set.File] for a user's password. What both are on the wire is declared as well.
func (s *Set) Password(user, path string) func() (string, error) {
	read := s.File(path)
	return func() (string, error) {
		text, err := read()
		if err == nil {
			s.Add(user + ":" + text)
		}
		return text, err
	}
}
