package step

import (
	"fmt"
	"slices"
	"strings"
)

// A Line is one step as it was written, in words.
type Line struct {
	Verb    Word // the verb's name; its Text has one blank where it is of two words
	Targets []Word
	Options []Option
	// Once: not done again where an earlier delivery of the hook had begun the step.
	Once bool

	scope   Scope
	secrets []Secret
}

// onceWord at the end of any step sets [Line.Once].
const onceWord = "once"

// Parse splits a line, finds its verb among verbs, and has the verb make sense of it. What the line holds of secrets is
// returned with an error too. The error is an *[Error], and says in which column something else was expected.
func Parse(verbs []*Verb, text string, lookup Lookup) (*Line, Spec, []Secret, error) {
	return ParseIn(Scope{Lookup: lookup}, verbs, text)
}

// ParseIn is [Parse] of a line to which others before it give values.
func ParseIn(scope Scope, verbs []*Verb, text string) (*Line, Spec, []Secret, error) {
	words, err := split(text, scope)
	if err == nil && len(words) == 0 {
		err = &Error{Column: 1, Text: "expected a step, got nothing"}
	}
	l := &Line{scope: scope}
	if len(words) > 0 {
		l.Verb = words[0]
	}
	if err != nil {
		return l, nil, nil, err
	}
	if last := len(words) - 1; last > 0 && words[last].Text == onceWord && words[last].Bare() {
		l.Once, words = true, words[:last]
	}
	v, rest, err := verbOf(verbs, words)
	if err != nil {
		return l, nil, nil, err
	}
	l.Verb = Word{Text: v.Name, Written: v.Name, Column: words[0].Column, plain: len(v.Name)}
	l.Targets, l.Options = v.arrange(rest)
	for _, o := range l.Options {
		if !slices.Contains(v.Options, o.Key) {
			return l, nil, l.secrets, o.Expected("%s", v.expected(o.Key))
		}
	}
	if !v.Raw {
		if err := l.apart(verbs); err != nil {
			return l, nil, l.secrets, err
		}
	}
	if err := v.early(words[:len(words)-len(rest)], l); err != nil {
		return l, nil, l.secrets, err
	}
	spec, err := v.Parse(l)
	return l, spec, l.secrets, err
}

// arrange parts targets from options.
func (v *Verb) arrange(words []Word) ([]Word, []Option) {
	if !v.Raw {
		return options(words)
	}
	var before []Option
	for len(words) > 0 {
		o, ok := option(words[0])
		if !ok {
			break
		}
		before, words = append(before, o), words[1:]
	}
	return words, before
}

func (v *Verb) expected(key string) string {
	if len(v.Options) == 0 {
		return fmt.Sprintf("%s takes no options, got %s=", v.Name, key)
	}
	meant := ""
	if nearest := Nearest(key, v.Options); nearest != "" {
		meant = "; did you mean " + nearest + "=?"
	}
	return fmt.Sprintf("expected an option of %s (%s), got %s=%s", v.Name, strings.Join(v.Options, " "), key, meant)
}

// verbOf finds the verb that words begin with, and the words after it. A name of two words goes before its first alone.
func verbOf(verbs []*Verb, words []Word) (*Verb, []Word, error) {
	first := &words[0]
	var found *Verb
	for _, v := range verbs {
		name, second, two := strings.Cut(v.Name, " ")
		switch {
		case name != first.Text:
		case two && len(words) > 1 && words[1].Text == second:
			return v, words[2:], nil
		case !two:
			found = v
		}
	}
	if found != nil {
		return found, words[1:], found.follows(verbs, words)
	}
	if strings.HasPrefix(first.Text, "-") {
		return nil, nil, first.Expected("expected a step, got %s: flags go before the steps", first.Got())
	}
	names, meant := firstWords(verbs), ""
	if first.Bare() {
		if replaced := instead(words); replaced != "" {
			return nil, nil, first.Expected("expected a step, got %s: %s", first.Got(), replaced)
		}
		meant = DidYouMean(first.Text, names)
	}
	return nil, nil, first.Expected("expected %s, got %s%s", OneOf(names), first.Got(), meant)
}

// follows refuses a word that is neither the second of a longer name, nor the URL that a verb of the first alone takes.
func (v *Verb) follows(verbs []*Verb, words []Word) error {
	if v.Target != "URL" || len(words) > 1 && strings.Contains(words[1].Text, ":") {
		return nil
	}
	var seconds []string
	for _, other := range verbs {
		if second, ok := strings.CutPrefix(other.Name, v.Name+" "); ok {
			seconds = append(seconds, second)
		}
	}
	if len(seconds) == 0 {
		return nil
	}
	expected := "expected " + OneOf(append(slices.Clip(seconds), "a URL")) + " after " + v.Name
	if len(words) == 1 {
		return &Error{Column: words[0].Column + len(words[0].Written), Text: expected}
	}
	second, meant := &words[1], ""
	if second.Bare() {
		meant = DidYouMean(second.Text, seconds)
	}
	return second.Expected("%s, got %s%s", expected, second.Got(), meant)
}

func isVerb(verbs []*Verb, word string) bool { return slices.Contains(firstWords(verbs), word) }

// firstWords are the words that a step may begin with.
func firstWords(verbs []*Verb) []string {
	var all []string
	for _, v := range verbs {
		first, _, _ := strings.Cut(v.Name, " ")
		if !slices.Contains(all, first) {
			all = append(all, first)
		}
	}
	return all
}

// OneOf lists words for a sentence: "a, b or c".
func OneOf(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// OneStep makes one line of arguments that are the words of one step, as in ["wait", "20s"]. False: each argument is a line of
// its own. Words of one step begin with a bare verb and hold no blank, but for those of a program.
func OneStep(verbs []*Verb, args []string) (string, bool) {
	if len(args) == 0 || !isVerb(verbs, args[0]) {
		return "", false
	}
	raw := slices.ContainsFunc(verbs, func(v *Verb) bool {
		name := strings.Fields(v.Name)
		return v.Raw && len(args) >= len(name) && slices.Equal(args[:len(name)], name)
	})
	if !raw && slices.ContainsFunc(args, func(arg string) bool { return strings.ContainsAny(arg, " \t\n") }) {
		return "", false
	}
	var words []string
	for _, arg := range args {
		words = append(words, Quote(arg))
	}
	return strings.Join(words, " "), true
}

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

// Option is the last option of that key.
func (l *Line) Option(key string) (*Option, bool) {
	for n := len(l.Options) - 1; n >= 0; n-- {
		if l.Options[n].Key == key {
			return &l.Options[n], true
		}
	}
	return nil, false
}
