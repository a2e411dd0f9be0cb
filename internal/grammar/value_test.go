package grammar

import (
	"fmt"
	"testing"
)

func lineOf(t *testing.T, text string) *Line {
	t.Helper()
	l, words, err := Split(text, Scope{Lookup: env, Given: []string{"ID"}})
	if err != nil {
		t.Fatal(err)
	}
	l.Arrange(words[0].Text, words[1:], words[0].Text == "exec")
	return l
}

// What a verb asks a line for, and how a line says that it has something else: by the column, and as it was written.
func TestValuesOfALine(t *testing.T) {
	t.Parallel()
	option := func(l *Line) *Option {
		o, ok := l.Option("v")
		if !ok {
			t.Fatal("no option v")
		}
		return o
	}
	duration := func(l *Line) (any, error) { return option(l).Duration() }
	positive := func(l *Line) (any, error) { return option(l).Positive() }
	count := func(l *Line) (any, error) { return option(l).Count(2, "how many") }
	number := func(l *Line) (any, error) { return option(l).Number() }
	truth := func(l *Line) (any, error) { return option(l).Bool() }
	file := func(l *Line) (any, error) { return option(l).File() }
	path := func(l *Line) (any, error) { return l.Path("a path", "") }
	program := func(l *Line) (any, error) { return l.Program() }
	gives := func(l *Line) (any, error) { return l.Gives() }
	most := func(l *Line) (any, error) { return l.Most() }
	begins := func(l *Line) (any, error) { return option(l).Begins("@"), nil }
	target := func(read func(*Word) (any, error)) func(*Line) (any, error) {
		return func(l *Line) (any, error) {
			w, err := l.Target("a thing", "")
			if err != nil {
				return nil, err
			}
			return read(w)
		}
	}
	ports := target(func(w *Word) (any, error) { return w.Ports() })
	wait := target(func(w *Word) (any, error) { return w.Duration() })
	for _, test := range []struct {
		line string
		read func(*Line) (any, error)
		want string // the value, or the error
	}{
		{"x v=50", duration, "50s"}, {"x v=1m30s", duration, "1m30s"}, {"x v=3 v=4", duration, "3s"}, {"x v=0", duration, "0s"},
		{"x v=-1s", duration, `column 3: v: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "-1s"`},
		{"x v=$HOST", duration, `column 3: v: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "$HOST"`},
		{"x v=1", positive, "1s"}, {"x v=0", positive, "column 3: v: expected more than 0s"},
		{"x v=2", count, "2"}, {"x v=1", count, `column 3: v: expected how many, 2 or more, got "1"`}, {"x v=65536", count, `column 3: v: expected how many, 2 or more, got "65536"`},
		{"x v=1.5", number, "1.5"}, {"x v=NaN", number, `column 3: v: expected a number, got "NaN"`},
		{"x v=inf", number, `column 3: v: expected a number, got "inf"`}, {"x v=-Infinity", number, `column 3: v: expected a number, got "-Infinity"`},
		{"x v=true", truth, "true"}, {"x v=yes", truth, `column 3: v: expected true or false, got "yes"`},
		{"x v=/t", file, "/t"}, {"x v=", file, "column 3: v: expected a file's path, got nothing"},
		{"x v=@/t", begins, "true"}, {"x v=$ID", begins, "false"},
		{"x /a", path, "/a"}, {"x a", path, `column 3: expected an absolute path, got "a"`}, {"x", path, "column 2: expected a path after x"},
		{"x 80,443", ports, "[80 443]"}, {"x 80,0", ports, `column 3: expected a port from 1 to 65535, got "80,0"`},
		{"x 5 6", wait, `column 5: expected an option or the end of the step, got "6"`}, {"x 5s", wait, "5s"}, {"x 'a b'", wait, `column 3: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "'a b'"`},
		{"exec v=1 a v=2", program, "[a v=2]"}, {"exec v=1", program, "column 5: expected a program after exec, as in exec /bin/true"}, {"exec 'a\x00'", program, `column 6: expected words without NUL, got "'a\x00'"`},
		{"x into=NEW", gives, "NEW"}, {"x", gives, ""}, {"x into=ID", gives, "column 3: into: ID is given by an earlier step: expected another name"},
		{"x into=HOST", gives, "column 3: into: HOST is an environment variable: expected another name"}, {"x into=a-b", gives, `column 3: into: expected a name of letters, digits and _, got "a-b"`},
		{"x into=NEW once", gives, "column 3: into= does not go with once: a second delivery of the hook asks again"},
		{"x max=5", most, "5s"}, {"x", most, "0s"}, {"x max=0", most, "column 3: max: expected more than 0s"},
	} {
		value, err := test.read(lineOf(t, test.line))
		if err != nil {
			value = err
		}
		if got := fmt.Sprint(value); got != test.want {
			t.Errorf("%q: %s, want %s", test.line, got, test.want)
		}
	}
}

func TestLastWordOnce(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"x once": true, "x a once": true, "x 'once'": false, "once": false, "x once a": false} {
		if l := lineOf(t, text); l.Once != want {
			t.Errorf("%q: once is %t", text, l.Once)
		}
	}
	if l, _, err := Split(" ", Scope{}); err == nil || l.Verb.Text != "" {
		t.Errorf("%+v, %v", l, err)
	}
}
