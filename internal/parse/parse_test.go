package parse

import (
	"errors"
	"strings"
	"testing"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/step"
)

func someVerbs() []*step.Verb {
	parse := func(*grammar.Line) (*step.Spec, error) { return nil, nil }
	return []*step.Verb{
		step.WaitVerb(), {Name: "until", Target: "URL", Options: []string{"max", "min", "head"}, Often: "head", Parse: parse}, {Name: "until quiet", Target: "[PORT,…]", Options: []string{"max", "data", "body"}, Parse: parse},
		{Name: "exec", Raw: true, Parse: parse}, {Name: "lease", Parse: parse},
	}
}

var long = strings.Repeat("x", 1000)

// Comparisons and flags of other tools are no targets.
func TestWordsOfOthers(t *testing.T) {
	t.Parallel()
	verbs := []*step.Verb{{Name: "look", Target: "URL", Options: []string{"json", "at-most"}, Parse: func(*grammar.Line) (*step.Spec, error) { return nil, nil }}}
	for line, want := range map[string]string{
		"look http://a/ json=.a at-most=0": "",
		"look http://a/ json=.a == 0":      `column 24: expected an option or the end of the step, got "=="; write in=, at-most= or at-least=`,
		"look -k http://a/":                `column 6: expected an option or the end of the step, got "-k"; options are words such as json=… and at-most=…`,
	} {
		if _, _, _, err := Line(verbs, line, nil); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}

// The first thing that somebody is told must be enough to mend the line.
func TestWhatALineShouldBe(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"wait 5s": "", "until quiet": "", "until http://a/ max=5s": "", "exec wait": "", "until http://a/ once": "",

		"":                                     "column 1: expected a step, got nothing",
		"wiat 5s":                              `column 1: expected wait, until, exec or lease, got "wiat"; did you mean wait?`,
		"$(HOST) 5s":                           `column 1: expected wait, until, exec or lease, got "$(HOST)"`,
		"--wait 5s":                            `column 1: expected a step, got "--wait": flags go before the steps`,
		"wait":                                 "column 5: expected a duration after wait, as in wait 20s",
		"wait 5x":                              `column 6: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "5x"`,
		"until quite":                          `column 7: expected quiet or a URL after until, got "quite"; did you mean quiet?`,
		"until ,":                              `column 7: expected quiet or a URL after until, got ","`,
		"until 8080":                           `column 7: expected quiet or a URL after until, got "8080"; did you mean until quiet 8080?`,
		"wait 1m 30s":                          `column 9: expected an option or the end of the step, got "30s": a duration is one word, as in 1m30s`,
		"until 'quite'":                        `column 7: expected quiet or a URL after until, got "'quite'"`,
		"until":                                "column 6: expected quiet or a URL after until",
		"until http://a/ mxa=5s":               `column 17: expected an option of until (max min head), got mxa=; did you mean max=?`,
		"until http://a/ x=5s":                 `column 17: expected an option of until (max min head), got x=`,
		"until http://a/ max=5s min=1s max=6s": "column 31: expected max= once, got it a second time",
		"until http://a/ head=a head=b":        "",
		"lease x=1":                            "column 7: lease takes no options, got x=",
		"once wait 5s":                         `column 1: expected a step, got "once": once is the last word of a step`,
		"wait once 5s":                         `column 6: expected an option or the end of the step, got "once": once, in small letters, is the last word of a step`,
		"until http://a/ once max=5s":          `column 17: expected an option or the end of the step, got "once": once, in small letters, is the last word of a step`,
		"until http://a/ Once":                 `column 17: expected an option or the end of the step, got "Once": once, in small letters, is the last word of a step`,
		"until http://a/ once=true":            `column 17: expected an option of until (max min head), got once=; once is the last word of a step, without =`,
		"wait 5s && wait 6s":                   `column 9: expected an option or the end of the step, got "&&": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"wait 5s # then end":                   `column 9: expected an option or the end of the step, got "#": a comment is a line of its own`,
		"until http://a/ wait 5s":              `column 17: expected an option or the end of the step, got "wait": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"until http://a/ max 5s":               `column 17: expected an option or the end of the step, got "max"; did you mean max=? Its value stands right after the =`,
		"until http://a/ -k":                   `column 17: expected an option or the end of the step, got "-k"; options are words such as max=… and min=…`,
		"until http://a/ max:5s":               `column 17: expected an option or the end of the step, got "max:5s"; did you mean max=?`,
		"until quiet max:5s":                   `column 13: expected an option or the end of the step, got "max:5s"; did you mean max=?`,
		"max=5s":                               `column 1: expected a step, got "max=5s": max= is an option, and stands in the same argument as its step, or in the same line of PRE_STOP_STEPS`,
		"mxa=5s":                               `column 1: expected wait, until, exec or lease, got "mxa=5s"`,
		"until http://a/ wait 5s mxa=1s":       `column 17: expected an option or the end of the step, got "wait": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"until http://a/ mxa=1s wait 5s":       `column 17: expected an option of until (max min head), got mxa=; did you mean max=?`,
		"quiet 8080":                           `column 1: expected wait, until, exec or lease, got "quiet"; did you mean until quiet?`,
		"until-quiet 8080":                     `column 1: expected wait, until, exec or lease, got "until-quiet"; did you mean until quiet?`,
		"UntilQuiet 8080":                      `column 1: expected wait, until, exec or lease, got "UntilQuiet"; did you mean until quiet?`,
		"quit 8080":                            `column 1: expected wait, until, exec or lease, got "quit"; did you mean until quiet?`,
		"https://a/drain":                      `column 1: expected a step, got "https://a/drain": get URL, or post URL`,
		"rm -f /tmp/ready":                     `column 1: expected a step, got "rm": remove PATH`,
		"dry-run":                              `column 1: expected a step, got "dry-run": prestop --dry-run, a flag before the steps`,
		"“wait 5s”":                            "column 1: expected wait, until, exec or lease, got \"“wait\"; the quotes in it are typographic: write ' or \"",
		"wait –5s":                             `column 6: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "–5s"; a dash in it is typographic: write -`,
		"—dry-run":                             `column 1: expected wait, until, exec or lease, got "—dry-run"; a dash in it is typographic: write -`,
		`until http://a/ \`:                    `column 17: expected an option or the end of the step, got "\\": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"wait\u00a05s":                         "column 1: expected wait, until, exec or lease, got \"wait\\u00a05s\"; a blank in it is a no-break space: write a usual one",
		"until max 5s":                         `column 7: expected quiet or a URL after until, got "max"`,
		"until http://a/ head=X-A: b":          `column 27: expected an option or the end of the step, got "b"; a value with blanks or quotes stands in single quotes, as in head='…'`,
		"until http://a/ head=a, b":            `column 25: expected an option or the end of the step, got "b": a list is one word, without blanks`,
		"until http://a/ head={a: b}":          `column 26: expected an option or the end of the step, got "b}"; a value with blanks or quotes stands in single quotes, as in head='…'`,
		"wait 5 s":                             `column 8: expected an option or the end of the step, got "s": a duration is one word, as in 20s`,
		"unt http://a/":                        `column 1: expected wait, until, exec or lease, got "unt"; did you mean until?`,
		`["wait 5s"]`:                          `column 1: expected a step, got "[\"wait 5s\"]": write each step on a line of its own, without brackets, commas and quotes`,
		"- wait 5s":                            `column 1: expected a step, got "-": write the step without the dash`,
		`"wait 5s"`:                            `column 1: expected a step, got "\"wait 5s\"": write the step without quotes around the whole`,
		`'a b'`:                                `column 1: expected wait, until, exec or lease, got "'a b'"`,
		`wait 5s\nwait 6s`:                     `column 15: expected an option or the end of the step, got "6s"; the \n in it is a backslash and an n, and ends no line`,
		"8080 9090":                            `column 1: expected a step, got "8080": write until quiet 8080 for ports, wait 20s for a time`,
		"1m30s":                                `column 1: expected a step, got "1m30s": wait 1m30s`,
		"/prestop wait 5s":                     `column 1: expected a step, got "/prestop": write the step without the program`,
		"wait=5s":                              `column 1: expected wait, until, exec or lease, got "wait=5s"; did you mean wait?`,
		"wait 99999999999999999999":            `column 6: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "99999999999999999999"`,
		"until quiet max 5s":                   `column 13: expected an option or the end of the step, got "max"; did you mean max=? Its value stands right after the =`,
		"until quiet mx=5s":                    `column 13: expected an option of until quiet (max data body), got mx=; did you mean max=?`,
		"until quiet 8080 9090":                `column 18: expected an option or the end of the step, got "9090"; several numbers are one word, as in 8080,9090`,
		"until quiet 8080 -d x":                `column 18: expected an option or the end of the step, got "-d"; options are words such as max=… and data=…`,
		"until quiet 8080 --dry-run":           `column 18: expected an option or the end of the step, got "--dry-run"; flags go before the steps; options are words such as max=… and data=…`,
		"until quiet 8080 --grace-period=60":   `column 18: expected an option of until quiet (max data body), got --grace-period=; flags go before the steps`,
		"wait 5s --dry-run":                    `column 9: expected an option or the end of the step, got "--dry-run"; flags go before the steps`,
		"until quiet payload=x":                `column 13: expected an option of until quiet (max data body), got payload=; did you mean body=?`,
		"until http://a/ payload=x":            `column 17: expected an option of until (max min head), got payload=`,
		"until quiet ports=8080":               `column 13: expected an option of until quiet (max data body), got ports=; expected it by itself: until quiet [PORT,…]`,
		"lease 1 -x":                           "",
		"wait " + long:                         `column 6: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "` + long[:120] + `…"`,
		long:                                   `column 1: expected wait, until, exec or lease, got "` + long[:120] + `…"`,
		"until http://a/ " + long + "=":        `column 17: expected an option of until (max min head), got ` + long[:120] + `…=`,
		"$(" + long + ")":                      `column 1: the variable ` + long[:480] + `… is not set`,
		"$(-" + long + ")":                     `column 1: expected a variable's name (letters, digits and _), got "-` + long[:119] + `…"`,
		"sleep 20":                             `column 1: expected a step, got "sleep": wait 20s`,
		"sleep":                                `column 1: expected a step, got "sleep": wait 20s`,
		"curl -X POST http://a/":               `column 1: expected a step, got "curl": get URL, or post URL`,
		"/bin/kill 1":                          `column 1: expected a step, got "/bin/kill": signal TERM`,
		"sh -c true":                           `column 1: expected a step, got "sh": exec sh -c SCRIPT, where the steps cannot say the same`,
		"/app/stop":                            `column 1: expected a step, got "/app/stop": exec /app/stop`,
	} {
		_, _, _, err := Line(someVerbs(), line, env)
		if err == nil {
			err = &grammar.Error{}
		}
		if got := err.Error(); got != want && (want != "" || got != "column 0: ") {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

func TestWordsOfOneStep(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{"wait|20s": "wait 20s", "wait 5s|wait 6s": "", "wait|5 s": "", "exec|a|b c": `exec a "b c"`, "": "", "until|quiet": "until quiet", "nothing|20s": ""} {
		got, ok := OneStep(someVerbs(), strings.FieldsFunc(args, func(r rune) bool { return r == '|' }))
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}

// A name that has no value yet is refused wherever the verb needs to know the word.
func TestEarly(t *testing.T) {
	t.Parallel()
	parse := func(l *grammar.Line) (*step.Spec, error) {
		name, err := l.Gives()
		if err == nil && name == "bad" {
			err = errors.ErrUnsupported
		}
		return nil, err
	}
	verbs := []*step.Verb{
		{Name: "call", Late: []string{"", "body"}, Options: []string{"body", "max", "into"}, Parse: parse},
		{Name: "run", Raw: true, Options: []string{"max"}, Parse: parse}, {Name: "until quiet", Parse: parse},
	}
	const refused = "has its value only when the steps run"
	for line, want := range map[string]string{
		"call $(ID)": "", "call a body=$(ID)": "", "call a into=NEW": "", "call a into=_n9": "",
		"call a max=$(ID)": refused, "run $(ID)": refused, "run a $(ID)": refused, "run max=$(ID) a": refused, "$(call) a": refused, "until $(quiet)": refused, "$(until) quiet": refused,
		"call a into=ID": "ID is given by an earlier step", "call a into=HOST": "HOST is an environment variable", "call a into=$HOST": "expected a name", "call a into=a-b": "expected a name",
		"call a into=": "expected a name", "call a into=9": "expected a name", "call a into='A'": "expected a name", "call a into=NEW once": "does not go with once",
	} {
		_, _, _, err := LineIn(grammar.Scope{Lookup: env, Given: []string{"ID", "call", "quiet", "until"}}, verbs, line)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

func env(name string) (string, bool) { return "app", name == "HOST" }
