package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// A kind is a type of values: how one is read, how it is shown, and what help calls it. parse says what it expected. show
// never shows a secret.
type kind[T any] struct {
	name  string
	parse func(string) (T, error)
	show  func(T) string
}

func duration() kind[time.Duration] {
	return kind[time.Duration]{"duration", parseDuration, time.Duration.String}
}

func parseDuration(text string) (time.Duration, error) {
	d, ok := grammar.ParseDuration(text)
	if !ok {
		return 0, fmt.Errorf("expected seconds, as 50, or a duration, as 1m30s, got %s", got(text))
	}
	return d, nil
}

func count() kind[int] {
	return kind[int]{"number", func(text string) (int, error) {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("expected a whole number from 0 to 65535, got %s", got(text))
		}
		return int(n), nil
	}, strconv.Itoa}
}

func toggle() kind[bool] {
	return kind[bool]{"true|false", func(text string) (bool, error) {
		b, err := strconv.ParseBool(text)
		if err != nil {
			return false, fmt.Errorf("expected true or false, got %s", got(text))
		}
		return b, nil
	}, strconv.FormatBool}
}

// word is any text.
func word(name string) kind[string] {
	return checked(name, func(string) error { return nil })
}

func checked(name string, check func(string) error) kind[string] {
	return kind[string]{name, func(text string) (string, error) { return text, check(text) }, asItIs}
}

// got is a value that is not as expected. A long one is no slip of the pen, but another setting's, which may be a secret.
func got(text string) string {
	if len(text) > 24 {
		return fmt.Sprintf("a text of %d bytes", len(text))
	}
	return strconv.Quote(text)
}

func asItIs(text string) string { return text }

// choice is one of some words.
func choice(among ...string) kind[string] {
	return checked(strings.Join(among, "|"), func(text string) error {
		if !slices.Contains(among, text) {
			return fmt.Errorf("expected %s, got %s", phrase.OneOf(among), got(text))
		}
		return nil
	})
}

// shutdownType is read whatever its case, as Elasticsearch does.
func shutdownType() kind[string] {
	k := choice(step.Types()...)
	parse := k.parse
	k.parse = func(text string) (string, error) {
		if lower := strings.ToLower(text); slices.Contains(step.Types(), lower) {
			text = lower
		}
		return parse(text)
	}
	return k
}

var errURL = errors.New("expected a URL such as http://localhost:8080/path")

func oneURL(show func(*url.URL) string) kind[*url.URL] {
	return kind[*url.URL]{"URL", func(text string) (*url.URL, error) {
		if text == "" {
			return nil, errURL
		}
		return web.ParseURL(text)
	}, show}
}

func manyURLs() kind[[]*url.URL] {
	return kind[[]*url.URL]{"URL", parseURLs, func(all []*url.URL) string {
		if all != nil && len(all) == 0 {
			return none
		}
		var shown []string
		for _, u := range all {
			shown = append(shown, ShowURL(u))
		}
		return strings.Join(shown, ",")
	}}
}

// none turns off what would be found otherwise.
const none = "none"

// parseURLs reads URLs between commas and blanks. Its error does not repeat the text, which may hold a password.
func parseURLs(text string) ([]*url.URL, error) {
	if text == none {
		return []*url.URL{}, nil
	}
	var all []*url.URL
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \n\t", r) }) {
		u, err := web.ParseHTTP(field)
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	if len(all) == 0 {
		return nil, errURL
	}
	return all, nil
}

// ShowURL is a URL without credentials, query and fragment. Nil is empty.
func ShowURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return shown.String()
}

// ShowPlace is a URL without its path as well, which is a secret in many webhooks. Nil is empty.
func ShowPlace(u *url.URL) string {
	if u == nil {
		return ""
	}
	return web.Place(u)
}
