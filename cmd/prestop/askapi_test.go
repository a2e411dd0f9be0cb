package main

import (
	"testing"
	"time"

	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/shutdown"
)

// Two deliveries have one plan, whether the API server answered either, both or none of them. One that makes no waits has
// another, so that a later one that does make them begins anew.
func TestPlanIDWithoutTheAPIServer(t *testing.T) {
	t.Parallel()
	id := func(a asked, env map[string]string) string {
		b := build(t, with(env, map[string]string{"PRE_STOP_ASK_API": "true"}), "post http://a", "wait 5s")
		b.asked = a
		return b.planID(b.plan(time.Now()))
	}
	for _, env := range []map[string]string{{}, {graceEnv: "60"}, {graceEnv: "60", reserveEnv: "5", waitEnv: "70"}} {
		silent := id(asked{}, env)
		for _, grace := range []time.Duration{time.Second, 30 * time.Second, time.Hour} {
			if got := id(asked{grace: grace}, env); got != silent {
				t.Errorf("%v: %q with a grace of %s, %q without", env, got, grace, silent)
			}
		}
		if got := id(asked{grace: time.Minute, skip: true}, env); got == silent {
			t.Errorf("%v: %q without waits, and with", env, got)
		}
	}
	if one, two := id(asked{}, map[string]string{graceEnv: "60"}), id(asked{}, map[string]string{graceEnv: "61"}); one == two {
		t.Errorf("%q for both settings", one)
	}
}

// The budget is that of the API server's grace period, in which nothing is assumed and nobody's mistake is.
func TestBudgetByTheAPIServer(t *testing.T) {
	t.Parallel()
	type env = map[string]string
	for _, test := range []struct {
		name                  string
		env                   env
		api                   time.Duration
		grace, reserve, floor time.Duration
		warns                 string
	}{
		{"nothing set", env{}, 60 * time.Second, 60 * time.Second, 10 * time.Second, 50 * time.Second, ""},
		{"nothing set, a short one", env{}, 10 * time.Second, 10 * time.Second, 5 * time.Second, 5 * time.Second, ""},
		{"longer than set", env{graceEnv: "30"}, 120 * time.Second, 120 * time.Second, 20 * time.Second, 50 * time.Second, ""},
		{"shorter than set", env{graceEnv: "180"}, 30 * time.Second, 30 * time.Second, 5 * time.Second, 50 * time.Second, "shortened"},
		{"a wait raises nothing", env{waitEnv: "60"}, 30 * time.Second, 30 * time.Second, 5 * time.Second, 60 * time.Second, "shortened"},
		{"the reserve that is set", env{reserveEnv: "20"}, 60 * time.Second, 60 * time.Second, 20 * time.Second, 40 * time.Second, ""},
		{"no room for it", env{reserveEnv: "20", waitEnv: "0"}, 20 * time.Second, 20 * time.Second, 5 * time.Second, 0, reserveEnv},
		{"a second", env{waitEnv: "0"}, time.Second, time.Second, 500 * time.Millisecond, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := build(t, with(test.env, env{"PRE_STOP_ASK_API": "true"}))
			b.eck = eck.Pod{Cluster: "es"} // whose own default counts for nothing then
			b.asked.grace = test.api
			p := b.plan(time.Now())
			if p.Grace != test.grace || p.Reserve != test.reserve || p.Floor != test.floor {
				t.Errorf("grace %s, reserve %s, floor %s; want %s, %s, %s", p.Grace, p.Reserve, p.Floor, test.grace, test.reserve, test.floor)
			}
			checkNotes(t, "warnings", b.warnings, test.warns)
			if len(b.problems) > 0 {
				t.Errorf("problems %q", b.problems)
			}
		})
	}
}

// What is asked takes a share of what the settings give at least.
func TestAskTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  map[string]string
		want time.Duration
	}{
		{map[string]string{}, 2 * time.Second},
		{map[string]string{graceEnv: "180"}, 2 * time.Second},
		{map[string]string{graceEnv: "6"}, time.Second},
		{map[string]string{graceEnv: "1"}, time.Second / 6},
		{map[string]string{graceEnv: "60", reserveEnv: "57"}, time.Second},
		{map[string]string{graceEnv: "3", reserveEnv: "9"}, time.Second / 2}, // a reserve that cannot be
		{map[string]string{graceEnv: "0"}, 0},
		{map[string]string{reserveEnv: "27"}, time.Second},
	} {
		if got := build(t, test.env).askTime(); got != test.want {
			t.Errorf("%v: %s, want %s", test.env, got, test.want)
		}
	}
}

// What auto comes to is what everybody is told, and no explicit type is touched by it.
func TestKindOfAuto(t *testing.T) {
	t.Parallel()
	env := map[string]string{"PRE_STOP_ASK_API": "true", "PRE_STOP_SHUTDOWN_TYPE": "auto", appEnv: "http://a", esEnv: "http://es"}
	for decided, want := range map[string]string{"": "restart", "remove": "remove"} {
		b := build(t, env)
		b.asked.kind = decided
		p := b.plan(time.Now())
		app, es := p.Entries[0].Step.(shutdown.App), p.Entries[1].Step.(shutdown.Elasticsearch)
		if app.Notice.Type != want || es.Type != want {
			t.Errorf("decided %q: the app is told %s, Elasticsearch %s; want %s", decided, app.Notice.Type, es.Type, want)
		}
		for _, warning := range b.warnings {
			if warning != b.warnings[0] { // the grace period's
				t.Errorf("decided %q: warning %s", decided, warning)
			}
		}
		e, err := b.step("elasticsearch http://es type=sigterm")
		if err != nil || e.Step.(shutdown.Elasticsearch).Type != "sigterm" {
			t.Errorf("decided %q: %+v, %v", decided, e.Step, err)
		}
	}
}

func TestWantsAuto(t *testing.T) {
	t.Parallel()
	const auto = "PRE_STOP_SHUTDOWN_TYPE"
	for _, test := range []struct {
		kind string
		args []string
		want bool
	}{
		{"auto", nil, true},
		{"restart", nil, false},
		{"auto", []string{"wait 5s"}, false},
		{"auto", []string{"post http://a", "elasticsearch http://es"}, true},
		{"auto", []string{"elasticsearch http://es type=restart"}, false},
		{"restart", []string{"elasticsearch http://es type=auto"}, true},
		{"restart", []string{"elasticsearch", "http://es", "type=auto"}, true},
		{"restart", []string{"post http://a body=type=auto"}, false},
		{"auto", []string{"elasticsearch 'http://es", ""}, false}, // cannot be read
	} {
		b := build(t, map[string]string{auto: test.kind, "PRE_STOP_ASK_API": "true"}, test.args...)
		if got := b.wantsAuto(); got != test.want {
			t.Errorf("%s %q: %v", test.kind, test.args, got)
		}
	}
}
