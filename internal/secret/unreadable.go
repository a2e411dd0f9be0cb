package secret

import (
	"regexp"
	"strings"
)

// A line that cannot be read may have a secret in a URL, and after a word that sounds like one.
var (
	userinfo = regexp.MustCompile(`(?s)://(.*)@`)
	sounds   = regexp.MustCompile(`(?is)(?:auth|token|key|secret|password|cookie|session)[a-z-]*['"]?[:= ](.*)`)
)

// AddUnreadable declares every word of what may be a secret in a line that cannot be read.
func (s *Set) AddUnreadable(line string) {
	for _, where := range []*regexp.Regexp{userinfo, sounds} {
		for word := range strings.FieldsFuncSeq(first(where, line), separates) {
			s.Add(word)
			s.Add(first(sounds, word))
		}
	}
}

// AddWritten declares a URL's credentials in the very letters in which a line has them.
func (s *Set) AddWritten(line string) {
	for word := range strings.FieldsFuncSeq(line, separates) {
		_, rest, _ := strings.Cut(word, "://")
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			_, password, _ := strings.Cut(rest[:at], ":")
			s.Add(rest[:at])
			s.Add(password)
		}
	}
}

func separates(c rune) bool { return strings.ContainsRune(" \t\r\n'\"", c) }

func first(where *regexp.Regexp, text string) string {
	if found := where.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}
