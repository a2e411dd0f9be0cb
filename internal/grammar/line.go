// Package grammar takes a step apart as it was written: a line of words, some of them options, some with variables.
//
// [Split] takes in a line, once. A [Line] gives its verb the targets and options that the verb asks for, reads their values, and quotes
// them in errors as they were written. It knows which parts of it are secrets or may be, and how the line is shown without them.
//
// The package is pure: no environment, no files, no network, and it knows no verb. It is for internal/parse, which finds the verb of
// a line, for the packages that have verbs, and for whoever quotes or hides a part of a line.
package grammar

import (
	"slices"
	"time"
)

// A Line is one step as it was written, in words.
type Line struct {
	Verb    Word // the verb's name; if it is of two words, its Text has one blank between them
	Targets []Word
	Options []Option
	// Once: the step is not done again if an earlier delivery of the hook had begun it.
	Once bool

	raw     bool
	scope   Scope
	secrets []Secret
	doubts  []Doubt
}

// onceWord at the end of any step sets [Line.Once].
const onceWord = "once"

// Split takes a line apart. It sets [Line.Once] and returns the other words, for the verb to be found in them. Until [Line.Arrange]
// names the verb, the line takes its first word for the verb, also with an error. The error is an *[Error].
func Split(text string, scope Scope) (*Line, []Word, error) {
	words, err := split(text, scope)
	l := &Line{scope: scope}
	switch last := len(words) - 1; {
	case last >= 0:
		l.Verb = words[0]
		if err == nil && last > 0 && words[last].Text == onceWord && words[last].Bare() {
			l.Once, words = true, words[:last]
		}
	case err == nil:
		err = &Error{Column: 1, Text: "expected a step, got nothing"}
	}
	return l, words, err
}

// Arrange names the verb, and parts the words after its name into targets and options. raw: from the first word that is no option, all
// words are targets.
func (l *Line) Arrange(verb string, words []Word, raw bool) {
	l.Verb = Word{Text: verb, Written: verb, Column: l.Verb.Column, plain: len(verb)}
	l.raw = raw
	for n, w := range words {
		o, ok := option(w)
		switch {
		case ok:
			l.Options = append(l.Options, o)
		case raw:
			l.Targets = words[n:]
			return
		default:
			l.Targets = append(l.Targets, w)
		}
	}
}

// Secrets are the secrets that were declared so far.
func (l *Line) Secrets() []Secret { return l.secrets }

// Target is the one thing that the step is about. For the error, expected says what, and example is such a thing; empty: none is needed.
func (l *Line) Target(expected, example string) (*Word, error) {
	switch {
	case len(l.Targets) == 0:
		return nil, l.missing(expected, example)
	case len(l.Targets) > 1:
		return nil, l.Targets[1].Expected("expected an option or the end of the step, got %s", l.Targets[1].Got())
	}
	return &l.Targets[0], nil
}

// missing is the error for a line without what stands after the verb.
func (l *Line) missing(expected, example string) error {
	if example != "" {
		example = ", as in " + l.Verb.Text + " " + example
	}
	end := Word{Column: l.Verb.Column + len(l.Verb.Text)}
	return end.Expected("expected %s after %s%s", expected, l.Verb.Text, example)
}

// Option is the first option with that key.
func (l *Line) Option(key string) (*Option, bool) {
	for n := range l.Options {
		if l.Options[n].Key == key {
			return &l.Options[n], true
		}
	}
	return nil, false
}

// Most reads max= of a call or a program, which bounds the whole step from its own beginning. 0: it is not there.
func (l *Line) Most() (time.Duration, error) {
	if o, ok := l.Option("max"); ok {
		return o.Positive()
	}
	return 0, nil
}

// Gives reads into=NAME. The name must mean nothing else yet.
func (l *Line) Gives() (string, error) {
	o, ok := l.Option("into")
	if !ok {
		return "", nil
	}
	switch {
	case o.Value == "" || !o.Bare() || identifier(o.Value) < len(o.Value):
		return "", o.Expected("into: expected a name of letters, digits and _, got %s", o.Got())
	case slices.Contains(l.scope.Given, o.Value):
		return "", o.Expected("into: %s is given by an earlier step: expected another name", o.Value)
	case l.Once:
		return "", o.Expected("into= does not go with once: a second delivery of the hook asks again")
	}
	if _, set := l.scope.Lookup(o.Value); set { // asked last: what is asked for is used by the line
		return "", o.Expected("into: %s is an environment variable: expected another name", o.Value)
	}
	return o.Value, nil
}
