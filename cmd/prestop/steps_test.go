package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/prestop"
)

// build is a builder of this configuration, outside of an ECK pod.
func build(t testing.TB, env map[string]string, args ...string) *builder {
	t.Helper()
	s, err := load(args, env)
	if err != nil {
		t.Fatal(err)
	}
	return newBuilder(invocation{ctx: t.Context(), env: env}, s)
}

func TestStepLines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		env  string
		want []string
	}{
		{nil, "", nil},
		{[]string{"wait", "20s"}, "", []string{"wait 20s"}},
		{[]string{"wait 20s"}, "", []string{"wait 20s"}},
		{[]string{"wait"}, "", []string{"wait"}},
		{[]string{"post", "http://a", "timeout=5s", "once"}, "", []string{"post http://a timeout=5s once"}},
		{[]string{"post", "http://a", `body={"a":1}`}, "", []string{`post http://a body="{\"a\":1}"`}},
		{[]string{"exec", "sh", "-c", `echo "$A" a=b`}, "", []string{`exec sh -c "echo \"$A\" a=b"`}},
		{[]string{"until", "file", "/a"}, "", []string{"until file /a"}},
		{[]string{"until", "file /a"}, "", []string{"until", "file /a"}},
		{[]string{"post http://a", "wait 5s"}, "", []string{"post http://a", "wait 5s"}},
		{[]string{"post", "http://a", "body=a b"}, "", []string{"post", "http://a", "body=a b"}},
		{[]string{"elasticsearch", "wait 5s"}, "", []string{"elasticsearch", "wait 5s"}},
		{[]string{"elasticsearch"}, "", []string{"elasticsearch"}},
		{[]string{"version"}, "", []string{"version"}},
		{[]string{"pots", "http://a"}, "", []string{"pots", "http://a"}},
		{[]string{""}, "", []string{""}},
		{[]string{"wait 5s"}, "post http://a", []string{"wait 5s"}},
		{nil, "wait 5s", []string{"wait 5s"}},
		{nil, "wait 5s\npost http://a\n", []string{"wait 5s", "post http://a"}},
		{nil, "\n# a comment\n\n  # another\n\twait 5s  \r\n#\n", []string{"wait 5s"}},
		{nil, "post http://a#fragment # no comment", []string{"post http://a#fragment # no comment"}},
		{nil, "wait 5s\n \t\n", []string{"wait 5s"}},
		{nil, "# only\n#comments", nil},
		{nil, "wait", []string{"wait"}},
	} {
		s, err := load(test.args, map[string]string{"PRE_STOP_STEPS": test.env})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.stepLines(); !slices.Equal(got, test.want) {
			t.Errorf("%q, %q: %q, want %q", test.args, test.env, got, test.want)
		}
	}
}

// Any line: no panic; an error that names a column within the line, or an entry that the schedule can use.
func FuzzStep(f *testing.F) {
	for _, seed := range []string{
		"", "wait 5s", "wait 1m30s once", "wait $(A)", "wait ${B} x=y", "post http://app/ body=@/f header=A:b timeout=5s expect=2xx,404",
		`get "http://$A:80/" only-if='http://b/' token-file=/t ca-file=/c`, "elasticsearch http://u:p@a:9200,https://b type=sigterm", "elasticsearch type=replace",
		"once", "'once' once", "until http://a json=.b in=c stable=2 min=1s max=9s", `until http+unix:/a:/b metric='c{d=~"e"}' at-most=1`, "until file /a max=0", "until quiet 80,81 for=1s allow=2 ignore=::/0 traffic=new unanswered=1", "until gone web min=1s", "until closed 80",
		"touch /a", "exec a b=c", "signal RTMIN+1 wait=false", "unlock redis://a/1 key=b value-file=/c", "unlock etcds://a lease-file=/b user=c password-file=/d", "$$ $", "\x00", "delete http://[::1]:80/ header=\"Authorization: Bearer $(A)\"", "wait 99999999999h", "put http://a:0",
	} {
		f.Add(seed, "http://es:9200", "5s")
	}
	column := regexp.MustCompile(`^column ([1-9][0-9]*): .`)
	f.Fuzz(func(t *testing.T, text, places, variable string) {
		env := map[string]string{"A": variable, "B": "", "PRE_STOP_ELASTICSEARCH_URL": places, "PRE_STOP_STEPS": text}
		b := build(t, env)
		e, err := b.step(text)
		if err != nil {
			checkColumn(t, text, err)
			if !column.MatchString(err.Error()) {
				t.Errorf("%q: the error names no column: %v", text, err)
			}
		} else if e.Least < 0 || e.Most != 0 && e.Least > e.Most && !e.FromStart || e.Step == nil && e.Least != e.Most {
			t.Errorf("%q: %+v", text, e)
		}
		p := b.plan(time.Now())
		for _, slot := range p.Timeline() {
			if slot.Ends > p.Budget() || slot.Earliest > slot.Latest || slot.Latest > slot.Ends {
				t.Errorf("%q: %+v", text, slot)
			}
		}
		if len(b.stepLines()) != len(p.Entries) && len(b.stepLines()) > 0 {
			t.Errorf("%q: %d lines, %d entries", text, len(b.stepLines()), len(p.Entries))
		}
		checkEntries(t, p)
	})
}

func checkColumn(t *testing.T, text string, err error) {
	e, ok := err.(*line.Error)
	if !ok || e.Column < 1 || e.Column > len(text)+1 {
		t.Errorf("%q: %#v", text, err)
	}
}

func checkEntries(t *testing.T, p prestop.Plan) {
	for _, e := range p.Entries {
		if e.Step == nil && e.Least != e.Most || e.Guard && e.Most == 0 && e.Step == nil {
			t.Errorf("%+v", e)
		}
	}
}
