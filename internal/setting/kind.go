package setting

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
	"github.com/prestop/prestop/internal/web"
)

// A Kind is a type of values: how a value is read, how it is shown, and what help calls it. The error of parse says what was
// expected. show never shows a secret.
type Kind[T any] struct {
	name  string
	parse func(string) (T, error)
	show  func(T) string
}

// Duration is a number of seconds, or a duration as Go writes it.
func Duration() Kind[time.Duration] {
	return Kind[time.Duration]{"duration", func(text string) (time.Duration, error) {
		d, ok := grammar.ParseDuration(text)
		if !ok {
			return 0, fmt.Errorf(grammar.DurationExpected+", got %s", got(text))
		}
		return d, nil
	}, time.Duration.String}
}

// Delay is a duration for others who take 0 for their own default: a 0 that somebody has set is a millisecond.
func Delay(v Value[time.Duration]) time.Duration {
	if v.IsSet() {
		return max(v.V, time.Millisecond)
	}
	return v.V
}

// Count is a whole number from 0 to 65535.
func Count() Kind[int] {
	return Kind[int]{"number", func(text string) (int, error) {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("expected a whole number from 0 to 65535, got %s", got(text))
		}
		return int(n), nil
	}, strconv.Itoa}
}

// TrueFalse is the name of a [Toggle]. Its flag without a value means true.
const TrueFalse = "true|false"

// Toggle is true or false.
func Toggle() Kind[bool] {
	return Kind[bool]{TrueFalse, func(text string) (bool, error) {
		b, err := strconv.ParseBool(text)
		if err != nil {
			return false, fmt.Errorf("expected true or false, got %s", got(text))
		}
		return b, nil
	}, strconv.FormatBool}
}

// Word is any text.
func Word(name string) Kind[string] {
	return Kind[string]{name, func(text string) (string, error) { return text, nil }, asItIs}
}

// Checked is any text that check accepts. The error of check says what was expected, and not what it got.
func Checked(name string, check func(string) error) Kind[string] {
	return Kind[string]{name, func(text string) (string, error) {
		if err := check(text); err != nil {
			return text, fmt.Errorf("%w, got %s", err, got(text))
		}
		return text, nil
	}, asItIs}
}

// got is a value that is not as expected, for an error. A long value is not repeated: it may be the value of another setting, and a secret.
func got(text string) string {
	if len(text) > 24 {
		return fmt.Sprintf("a text of %d bytes", len(text))
	}
	return strconv.Quote(text)
}

func asItIs(text string) string { return text }

// Choice is one of some words.
func Choice(among ...string) Kind[string] {
	return Checked(strings.Join(among, "|"), func(text string) error {
		if !slices.Contains(among, text) {
			return errors.New("expected " + phrase.OneOf(among))
		}
		return nil
	})
}

// AnyCase is one of some words in lower case. It may be written in any case.
func AnyCase(among ...string) Kind[string] {
	k := Choice(among...)
	parse := k.parse
	k.parse = func(text string) (string, error) {
		if lower := strings.ToLower(text); slices.Contains(among, lower) {
			text = lower
		}
		return parse(text)
	}
	return k
}

var errURL = errors.New("expected a URL such as http://localhost:8080/path")

// OneURL is a URL. show returns the part of it that is no secret.
func OneURL(show func(*url.URL) string) Kind[*url.URL] {
	return Kind[*url.URL]{"URL", func(text string) (*url.URL, error) {
		if text == "" {
			return nil, errURL
		}
		return web.ParseURL(text)
	}, func(u *url.URL) string {
		if u == nil { // it is not set
			return ""
		}
		return show(u)
	}}
}

// ManyURLs is URLs between commas and blanks, or none.
func ManyURLs() Kind[[]*url.URL] {
	return Kind[[]*url.URL]{"URL", ParseURLs, func(all []*url.URL) string {
		if all != nil && len(all) == 0 {
			return none
		}
		return ShowURLs(all)
	}}
}

// none turns off what would otherwise be found.
const none = "none"

// ParseURLs reads URLs between commas and blanks. Its error does not repeat the text, which may hold a password.
func ParseURLs(text string) ([]*url.URL, error) {
	if text == none {
		return []*url.URL{}, nil
	}
	var all []*url.URL
	for _, field := range strings.FieldsFunc(text, grammar.SeparatesURLs) {
		u, err := web.ParseHTTP(field)
		if err != nil {
			return nil, err
		}
		if !web.IsBase(u) {
			return nil, errors.New("expected a base URL, without a query")
		}
		all = append(all, u)
	}
	if len(all) == 0 {
		return nil, errURL
	}
	return all, nil
}

// ShowURL is a URL without credentials, query and fragment.
func ShowURL(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return shown.String()
}

// ShowURLs is each of the URLs as [ShowURL] shows it, with commas between them.
func ShowURLs(all []*url.URL) string {
	var shown []string
	for _, u := range all {
		shown = append(shown, ShowURL(u))
	}
	return strings.Join(shown, ",")
}
