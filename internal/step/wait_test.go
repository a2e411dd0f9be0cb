package step

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/grammar"
)

func TestNeedsOfWaitsAndCalls(t *testing.T) {
	t.Parallel()
	needs := func(line string) string {
		l, words, err := grammar.Split(line, grammar.Scope{})
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
		"until min=x": `column 7: min: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "x"`, "until max=x": `column 7: max: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "x"`,
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
	l, words, err := grammar.Split("wait 7s", grammar.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	l.Arrange("wait", words[1:], false)
	spec, err := WaitVerb().Parse(l)
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
