// Package setting says what a setting is: a value of some kind, who set it, and how it is shown.
//
// A [Kind] reads a text, says what it expected, and shows a value without its secrets. internal/config knows which settings there
// are, and where they come from. The package is pure.
package setting

import "cmp"

// A Value is the value of a setting, and how it was set.
type Value[T any] struct {
	V  T
	By string // the flag or the variable; empty: V is the default
}

// IsSet tells whether somebody set it.
func (v Value[T]) IsSet() bool { return v.By != "" }

// A Setting is a row of a table of settings: flags, environment, help and the log's first line come from it.
type Setting struct {
	Holder
	Group, Env, Flag string // Flag may be empty
	Usage            string
	Unset            string // what applies if it is not set, in case Shown does not say
	Beaten           string // the flag or the variable that also set it, to another text, and does not count; or empty

	text string // what it was set from
}

// Default is what applies if nobody sets it, for people. It is only right for a setting that is not set.
func (s *Setting) Default() string { return cmp.Or(s.Unset, s.Shown()) }

// Set is [Holder.Set]. A value that was set before does not count.
func (s *Setting) Set(text, by string) error {
	before, beaten := s.text, s.By()
	err := s.Holder.Set(text, by)
	if err == nil {
		s.text = text
		s.beats(before, beaten)
	}
	return err
}

// Beats tells whether the setting is set already. If so, text, which by gives, does not count.
func (s *Setting) Beats(text, by string) bool {
	if s.By() == "" {
		return false
	}
	s.beats(text, by)
	return true
}

func (s *Setting) beats(text, by string) {
	if by != "" && text != s.text {
		s.Beaten = by
	}
}

// A Holder has a setting's value, of whatever type.
type Holder interface {
	By() string                // the flag or the variable that it was set by, or empty
	Shown() string             // without secrets
	Kind() string              // what its values are
	Check(text string) error   // what is wrong with a value
	Set(text, by string) error // from what somebody wrote; if text is wrong, nothing changes
	SetBy(by string)
}

// typed is a value of the type T.
type typed[T any] struct {
	of   *Value[T]
	kind Kind[T]
}

// Of is a Holder of v.
func Of[T any](v *Value[T], k Kind[T]) Holder { return &typed[T]{v, k} }

func (t *typed[T]) By() string      { return t.of.By }
func (t *typed[T]) Shown() string   { return t.kind.show(t.of.V) }
func (t *typed[T]) Kind() string    { return t.kind.name }
func (t *typed[T]) SetBy(by string) { t.of.By = by }

func (t *typed[T]) Check(text string) error {
	_, err := t.kind.parse(text)
	return err
}

func (t *typed[T]) Set(text, by string) error {
	v, err := t.kind.parse(text)
	if err == nil {
		t.of.V, t.of.By = v, by
	}
	return err
}
