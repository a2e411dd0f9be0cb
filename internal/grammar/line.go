// Package grammar takes a step apart as it was written: a line of words, some of them options, some with variables.
//
// [Split] is where a line comes in, once. A [Line] gives its verb what it asks for by targets and options, reads their values,
// and quotes them in errors as they were written. It knows what in it is, or may be, a secret, and how the line is shown without that.
//
// The package is pure: no environment, no files, no network, and it knows no verb. It is for internal/step, which finds the verb of
// a line, for the packages that have verbs, and for internal/secret.
package grammar

import (
	"slices"
	"time"
)

// A Line is one step as it was written, in words.
type Line struct {
	Verb    Word // the verb's name; its Text has one blank where it is of two words
	Targets []Word
	Options []Option
	// Once: not done again where an earlier delivery of the hook had begun the step.
	Once bool

	raw     bool
	scope   Scope
	secrets []Secret
}

// onceWord at the end of any step sets [Line.Once].
const onceWord = "once"

// Split takes a line apart: into what is left of its words once [Line.Once] is set, for its verb to be found. The line has the first word for
// its verb until [Line.Arrange] says better, also with an error. The error is an *[Error].
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

// Arrange names the verb, and parts the words after its name into targets and options. raw: from the first word that is no option
// all are targets.
func (l *Line) Arrange(verb string, words []Word, raw bool) {
	l.Verb = Word{Text: verb, Written: verb, Column: l.Verb.Column, plain: len(verb)}
	l.raw = raw
	if !raw {
		l.Targets, l.Options = options(words)
		return
	}
	for len(words) > 0 {
		o, ok := option(words[0])
		if !ok {
			break
		}
		l.Options, words = append(l.Options, o), words[1:]
	}
	l.Targets = words
}

// Secrets are what was declared by now.
func (l *Line) Secrets() []Secret { return l.secrets }

// Target is the one thing that the step is about. expected says what, for the error.
func (l *Line) Target(expected string) (*Word, error) {
	switch {
	case len(l.Targets) == 0:
		return nil, l.End().Expected("expected %s after %s", expected, l.Verb.Text)
	case len(l.Targets) > 1:
		return nil, l.Targets[1].Expected("expected an option or the end of the step, got %s", l.Targets[1].Got())
	}
	return &l.Targets[0], nil
}

// End is the place after the verb, for an error about something that is missing there.
func (l *Line) End() *Word {
	end := l.Verb
	end.Column += len(l.Verb.Text)
	return &end
}

// Option is the first option of that key.
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
	_, set := l.scope.Lookup(o.Value)
	switch {
	case o.Value == "" || !o.Bare() || identifier(o.Value) < len(o.Value):
		return "", o.Expected("into: expected a name of letters, digits and _, got %s", o.Got())
	case set:
		return "", o.Expected("into: %s is an environment variable: expected another name", o.Value)
	case slices.Contains(l.scope.Given, o.Value):
		return "", o.Expected("into: %s is given by an earlier step: expected another name", o.Value)
	case l.Once:
		return "", o.Expected("into= does not go with once: a second delivery of the hook asks again")
	}
	return o.Value, nil
}
