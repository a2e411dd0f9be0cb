package main

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/web"
)

// The types of settings. Each is a pflag.Value: Set says what was expected, String never holds a secret.

// seconds is a duration: 50 is seconds, 50s and 1m30s are what they say.
type seconds time.Duration

const longest = 366 * 24 * time.Hour

func parseSeconds(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if n, numeric := strconv.ParseUint(text, 10, 31); numeric == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d < 0 || d > longest {
		return 0, fmt.Errorf("expected seconds, as 50, or a duration, as 1m30s, got %q", text)
	}
	return d, nil
}

func (s *seconds) Set(text string) error {
	d, err := parseSeconds(text)
	if err == nil {
		*s = seconds(d)
	}
	return err
}
func (s *seconds) String() string { return time.Duration(*s).String() }
func (*seconds) Type() string     { return "duration" }

// count is a number of things.
type count int

func (c *count) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return fmt.Errorf("expected a whole number from 0 to 65535, got %q", text)
	}
	*c = count(n)
	return nil
}
func (c *count) String() string { return strconv.Itoa(int(*c)) }
func (*count) Type() string     { return "number" }

// choice is one of some words.
type choice struct {
	word  string
	among []string
}

func (c *choice) Set(text string) error {
	if !slices.Contains(c.among, text) {
		return fmt.Errorf("expected %s, got %q", oneOf(c.among), text)
	}
	c.word = text
	return nil
}
func (c *choice) String() string { return c.word }
func (c *choice) Type() string   { return strings.Join(c.among, "|") }

func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// toggle is true or false.
type toggle bool

func (t *toggle) Set(text string) error {
	b, err := strconv.ParseBool(text)
	if err != nil {
		return fmt.Errorf("expected true or false, got %q", text)
	}
	*t = toggle(b)
	return nil
}
func (t *toggle) String() string { return strconv.FormatBool(bool(*t)) }
func (*toggle) Type() string     { return "true|false" }

// word is any text, such as a name or a file's path.
type word struct {
	text  string
	kind  string
	check func(string) error // may be nil
}

func (w *word) Set(text string) error {
	if w.check != nil {
		if err := w.check(text); err != nil {
			return err
		}
	}
	w.text = text
	return nil
}
func (w *word) String() string { return w.text }
func (w *word) Type() string   { return w.kind }

// urls is one http or https URL, or several where many is set; "none" turns off what would be found otherwise.
type urls struct {
	list []*url.URL
	none bool
	many bool
}

// Set does not repeat the text, which may hold a password.
func (u *urls) Set(text string) error {
	if u.none = u.many && text == "none"; u.none {
		u.list = nil
		return nil
	}
	fields := strings.FieldsFunc(text, func(r rune) bool { return u.many && (r == ',' || r == ' ' || r == '\n' || r == '\t') })
	if len(fields) == 0 || len(fields) > 1 && !u.many {
		return fmt.Errorf("expected a URL such as http://localhost:8080/path")
	}
	var list []*url.URL
	for _, f := range fields {
		parse := web.ParseURL
		if u.many { // Elasticsearch's, whose port is put together with other hosts
			parse = web.ParseHTTP
		}
		parsed, err := parse(f)
		if err != nil {
			return err
		}
		list = append(list, parsed)
	}
	u.list = list
	return nil
}

func (u *urls) String() string {
	if u.none {
		return "none"
	}
	var all []string
	for _, one := range u.list {
		all = append(all, shownURL(one))
	}
	return strings.Join(all, ",")
}
func (*urls) Type() string { return "URL" }

// shownURL is a URL without credentials and query.
func shownURL(u *url.URL) string {
	shown := *u
	shown.User, shown.RawQuery, shown.Fragment = nil, "", ""
	return shown.String()
}
