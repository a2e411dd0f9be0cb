// Package secret takes secrets out of text.
//
// A [Set] holds what was declared a secret: what a file held, a password in a URL, a variable in a header. [Set.Hide] replaces
// each of them by *** or by the variable's name, however it is written and escaped. Nothing else is a secret here: a text
// that was not declared is never touched.
//
// A text for others is hidden whole, before it is shortened. The package is for internal/hook, which declares what the steps say, and
// for whoever shows or keeps a text.
package secret

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/prestop/prestop/internal/escape"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/regular"
)

// A Set hides secrets. Its zero value hides none. It is safe for concurrent use.
type Set struct {
	outer *Set
	lines map[string]int // the lines of steps, and how long their verbs are

	mu       sync.Mutex
	files    []func() (string, error)
	declared map[[2]string]bool // a secret, and what is shown for it
	hidden   map[string]string  // a form of a secret -> what is shown for it
	finder   *finder            // of all hidden; nil: to be made
	crowded  bool               // there are more secrets than are hidden: nothing is shown
}

// Inside gives a set that hides what s hides, and also what is declared to the new set alone.
func (s *Set) Inside() *Set { return &Set{outer: s} }

// Line hides what s hides in a step's line, except in the words of its verb. The letters that are left of a verb would tell which letters
// are the secret. From then on [Set.Hide] leaves the verb of this line as well. Call it before anything is hidden concurrently.
func (s *Set) Line(line string, verbs []string) string {
	kept := 0
	for kept < len(line) {
		word, _, _ := strings.Cut(line[kept:], " ")
		if !slices.Contains(verbs, word) {
			break
		}
		kept += len(word) + len(" ")
	}
	if s.lines == nil {
		s.lines = make(map[string]int)
	}
	s.lines[line] = kept
	line = s.Hide(line)
	s.lines[line] = kept
	return line
}

// InsidePath hides what s hides, and also each part of a URL's path.
func (s *Set) InsidePath(u *url.URL) *Set {
	path := s.Inside()
	for _, part := range strings.Split(u.EscapedPath(), "/") {
		path.Add(part)
	}
	return path
}

const (
	// shortest is how long a text must be, in bytes, to be taken out of other texts without spoiling them.
	shortest = grammar.Shortest
	stars    = "***"

	// mostValues is how many texts of a file that is sent are hidden one by one. Each takes a KiB of memory, and the memory is the app's.
	mostValues = 1000
	// mostSecret is how long a file that is a secret may be, in bytes.
	mostSecret = 128 << 10
	notShown   = "*** (not shown: the file that is sent is too large to hide what is in it)"
)

// Add declares a secret. A text of less than 6 bytes is none.
func (s *Set) Add(text string) { s.add(text, stars) }

// AddVariable declares a variable's value. The variable's name is shown in its place. It drops the blanks around the value, since they
// may be missing where it turns up.
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
		s.declared, s.hidden = make(map[[2]string]bool), make(map[string]string)
	}
	s.declared[[2]string{text, shown}] = true
	for _, form := range forms(text) {
		for piece := range slices.Chunk([]byte(form), longest) {
			if _, known := s.hidden[string(piece)]; len(piece) >= shortest && (!known || shown == stars) {
				s.hidden[string(piece)] = shown
				s.finder = nil
			}
		}
	}
}

// AddLine declares the secrets of a step's line: to the outer set for all steps, or to the step's own set s.
func (s *Set) AddLine(all []grammar.Secret) {
	for _, one := range all {
		to, shown := s.outer, stars
		if one.Own {
			to = s
		}
		if one.Variable != "" {
			shown = "$(" + one.Variable + ")"
		}
		to.addCredential(one.Text, shown)
	}
}

// AddURL declares what is secret in a URL that somebody set: its user and password, and the values of its query.
func (s *Set) AddURL(u *url.URL) {
	for _, one := range grammar.SecretsOf(u) {
		s.addCredential(one.Text, stars)
	}
}

// addCredential declares a header's value and what is in it, since a server may name any part of it when it refuses: the key behind a
// scheme, what a key of basic authentication stands for, and the values of cookies.
func (s *Set) addCredential(text, shown string) {
	s.add(text, shown)
	part := func(text string) {
		if !grammar.Public("", text) {
			s.add(text, shown)
		}
	}
	_, key, _ := strings.Cut(text, " ")
	part(key)
	_, value, _ := strings.Cut(text, ":") // of a header
	part(value)
	if plain, err := base64.StdEncoding.DecodeString(key); err == nil && utf8.Valid(plain) {
		_, password, _ := strings.Cut(string(plain), ":")
		s.add(string(plain), shown)
		s.add(password, shown)
	}
	grammar.ValuesOf([]byte(text), func(value string) { s.add(value, shown) })
	for _, cookie := range strings.Split(text, ";") {
		_, value, _ := strings.Cut(cookie, "=")
		part(value)
	}
}

// Hide is text without its secrets, and without the beginning of a secret before escape.Cut. The outer set of s goes first: a secret of it
// may have a value in it for which s shows a name.
func (s *Set) Hide(text string) string {
	if s == nil {
		return text
	}
	text = s.outer.Hide(text)
	s.mu.Lock()
	if s.finder == nil {
		s.finder = newFinder(s.hidden)
	}
	f, crowded := s.finder, s.crowded
	s.mu.Unlock()
	if crowded {
		return notShown
	}
	return f.hide(text, s.lines[text])
}

// File reads a secret from a file each time that it is called, and declares it.
func (s *Set) File(path string) func() (string, error) { return s.Password("", path) }

// Password is [Set.File] for the password of a user, if there is one. It also declares both together, as they are on the wire.
func (s *Set) Password(user, path string) func() (string, error) {
	read := func() (string, error) {
		content, err := regular.Read(path)
		if err == nil && len(content) > mostSecret {
			return "", fmt.Errorf("%s: expected a secret of %d KiB at most", path, mostSecret>>10)
		}
		text := strings.TrimPrefix(strings.TrimRight(string(content), "\r\n"), "\ufeff") // some editors write a byte order mark
		if s.addCredential(text, stars); user != "" && err == nil {
			s.Add(user + ":" + text)
		}
		return text, err
	}
	s.mu.Lock()
	s.files = append(s.files, read)
	s.mu.Unlock()
	return read
}

// ReadFiles declares what the files of [Set.File] and [Set.Password] hold. A step may say it before a later step reads it.
func (s *Set) ReadFiles() error {
	s.mu.Lock()
	files := s.files
	s.mu.Unlock()
	for _, read := range files {
		_, _ = read() // the step that needs it tells the error
	}
	return nil
}

// Content reads a file to be sent as it is. It declares the whole file, and the texts in it that may be secrets by themselves. If these are
// too many, [Set.Hide] shows nothing any more.
func (s *Set) Content(path string) ([]byte, error) {
	content, err := regular.Read(path)
	var values []string
	grammar.ValuesOf(content, func(text string) { values = append(values, text) })
	if len(values)+bytes.Count(content, []byte("\n"))/10 > mostValues { // a line has few forms, a value has many
		s.mu.Lock()
		defer s.mu.Unlock()
		s.crowded = true
		return content, err
	}
	s.Add(strings.TrimSpace(string(content)))
	for _, text := range values {
		s.Add(text)
	}
	return content, err
}

// Abridged makes one printable line of a text without secrets. It leaves out the middle of a long one: if several places failed, the
// error of the last one is at the end, and so is what can be done about an error.
func Abridged(text string) string {
	const head, tail = 320, 200
	text = escape.Printable(strings.Join(strings.Fields(text), " "))
	if len(text) <= head+tail {
		return text
	}
	return escape.Begun(text, head) + strings.ToValidUTF8(text[len(text)-tail:], "")
}
