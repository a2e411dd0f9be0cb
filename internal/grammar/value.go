package grammar

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// longest is more than any grace period.
const longest = 366 * 24 * time.Hour

// DurationExpected is what [ParseDuration] reads.
const DurationExpected = "expected seconds, as 50, or a duration, as 1m30s, of at most a year"

// ParseDuration reads 50 as seconds, and 50s or 1m30s as what they say. It is neither negative nor longer than a year. ok is
// false for any other text.
func ParseDuration(text string) (d time.Duration, ok bool) {
	d, err := time.ParseDuration(text)
	if n, numeric := strconv.ParseUint(text, 10, 31); numeric == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	return d, err == nil && d >= 0 && d <= longest
}

// Duration reads a word that is a duration.
func (w *Word) Duration() (time.Duration, error) {
	d, ok := ParseDuration(w.Text)
	if !ok {
		return 0, w.Expected(DurationExpected+", got %s", w.Got())
	}
	return d, nil
}

// Duration reads the option's value.
func (o *Option) Duration() (time.Duration, error) {
	d, ok := ParseDuration(o.Value)
	if !ok {
		return 0, o.Expected("%s: "+DurationExpected+", got %s", o.Key, o.Got())
	}
	return d, nil
}

// Positive reads a duration that must be more than 0.
func (o *Option) Positive() (time.Duration, error) {
	d, err := o.Duration()
	if err == nil && d == 0 {
		return 0, o.Expected("%s: expected more than 0s", o.Key)
	}
	return d, err
}

// Count reads a whole number from least to 65535. what names what is counted, for the error.
func (o *Option) Count(least uint64, what string) (int, error) {
	n, err := strconv.ParseUint(o.Value, 10, 16)
	if err != nil || n < least {
		return 0, o.Expected("%s: expected %s, %d or more, got %s", o.Key, what, least, o.Got())
	}
	return int(n), nil
}

// Number reads a finite number. An infinite bound would be no condition.
func (o *Option) Number() (float64, error) {
	n, err := strconv.ParseFloat(o.Value, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, o.Expected("%s: expected a number, got %s", o.Key, o.Got())
	}
	return n, nil
}

// Bool reads true or false, and the other words of [strconv.ParseBool].
func (o *Option) Bool() (bool, error) {
	b, err := strconv.ParseBool(o.Value)
	if err != nil {
		return false, o.Expected("%s: expected true or false, got %s", o.Key, o.Got())
	}
	return b, nil
}

// File reads a file's path. An empty path is an error: it would mean that there is no file, although somebody wanted one.
func (o *Option) File() (string, error) {
	if o.Value == "" {
		return "", o.Expected("%s: expected a file's path, got nothing", o.Key)
	}
	return o.Value, nil
}

// Path is a target that is an absolute path: the image decides what a hook's working directory is.
func (l *Line) Path(expected, example string) (string, error) {
	w, err := l.Target(expected, example)
	switch {
	case err != nil:
		return "", err
	case !filepath.IsAbs(w.Text) || strings.ContainsRune(w.Text, 0):
		return "", w.Expected("expected an absolute path, got %s", w.Got())
	}
	return w.Text, nil
}

// Ports reads PORT,PORT.
func (w *Word) Ports() ([]uint16, error) {
	var all []uint16
	for _, text := range strings.Split(w.Text, ",") {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return nil, w.Expected("expected a port from 1 to 65535, got %s", w.Got())
		}
		all = append(all, uint16(n))
	}
	return all, nil
}

// Program is the program, with its arguments, that the line of a raw verb runs.
func (l *Line) Program() ([]string, error) {
	switch {
	case len(l.Targets) == 0:
		return nil, l.missing("a program", "/bin/true")
	case l.Targets[0].Text == "":
		return nil, l.Targets[0].Expected("expected a program, got an empty word")
	}
	var program []string
	for n := range l.Targets {
		w := &l.Targets[n]
		l.hideShown(w, l.before(n))
		if strings.ContainsRune(w.Text, 0) {
			return nil, w.Expected("expected words without NUL, got %s", w.Got())
		}
		program = append(program, w.Text)
	}
	return program, nil
}
