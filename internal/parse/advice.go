package parse

import (
	"path"
	"slices"
	"strings"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/step"
)

// instead is the step to write in place of what somebody wrote, or how to write it; empty: nobody knows.
func instead(verbs []*step.Verb, words []grammar.Word) string {
	first := &words[0]
	command := first.Text
	quoted, _, several := strings.Cut(strings.Trim(first.Written, `'"`), " ")
	switch {
	case strings.HasPrefix(first.Written, "["):
		return "write each step on a line of its own, without brackets, commas and quotes"
	case command == "-":
		return "write the step without the dash"
	case strings.HasPrefix(command, "-"):
		return "flags go before the steps"
	case several && isVerb(verbs, quoted):
		return "write the step without quotes around the whole"
	case !first.Bare() || command == "":
		return ""
	case strings.Trim(command, "0123456789,") == "":
		return "write until quiet 8080 for ports, wait 20s for a time"
	}
	if d, ok := grammar.ParseDuration(command); ok {
		return "wait " + d.String()
	}
	if key, _, ok := strings.Cut(command, "="); ok && slices.ContainsFunc(verbs, func(v *step.Verb) bool { return slices.Contains(v.Options, key) }) {
		return key + "= is an option, and stands in the same argument as its step, or in the same line of PRE_STOP_STEPS"
	}
	return insteadOf(command, words[1:])
}

// insteadOf is the step to write in place of a command and its arguments, or how to write it; empty: nobody knows.
func insteadOf(command string, arguments []grammar.Word) string {
	if strings.HasPrefix(command, "http://") || strings.HasPrefix(command, "https://") {
		command = "curl"
	}
	switch path.Base(command) {
	case "dry-run":
		return "prestop --dry-run, a flag before the steps"
	case "prestop":
		return "write the step without the program"
	case "once":
		return "once is the last word of a step"
	case "sleep":
		if len(arguments) > 0 && arguments[0].Bare() {
			if d, ok := grammar.ParseDuration(arguments[0].Text); ok {
				return "wait " + d.String()
			}
		}
		return "wait 20s"
	case "curl", "wget":
		return "get URL, or post URL"
	case "rm":
		return "remove PATH"
	case "kill", "pkill", "killall":
		return "signal TERM"
	case "sh", "bash", "ash", "dash":
		return "exec " + command + " -c SCRIPT, where the steps cannot say the same"
	}
	if strings.HasPrefix(command, "/") {
		return "exec " + command
	}
	return ""
}

// ofTwoWords is the verb that a word means by its second word alone, or with both of its words as one; empty: it means none.
func ofTwoWords(verbs []*step.Verb, word string) string {
	for _, v := range verbs {
		_, second, two := strings.Cut(v.Name, " ")
		if two && (phrase.AlmostEqual(word, second) || phrase.Plain(word) == phrase.Plain(strings.ReplaceAll(v.Name, " ", ""))) {
			return v.Name
		}
	}
	return ""
}

// cutBefore says how to write the option right before a word, if the word looks like a part of that option's value; empty: it does not.
func cutBefore(l *grammar.Line, w *grammar.Word) string {
	for n := range l.Options {
		switch o := &l.Options[n]; {
		case o.Column+len(o.Written)+1 != w.Column:
		case strings.HasSuffix(o.Value, ","):
			return ": a list is one word, without blanks"
		case strings.HasSuffix(o.Value, ":") || strings.ContainsAny(o.Value, "{["):
			return "; a value with blanks or quotes stands in single quotes, as in " + o.Key + "='…'"
		}
	}
	return ""
}

// nextStep is the advice where a line holds a second step.
const nextStep = ": each step is an argument of its own, or a line of PRE_STOP_STEPS"

// stray says what is wrong with a target that is none, and what to write instead; empty: nothing is wrong.
func stray(v *step.Verb, verbs []*step.Verb, l *grammar.Line, n int) string {
	w, several := &l.Targets[n], len(l.Targets) > 1
	key, _, colon := strings.Cut(w.Text, ":")
	switch {
	case n == 0 && colon && slices.Contains(v.Options, key):
		return "; did you mean " + key + "=?"
	case several && slices.Contains(v.Options, w.Text):
		return "; did you mean " + w.Text + "=? Its value stands right after the ="
	case strings.HasPrefix(w.Text, "--") && n > 0:
		return flagsFirst + optionWords(v)
	case w.Text[0] == '-' && len(v.Options) > 0 && (n > 0 || v.Target == "URL"):
		return optionWords(v)
	case strings.Trim(w.Text, `&|;\`) == "":
		return nextStep
	case w.Text[0] == '#':
		return ": a comment is a line of its own"
	case several && strings.EqualFold(w.Text, "once") && (n+1 == len(l.Targets) || !isVerb(verbs, l.Targets[n+1].Text)):
		return ": once, in small letters, is the last word of a step"
	case n > 0:
		return strayAfter(&l.Targets[n-1], v, verbs, l, w)
	}
	return ""
}

// flagsFirst is the advice where a flag of the program stands in a step.
const flagsFirst = "; flags go before the steps"

// optionWords says what options of the verb look like; empty: it has none.
func optionWords(v *step.Verb) string {
	if len(v.Options) == 0 {
		return ""
	}
	return "; options are words such as " + strings.Join(v.Options[:min(2, len(v.Options))], "=… and ") + "=…"
}

// strayAfter is stray for a word that has another target before it.
func strayAfter(before *grammar.Word, v *step.Verb, verbs []*step.Verb, l *grammar.Line, w *grammar.Word) string {
	key, _, joined := strings.Cut(strings.ReplaceAll(w.Text, ":", "="), "=")
	near, cut := phrase.Nearest(key, v.Options), cutBefore(l, w)
	_, parts := grammar.ParseDuration(before.Text + w.Text)
	switch {
	case near != "" && joined:
		return "; did you mean " + near + "=?"
	case strings.Trim(w.Text, "=<>!") == "" && slices.Contains(v.Options, "at-most"):
		return "; write in=, at-most= or at-least="
	case cut != "":
		return cut
	case slices.Contains([]string{"s", "sec", "seconds", "m", "min", "minutes", "h"}, w.Text):
		return ": a duration is one word, as in 20s"
	case parts && strings.ContainsAny(before.Text, "hm"):
		return ": a duration is one word, as in 1m30s"
	case strings.Trim(before.Text+w.Text, "0123456789,") == "":
		return "; several numbers are one word, as in 8080,9090"
	case isVerb(verbs, w.Text):
		return nextStep
	}
	return ""
}
