package hook

import (
	"testing"
	"time"

	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/kube"
)

// Two deliveries have one plan, whether the API server answered either, both or none of them. One that makes no waits has
// another, so that a later one that does make them begins anew.
func TestPlanIDWithoutTheAPIServer(t *testing.T) {
	t.Parallel()
	id := func(a kube.Answer, env env) string {
		w := world()
		w.Asked = a
		return read(t, with(env, map[string]string{askEnv: "true"}), "post http://a", "wait 5s").Plan(w).ID()
	}
	for _, env := range []env{{}, {graceEnv: "60"}, {graceEnv: "60", reserveEnv: "5", waitEnv: "70"}} {
		silent := id(kube.Answer{}, env)
		for _, grace := range []time.Duration{time.Second, 30 * time.Second, time.Hour} {
			if got := id(kube.Answer{Grace: grace}, env); got != silent {
				t.Errorf("%v: %q with a grace of %s, %q without", env, got, grace, silent)
			}
		}
		if got := id(kube.Answer{Grace: time.Minute, Skip: true}, env); got == silent {
			t.Errorf("%v: %q without waits, and with", env, got)
		}
	}
	if one, two := id(kube.Answer{}, env{graceEnv: "60"}), id(kube.Answer{}, env{graceEnv: "61"}); one == two {
		t.Errorf("%q for both settings", one)
	}
}

// The budget is that of the API server's grace period, in which nothing is assumed and nobody's mistake is.
func TestBudgetByTheAPIServer(t *testing.T) {
	t.Parallel()
	const short = "grace-too-short: additional wait is shortened"
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
		{"shorter than set", env{graceEnv: "180"}, 30 * time.Second, 30 * time.Second, 5 * time.Second, 50 * time.Second, short},
		{"a wait raises nothing", env{waitEnv: "60"}, 30 * time.Second, 30 * time.Second, 5 * time.Second, 60 * time.Second, short},
		{"the reserve that is set", env{reserveEnv: "20"}, 60 * time.Second, 60 * time.Second, 20 * time.Second, 40 * time.Second, ""},
		{"no room for it", env{reserveEnv: "20", waitEnv: "0"}, 20 * time.Second, 20 * time.Second, 5 * time.Second, 0, "reserve-too-large: " + reserveEnv},
		{"a second", env{waitEnv: "0"}, time.Second, time.Second, 500 * time.Millisecond, 0, ""},
	} {
		for _, pod := range []eck.Pod{{}, mounted} { // whose own default counts for nothing then
			w := world()
			w.Asked.Grace = test.api
			p := readMounted(t, pod, with(test.env, env{askEnv: "true"})).Plan(w)
			if p.Grace != test.grace || p.Reserve != test.reserve || p.Floor != test.floor {
				t.Errorf("%s: grace %s, reserve %s, floor %s; want %s, %s, %s", test.name, p.Grace, p.Reserve, p.Floor, test.grace, test.reserve, test.floor)
			}
			checkNotes(t, test.name+": warnings", p.said(), noted(test.warns)...)
			checkNotes(t, test.name+": problems", p.wrong())
		}
	}
}

// What the settings leave at the least is what can be given to the question.
func TestSettledBudget(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  env
		want time.Duration
	}{
		{env{}, 25 * time.Second},
		{env{graceEnv: "180"}, 150 * time.Second},
		{env{graceEnv: "6"}, 3 * time.Second},
		{env{graceEnv: "1"}, time.Second / 2},
		{env{graceEnv: "60", reserveEnv: "57"}, 3 * time.Second},
		{env{graceEnv: "3", reserveEnv: "9"}, 3 * time.Second / 2}, // a reserve that cannot be
		{env{graceEnv: "0"}, 0},
		{env{reserveEnv: "27"}, 3 * time.Second},
		{env{waitEnv: "300"}, 25 * time.Second},
	} {
		if got := read(t, test.env).SettledBudget(); got != test.want {
			t.Errorf("%v: %s, want %s", test.env, got, test.want)
		}
	}
}

// What auto comes to is what everybody is told, and no explicit type is touched by it.
func TestTypeOfAuto(t *testing.T) {
	t.Parallel()
	for removed, want := range map[bool]string{false: "restart", true: "remove"} {
		w := world()
		w.Asked.Remove = removed
		s := read(t, env{askEnv: "true", typeEnv: "auto", appEnv: "http://a", esEnv: "http://es"})
		m := s.Means(w)
		if got := m.Type(m.Elasticsearch.Type); got != want {
			t.Errorf("removed %t: %s, want %s", removed, got, want)
		}
		if got := m.Type("sigterm"); got != "sigterm" {
			t.Errorf("removed %t: sigterm is %s", removed, got)
		}
		checkNotes(t, "warnings", s.Plan(w).said(), "grace-not-set")
	}
}

func TestWantsAuto(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  env
		args []string
		want bool
	}{
		{env{typeEnv: "auto", appEnv: "http://a"}, nil, true}, // which is told the type
		{env{typeEnv: "AUTO", esEnv: "http://es"}, nil, true},
		{env{typeEnv: "auto", appEnv: "http://a"}, []string{"wait 5s"}, true},
		{env{typeEnv: "restart", appEnv: "http://a", esEnv: "http://es"}, nil, false},
		{env{typeEnv: "auto"}, nil, false},
		{env{typeEnv: "auto"}, []string{"wait 5s"}, false},
		{env{typeEnv: "auto"}, []string{"post http://a", "elasticsearch http://es"}, true},
		{env{typeEnv: "auto"}, []string{"elasticsearch http://es type=restart"}, false},
		{env{typeEnv: "restart"}, []string{"elasticsearch http://es type=auto"}, true},
		{env{typeEnv: "restart"}, []string{"elasticsearch", "http://es", "type=auto"}, true},
		{env{typeEnv: "restart"}, []string{"post http://a body=type=auto"}, false},
		{env{typeEnv: "auto"}, []string{"elasticsearch 'http://es", ""}, false}, // cannot be read
	} {
		if got := read(t, with(test.env, env{askEnv: "true"}), test.args...).WantsAuto(); got != test.want {
			t.Errorf("%q %q: %v", test.env, test.args, got)
		}
	}
}
