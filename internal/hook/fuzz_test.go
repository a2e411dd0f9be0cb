package hook

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/kube"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/timeline"
)

// Any steps: no panic, an entry for each, a schedule that can be, an error that names a column, and no credentials in any text.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{
		"", "wait 5s", "wait 1m30s once", "wait $(A)", "post http://app/ body=@/f header=A:b timeout=5s expect=2xx,404", "once", "'once' once",
		`get "http://$A:80/" only-if='http://b/' token-file=/t ca-file=/c`, "elasticsearch http://u:p@a:9200,https://b type=sigterm", "elasticsearch type=replace",
		"until http://a json=.b in=c stable=2 min=1s max=9s", `until http+unix:/a:/b metric='c{d=~"e"}' at-most=1`, "until file /a max=0", "until quiet 80,81 for=1s allow=2 ignore=::/0 traffic=new unanswered=1",
		"until gone web min=1s", "until closed 80", "touch /a", "exec a b=c", "signal RTMIN+1 wait=false", "unlock redis://a/1 key=b value-file=/c", "unlock etcds://a lease-file=/b user=c password-file=/d",
		"$$ $", "\x00", "delete http://[::1]:80/ header=\"Authorization: Bearer hunter22\"", "wait 99999999999h\nput http://a:0\n# no\nwait 3s", "psot http://u:hunter22@a/",
	} {
		f.Add(seed, "http://es:9200", "5s", "60")
	}
	f.Fuzz(func(t *testing.T, text, places, variable, grace string) {
		vars := env{"A": variable, "B": "", esEnv: places, stepsSetting: text, appEnv: places, graceEnv: grace}
		c, err := config.ReadElsewhere(nil, vars, eck.Pod{})
		if err != nil {
			t.Fatal(err)
		}
		secrets := &secret.Set{}
		s := Read(c, secrets)
		p := s.Plan(world())
		if again := s.Plan(world()); again.ID() != p.ID() || len(again.Problems) != len(p.Problems) || len(again.Warnings) != len(p.Warnings) {
			t.Errorf("%q: another plan is %q %q, and the first %q %q", text, again.ID(), again.Problems, p.ID(), p.Problems)
		}
		checkDrawing(t, p)
		if lines := len(c.Lines(s.verbs)); len(p.Entries) != len(p.Steps) || len(p.Entries) < lines || len(p.Entries) > lines+2 {
			t.Errorf("%q: %d lines, %d entries, %d steps", text, lines, len(p.Entries), len(p.Steps))
		}
		for n, slot := range p.Timeline() {
			if slot.Ends > max(p.Budget(), 0) || slot.Earliest > slot.Latest || slot.Latest > slot.Ends {
				t.Errorf("%q: slot %d: %+v", text, n, slot)
			}
		}
		for n, e := range p.Entries {
			checkEntry(t, text, e.Line, *p.Steps[n])
			if e.Step == nil && e.Least != e.Most || e.Least < 0 || e.Most < 0 {
				t.Errorf("%q: %+v", text, e)
			}
		}
		for _, w := range p.Warnings {
			if w.ID == "" || w.Step < NoStep || w.Step >= len(p.Steps) || strings.Contains(w.Text, "hunter22") && strings.Contains(text, ":hunter22@") {
				t.Errorf("%q: %+v", text, w)
			}
		}
	})
}

func checkEntry(t *testing.T, text, line string, one Step) {
	if line != one.Line || (one.Spec == nil) != (one.Err != nil) {
		t.Errorf("%q: %q, %+v", text, line, one)
	}
	at, ok := errors.AsType[*grammar.Error](one.Err)
	if fromLine := one.Setting == stepsSetting; fromLine && one.Err != nil && (!ok || at.Column < 1 || at.Column > len(text)+1) {
		t.Errorf("%q: the error names no column: %v", text, one.Err)
	}
}

func checkDrawing(t *testing.T, p *Plan) {
	drawing := timeline.New(&p.Plan)
	drawing.Write(io.Discard, timeline.Page{Colours: true})
	drawing.Write(io.Discard, timeline.Page{Width: 60})
	if earliest, latest := drawing.SIGTERM(); earliest > latest || latest > max(p.Budget(), 0) {
		t.Errorf("SIGTERM from %s to %s of %s", earliest, latest, p.Budget())
	}
}

// Any settings: no panic, a problem or a plan, and times that can be.
func FuzzSettings(f *testing.F) {
	names := []string{"PRE_STOP_RESERVE_SECONDS", waitEnv, "PRE_STOP_REPORT_URL", appEnv, esEnv, typeEnv, askEnv, "PRE_STOP_IF_NOT_DELETED", "PRE_STOP_SKIP_FILE",
		"PRE_STOP_MAX_DNS_ERRORS", "PRE_STOP_TERMINATION_LOG", "PRE_STOP_ELASTICSEARCH_USERNAME", "PRE_STOP_ELASTICSEARCH_TARGET_NODE", graceEnv}
	values := []string{"", "0", "1500ms", "60", "http://a", "replace", "skip", "true", "-1", "9999999999h", "nan"}
	for n := range names {
		f.Add("1", n, "1500ms", (n+2)%len(names), "http://reports", "wait 5s")
		f.Add(values[n%len(values)], n, values[(n+4)%len(values)], (n+1)%len(names), values[(n+7)%len(values)], "")
	}
	f.Fuzz(func(t *testing.T, grace string, one int, a string, other int, b, steps string) {
		at := func(n int) string { return names[uint(n)%uint(len(names))] }
		c, err := config.ReadElsewhere(nil, env{graceEnv: grace, at(one): a, at(other): b, stepsSetting: steps}, eck.Pod{})
		if err != nil {
			t.Fatal(err)
		}
		s := Read(c, &secret.Set{})
		for _, asked := range []kube.Answer{{}, {Grace: time.Second}, {Grace: time.Nanosecond, Skip: true}} {
			w := world()
			w.Asked = asked
			p := s.Plan(w)
			if p.Grace < 0 || p.Reserve < 0 || p.Floor < 0 || p.Budget() < 0 || s.SettledBudget() < 0 {
				t.Errorf("grace %s, reserve %s, floor %s", p.Grace, p.Reserve, p.Floor)
			}
			checkDrawing(t, p)
		}
	})
}
