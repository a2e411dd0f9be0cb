package step

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/grammar"
)

func someVerbs() []*Verb {
	any := func(*grammar.Line) (Spec, error) { return wait(0), nil }
	return []*Verb{
		WaitVerb(), {Name: "until", Target: "URL", Options: []string{"max", "min"}, Parse: any}, {Name: "until quiet", Options: []string{"max"}, Parse: any},
		{Name: "exec", Raw: true, Parse: any}, {Name: "lease", Parse: any},
	}
}

// The first thing that somebody is told must be enough to mend the line.
func TestWhatALineShouldBe(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"wait 5s": "", "until quiet": "", "until http://a/ max=5s": "", "exec wait": "", "until http://a/ once": "",

		"":                        "column 1: expected a step, got nothing",
		"wiat 5s":                 `column 1: expected wait, until, exec or lease, got "wiat"; did you mean wait?`,
		"$(HOST) 5s":              `column 1: expected wait, until, exec or lease, got "$(HOST)"`,
		"--wait 5s":               `column 1: expected a step, got "--wait": flags go before the steps`,
		"wait":                    "column 5: expected a duration, as in wait 20s after wait",
		"wait 5x":                 `column 6: expected seconds, as 50, or a duration, as 1m30s, got "5x"`,
		"until quite":             `column 7: expected quiet or a URL after until, got "quite"; did you mean quiet?`,
		"until 'quite'":           `column 7: expected quiet or a URL after until, got "'quite'"`,
		"until":                   "column 6: expected quiet or a URL after until",
		"until http://a/ mxa=5s":  `column 17: expected an option of until (max min), got mxa=; did you mean max=?`,
		"until http://a/ x=5s":    `column 17: expected an option of until (max min), got x=`,
		"lease x=1":               "column 7: lease takes no options, got x=",
		"wait 5s && wait 6s":      `column 9: expected an option or the end of the step, got "&&": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"until http://a/ wait 5s": `column 17: expected an option or the end of the step, got "wait": each step is an argument of its own, or a line of PRE_STOP_STEPS`,
		"sleep 20":                `column 1: expected a step, got "sleep": wait 20s`,
		"sleep":                   `column 1: expected a step, got "sleep": wait 20s`,
		"curl -X POST http://a/":  `column 1: expected a step, got "curl": get URL, or post URL`,
		"/bin/kill 1":             `column 1: expected a step, got "/bin/kill": signal TERM`,
		"sh -c true":              `column 1: expected a step, got "sh": exec sh -c SCRIPT, where the steps cannot say the same`,
		"/app/stop":               `column 1: expected a step, got "/app/stop": exec /app/stop`,
	} {
		_, _, _, err := Parse(someVerbs(), line, env)
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

func TestNeedsOfWaitsAndCalls(t *testing.T) {
	t.Parallel()
	needs := func(line string) string {
		l, words, err := grammar.Split(line, grammar.Scope{Lookup: env})
		if err != nil {
			t.Fatal(err)
		}
		l.Arrange("until", words[1:], false)
		w, err := WaitOf(l)
		if err != nil {
			return err.Error()
		}
		n := w.Needs()
		return fmt.Sprint(n.Least, n.Most, n.Default, n.FromStart && n.Guard)
	}
	for line, want := range map[string]string{
		"until": "1s 0s true true", "until min=5s": "5s 0s true true", "until max=0": "1s 0s false true", "until min=2s max=9s": "2s 9s false true",
		"until min=x": `column 7: min: expected seconds, as 50, or a duration, as 1m30s, got "x"`, "until max=x": `column 7: max: expected seconds, as 50, or a duration, as 1m30s, got "x"`,
	} {
		if got := needs(line); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	if n := CallNeeds(0, 0); n.Least != CallTime || n.Want != AnswerTime || n.Most != 0 {
		t.Errorf("%+v", n)
	}
	if n := CallNeeds(3*time.Second, 500*time.Millisecond); n.Least != 500*time.Millisecond || n.Want != 500*time.Millisecond || n.Most != 500*time.Millisecond {
		t.Errorf("%+v", n)
	}
	_, spec, _, err := Parse(someVerbs(), "wait 7s", env)
	if err != nil || spec.Needs().Least != 7*time.Second || !spec.Needs().Waits {
		t.Errorf("%+v, %v", spec, err)
	}
}

func TestProgramsThatOnlySignal(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]bool{"": false, "kill 1": true, "kill -0 1": false, "/usr/sbin/nginx -s quit": true, "nginx -t": false, "apachectl graceful-stop": true, "sleep 5": false} {
		if Signals(strings.Fields(program)) != want {
			t.Errorf("%q: %t", program, !want)
		}
	}
}
