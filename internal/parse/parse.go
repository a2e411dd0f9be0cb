// Package parse finds the verb of a line in the table of verbs, and says what is wrong with a line that is no step.
//
// [Line] is where a line is read, once: internal/grammar takes it apart, and the verb itself makes sense of its words. The first thing
// said about a mistake must be enough to correct it. The package knows no verb by its name. It is for the hook, for lint and for inject.
package parse

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/step"
)

// Line splits a line, finds its verb among verbs, and lets the verb make sense of it. The secrets of the line are returned with an error
// too. The error is a *[grammar.Error], and says in which column something else was expected.
func Line(verbs []*step.Verb, text string, lookup grammar.Lookup) (*grammar.Line, *step.Spec, []grammar.Secret, error) {
	return LineIn(grammar.Scope{Lookup: lookup}, verbs, text)
}

// LineIn is [Line] for a line that earlier lines give values to.
func LineIn(scope grammar.Scope, verbs []*step.Verb, text string) (*grammar.Line, *step.Spec, []grammar.Secret, error) {
	l, spec, secrets, err := lineIn(scope, verbs, text)
	e, ok := err.(*grammar.Error)
	switch {
	case !ok:
	case strings.Contains(text, `\n`):
		e.Text += `; the \n in it is a backslash and an n, and ends no line`
	case strings.ContainsAny(text, "“”„‘’«»"):
		e.Text += `; the quotes in it are typographic: write ' or "`
	case strings.ContainsAny(text, "‐‑‒–—−"):
		e.Text += "; a dash in it is typographic: write -"
	case strings.Contains(text, "\u00a0"):
		e.Text += "; a blank in it is a no-break space: write a usual one"
	}
	return l, spec, secrets, err
}

func lineIn(scope grammar.Scope, verbs []*step.Verb, text string) (*grammar.Line, *step.Spec, []grammar.Secret, error) {
	l, words, err := grammar.Split(text, scope)
	if err != nil {
		return l, nil, nil, err
	}
	v, rest, err := verbOf(verbs, words)
	if err != nil {
		return l, nil, nil, err
	}
	l.Arrange(v.Name, rest, v.Raw)
	spec, err := meaning(v, verbs, words[:len(words)-len(rest)], l)
	return l, spec, l.Secrets(), err
}

// meaning refuses what the verb does not take, and leaves the rest to the verb. named are the words of the verb's name.
func meaning(v *step.Verb, verbs []*step.Verb, named []grammar.Word, l *grammar.Line) (*step.Spec, error) {
	err := refused(v, l)
	if !v.Raw {
		if other := apart(v, verbs, l); err == nil || other != nil && other.Column < err.Column { // the options of another step do not belong to this one
			err = other
		}
	}
	if err != nil {
		return nil, err
	}
	if err := early(v, named, l); err != nil {
		return nil, err
	}
	if v.Raw {
		doubtArguments(v, l)
	}
	return v.Parse(l)
}

// doubtArguments doubts arguments of a program that are written like options of the verb.
func doubtArguments(v *step.Verb, l *grammar.Line) {
	for n := 1; n < len(l.Targets); n++ {
		if key, _, is := strings.Cut(l.Targets[n].Text, "="); is && slices.Contains(v.Options, key) {
			l.Doubt(grammar.OptionUnused, "%s= has no effect on the step, since all words after the program are arguments of the program: write %s %s=… PROGRAM", key, v.Name, key)
		}
	}
}

// refused is about the first option that the verb does not take; nil: it takes all.
func refused(v *step.Verb, l *grammar.Line) *grammar.Error {
	for n := range l.Options {
		o := &l.Options[n]
		if !slices.Contains(v.Options, o.Key) {
			return o.Expected("%s", expected(v, o.Key))
		}
		if first, _ := l.Option(o.Key); first != &l.Options[n] && o.Key != v.Often {
			return o.Expected("expected %s= once, got it a second time", o.Key)
		}
	}
	return nil
}

func expected(v *step.Verb, key string) string {
	key = grammar.Begun(key)
	if len(v.Options) == 0 {
		return fmt.Sprintf("%s takes no options, got %s=", v.Name, key)
	}
	meant := phrase.Nearest(key, v.Options)
	switch key {
	case "data", "payload", "json-body":
		meant = "body"
	}
	switch {
	case key == "once":
		meant = "; once is the last word of a step, without ="
	case strings.Contains(v.Target, strings.ToUpper(strings.TrimSuffix(key, "s"))):
		meant = "; expected it by itself: " + v.Name + " " + v.Target
	case slices.Contains(v.Options, meant):
		meant = "; did you mean " + meant + "=?"
	case strings.HasPrefix(key, "--"):
		meant = flagsFirst
	default:
		meant = ""
	}
	return fmt.Sprintf("expected an option of %s (%s), got %s=%s", v.Name, strings.Join(v.Options, " "), key, meant)
}

// verbOf finds the verb that words begin with, and the words after it. A name of two words wins over a name that is its first word
// alone.
func verbOf(verbs []*step.Verb, words []grammar.Word) (*step.Verb, []grammar.Word, error) {
	first := &words[0]
	var found *step.Verb
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
		return found, words[1:], follows(found, verbs, words)
	}
	names, meant := FirstWords(verbs), ""
	if replaced := instead(verbs, words); replaced != "" {
		return nil, nil, first.Expected("expected a step, got %s: %s", first.Got(), replaced)
	}
	if first.Bare() {
		name, _, _ := strings.Cut(first.Text, "=")
		meant = phrase.Meant(cmp.Or(phrase.Nearest(name, names), ofTwoWords(verbs, name)))
	}
	return nil, nil, first.Expected("expected %s, got %s%s", phrase.OneOf(names), first.Got(), meant)
}

// follows refuses a word after a verb of one word, if it is neither the second word of a longer name nor the URL that the verb takes.
func follows(v *step.Verb, verbs []*step.Verb, words []grammar.Word) error {
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
	expected := "expected " + phrase.OneOf(append(slices.Clip(seconds), "a URL")) + " after " + v.Name
	if len(words) == 1 {
		return &grammar.Error{Column: words[0].Column + len(words[0].Written), Text: expected}
	}
	second, meant := &words[1], ""
	switch {
	case !second.Bare():
	case strings.ContainsAny(second.Text, "0123456789") && strings.Trim(second.Text, "0123456789,") == "" && slices.Contains(seconds, "quiet"):
		meant = phrase.Meant(v.Name + " quiet " + second.Text)
	default:
		meant = phrase.DidYouMean(second.Text, seconds)
	}
	return second.Expected("%s, got %s%s", expected, second.Got(), meant)
}

func isVerb(verbs []*step.Verb, word string) bool { return slices.Contains(FirstWords(verbs), word) }

// FirstWords are the words that a step may begin with.
func FirstWords(verbs []*step.Verb) []string {
	var all []string
	for _, v := range verbs {
		first, _, _ := strings.Cut(v.Name, " ")
		if !slices.Contains(all, first) {
			all = append(all, first)
		}
	}
	return all
}

// OneStep makes one line of arguments that are the words of one step, as in ["wait", "20s"]. False: each argument is a line of its own.
// The words of one step begin with a bare verb and hold no blanks, except the words of a program.
func OneStep(verbs []*step.Verb, args []string) (string, bool) {
	if len(args) == 0 || !isVerb(verbs, args[0]) {
		return "", false
	}
	raw := slices.ContainsFunc(verbs, func(v *step.Verb) bool {
		name := strings.Fields(v.Name)
		return v.Raw && len(args) >= len(name) && slices.Equal(args[:len(name)], name)
	})
	if !raw && slices.ContainsFunc(args, func(arg string) bool { return strings.ContainsAny(arg, " \t\n") }) {
		return "", false
	}
	var words []string
	for _, arg := range args {
		words = append(words, grammar.Quote(arg))
	}
	return strings.Join(words, " "), true
}

// early refuses late names where the verb cannot wait for their values.
func early(v *step.Verb, named []grammar.Word, l *grammar.Line) error {
	for n := range named {
		if err := notLate(&named[n]); err != nil {
			return err
		}
	}
	for n := range l.Targets {
		if err := notLate(&l.Targets[n]); err != nil && !slices.Contains(v.Late, "") {
			return err
		}
	}
	for n := range l.Options {
		o := &l.Options[n]
		if err := notLate(&o.Word); err != nil && !slices.Contains(v.Late, o.Key) {
			return err
		}
	}
	return nil
}

func notLate(w *grammar.Word) error {
	if late := w.Late(); len(late) > 0 {
		return w.Expected("$(%s) has its value only when the steps run: it may stand in the URL's path, in the values of its query, in header= and in body= of a call, and in URL and header= of until", late[0])
	}
	return nil
}

// apart refuses a target that begins another step or separates two, or that would be an option if it were joined with the next word.
func apart(v *step.Verb, verbs []*step.Verb, l *grammar.Line) *grammar.Error {
	for n := range l.Targets {
		w := &l.Targets[n]
		if !w.Bare() || w.Text == "" {
			continue
		}
		if why := stray(v, verbs, l, n); why != "" {
			return w.Expected("expected an option or the end of the step, got %s%s", w.Got(), why)
		}
	}
	return nil
}
