package main

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

const (
	graceEnv   = "PRE_STOP_GRACE_PERIOD_SECONDS"
	reserveEnv = "PRE_STOP_RESERVE_SECONDS"
	waitEnv    = "PRE_STOP_ADDITIONAL_WAIT_SECONDS"
	esEnv      = "PRE_STOP_ELASTICSEARCH_URL"
	appEnv     = "PRE_STOP_APP_URL"
)

func TestBudget(t *testing.T) {
	t.Parallel()
	const assumed = graceEnv + " is not set"
	tooLarge := func(grace, reserve, used string) string {
		return reserveEnv + ": expected less than the grace period of " + grace + ", got " + reserve + "; " + used + " is used"
	}
	type env = map[string]string
	for _, test := range []struct {
		name                  string
		env                   env
		steps                 string
		eck                   bool
		grace, reserve, floor string
		warns, problem        string
	}{
		{"nothing", env{}, "", false, "30s", "5s", "25s", assumed, ""},
		{"nothing, in an ECK pod", env{}, "", true, "3m0s", "30s", "50s", assumed, ""},
		{"nothing but steps", env{}, "post http://a", false, "30s", "5s", "0s", assumed, ""},

		{"grace", env{graceEnv: "60"}, "", false, "1m0s", "10s", "50s", "", ""},
		{"grace, in an ECK pod", env{graceEnv: "60"}, "", true, "1m0s", "10s", "50s", "", ""},
		{"grace at the reserve's least", env{graceEnv: "30"}, "", false, "30s", "5s", "50s", "shortened from 50s to 24.95s", ""},
		{"grace below that", env{graceEnv: "12"}, "", false, "12s", "5s", "50s", "shortened", ""},
		{"grace of twice the least reserve", env{graceEnv: "10"}, "", false, "10s", "5s", "50s", "shortened", ""},
		{"small grace", env{graceEnv: "6"}, "", false, "6s", "3s", "50s", "shortened", ""},
		{"tiny grace", env{graceEnv: "1"}, "", false, "1s", "500ms", "50s", "shortened from 50s to 0s", ""},
		{"no grace", env{graceEnv: "0"}, "", false, "0s", "0s", "50s", "shortened from 50s to 0s", ""},
		{"large grace", env{graceEnv: "3600"}, "", false, "1h0m0s", "10m0s", "50s", "", ""},

		{"reserve", env{graceEnv: "60", reserveEnv: "20"}, "", false, "1m0s", "20s", "50s", "shortened from 50s to 39.95s", ""},
		{"no reserve", env{graceEnv: "60", reserveEnv: "0"}, "", false, "1m0s", "0s", "50s", "", ""},
		{"more than half", env{graceEnv: "60", reserveEnv: "59"}, "", false, "1m0s", "59s", "50s", "shortened", ""},
		{"reserve and no grace", env{reserveEnv: "8"}, "", false, "30s", "8s", "22s", assumed, ""},
		{"reserve of the whole grace", env{graceEnv: "60", reserveEnv: "60"}, "", false, "1m0s", "10s", "50s", "", tooLarge("1m0s", "1m0s", "10s")},
		{"reserve beyond the grace", env{graceEnv: "60", reserveEnv: "90"}, "", false, "1m0s", "10s", "50s", "", tooLarge("1m0s", "1m30s", "10s")},
		{"reserve beyond the default", env{reserveEnv: "30"}, "", false, "30s", "5s", "25s", assumed, tooLarge("30s", "30s", "5s")},
		{"reserve of no grace", env{graceEnv: "0", reserveEnv: "0"}, "", false, "0s", "0s", "50s", "shortened", tooLarge("0s", "0s", "0s")},

		{"wait and grace", env{graceEnv: "60", waitEnv: "20"}, "", false, "1m0s", "10s", "20s", "", ""},
		{"wait beyond the grace", env{graceEnv: "30", waitEnv: "60"}, "", false, "30s", "5s", "1m0s", "shortened from 1m0s to 24.95s", ""},
		{"wait that fits the default", env{waitEnv: "20"}, "", false, "30s", "5s", "20s", assumed, ""},
		{"wait that just does", env{waitEnv: "25"}, "", false, "30s", "5s", "25s", assumed, ""},
		{"wait that raises it", env{waitEnv: "60"}, "", false, "1m12s", "12s", "1m0s", assumed, ""},
		{"wait of the default's length, but set", env{waitEnv: "50"}, "", false, "1m0s", "10s", "50s", assumed, ""},
		{"wait and reserve raise it", env{waitEnv: "60", reserveEnv: "3"}, "", false, "1m3s", "3s", "1m0s", assumed, ""},
		{"wait that fits an ECK pod", env{waitEnv: "60"}, "", true, "3m0s", "30s", "1m0s", assumed, ""},
		{"wait that raises that", env{waitEnv: "200"}, "", true, "4m0s", "40s", "3m20s", assumed, ""},
		{"no wait", env{waitEnv: "0"}, "", false, "30s", "5s", "0s", assumed, ""},
		{"no wait but grace", env{graceEnv: "60", waitEnv: "0"}, "", false, "1m0s", "10s", "0s", "", ""},

		{"a step's wait", env{graceEnv: "60"}, "wait 20s", false, "1m0s", "10s", "0s", "", ""},
		{"a step's wait raises the grace", env{}, "wait 60s", false, "1m12s", "12s", "0s", assumed, ""},
		{"steps' waits together", env{}, "wait 30s\nwait 30s", false, "1m12s", "12s", "0s", assumed, ""},
		{"a step's wait by a variable", env{"DELAY": "60s"}, "wait $(DELAY)", false, "1m12s", "12s", "0s", assumed, ""},
		{"a step's wait beyond the grace", env{graceEnv: "30"}, "wait 60s", false, "30s", "5s", "0s", "wait 60s is shortened from 1m0s to 24.95s", ""},
		{"the longer of both waits", env{waitEnv: "40"}, "wait 60s", false, "1m12s", "12s", "40s", assumed, ""},
		{"the longer of both waits, the other way", env{waitEnv: "60"}, "wait 40s", false, "1m12s", "12s", "1m0s", assumed, ""},
		{"steps with the wait set", env{graceEnv: "60", waitEnv: "20"}, "post http://a", false, "1m0s", "10s", "20s", "", ""},
		{"steps with the wait not set", env{graceEnv: "60"}, "post http://a", false, "1m0s", "10s", "0s", "", ""},

		{"a wait that cannot be read", env{waitEnv: "5O"}, "", false, "30s", "5s", "25s", assumed, waitEnv},
		{"a wait that cannot be read, with steps", env{waitEnv: "5O"}, "post http://a", false, "30s", "5s", "25s", assumed, waitEnv},
		{"a wait that cannot be read, with steps and grace", env{waitEnv: "5O", graceEnv: "60"}, "post http://a", false, "1m0s", "10s", "50s", "", waitEnv},
		{"a grace that cannot be read", env{graceEnv: "6O"}, "", false, "30s", "5s", "25s", assumed, graceEnv},
		{"a reserve that cannot be read", env{graceEnv: "60", reserveEnv: "1O"}, "", false, "1m0s", "10s", "50s", "", reserveEnv},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := with(test.env, map[string]string{"PRE_STOP_STEPS": test.steps})
			b := build(t, env)
			if test.eck {
				b.eck = eck.Pod{Cluster: "es"}
			}
			p := b.plan(time.Now())
			if got := []string{p.Grace.String(), p.Reserve.String(), p.Floor.String()}; !slices.Equal(got, []string{test.grace, test.reserve, test.floor}) {
				t.Errorf("grace, reserve, floor %q, want %q %q %q", got, test.grace, test.reserve, test.floor)
			}
			checkNotes(t, "warnings", b.warnings, test.warns)
			var problems []string
			for _, problem := range b.problems {
				problems = append(problems, problem.Error())
			}
			checkNotes(t, "problems", problems, test.problem)
			if test.grace != "0s" && p.Reserve >= p.Grace {
				t.Errorf("the reserve of %s leaves nothing of %s", p.Reserve, p.Grace)
			}
			if !b.end.Equal(p.Deadline()) {
				t.Errorf("steps are told that it ends %s, want %s", b.end, p.Deadline())
			}
		})
	}
}

// checkNotes wants exactly one note, with that text in it, or none.
func checkNotes(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
		t.Errorf("%s %q, want %q", what, got, want)
	}
}

// Flags that are not known may have been the wait's.
func TestAnUnknownFlagKeepsTheWait(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--additional-wait-seconds=20", "post http://a"}, {"--additional-wait=2O", "post http://a"}} {
		b := build(t, map[string]string{graceEnv: "90"}, args...)
		if p := b.plan(time.Now()); p.Floor != 50*time.Second || len(b.problems) != 1 {
			t.Errorf("%q: floor %s, problems %q; want 50s and one", args, p.Floor, b.problems)
		}
	}
	b := build(t, map[string]string{graceEnv: "90"}, "--log-format=xml", "post http://a")
	if p := b.plan(time.Now()); p.Floor != 0 {
		t.Errorf("a mistake elsewhere makes a wait of %s of none", p.Floor)
	}
}

func TestPlanOfTheEnvironment(t *testing.T) {
	t.Parallel()
	type env = map[string]string
	for _, test := range []struct {
		env  env
		args []string
		want []string
	}{
		{env{}, nil, nil},
		{env{appEnv: "http://u:hunter22@app:8080/a?t=hunter22"}, nil, []string{"post http://app:8080/a"}},
		{env{esEnv: "https://u:hunter22@es:9200,https://es2:9200"}, nil, []string{"elasticsearch https://es:9200,https://es2:9200"}},
		{env{appEnv: "http://app/", esEnv: "http://es"}, nil, []string{"post http://app/", "elasticsearch http://es"}},
		{env{esEnv: "none"}, nil, nil},
		{env{appEnv: "http://app/", esEnv: "http://es", "PRE_STOP_STEPS": "wait 5s"}, nil, []string{"wait 5s"}},
		{env{appEnv: "http://app/", "PRE_STOP_STEPS": "wait 5s"}, []string{"wait 6s", "elasticsearch http://es"}, []string{"wait 6s", "elasticsearch http://es"}},
		{env{"PRE_STOP_STEPS": "post http://u:hunter22@a/ header=X-Token:hunter23"}, nil, []string{"post http://***@a/ header=X-Token:***"}},
		{env{"T": "hunter22", "H": "app"}, []string{"post http://$(H)/ header=X-Any:${T}"}, []string{"post http://$(H)/ header=X-Any:${T}"}},
	} {
		p := build(t, test.env, test.args...).plan(time.Now())
		var lines []string
		for _, e := range p.Entries {
			lines = append(lines, e.Line)
		}
		if !slices.Equal(lines, test.want) {
			t.Errorf("%q %q: %q, want %q", test.env, test.args, lines, test.want)
		}
	}
}

// What the app is told.
func TestNotice(t *testing.T) {
	t.Parallel()
	b := build(t, map[string]string{appEnv: "http://app/", graceEnv: "60", "POD_NAME": "web-0", "PRE_STOP_SHUTDOWN_TYPE": "remove"})
	start := time.Now()
	p := b.plan(start)
	app, ok := p.Entries[0].Step.(shutdown.App)
	want := shutdown.Notice{Type: "remove", Reason: "preStop", Pod: "web-0"}
	if !ok || app.Notice != want || !app.End.Equal(start.Add(50*time.Second)) || p.Entries[0].Least != time.Second || p.Entries[0].Most != 30*time.Second {
		t.Errorf("%+v", p.Entries[0])
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	const exits, moves = "ends the process that answers it", "moves the node's data away"
	type env = map[string]string
	for _, test := range []struct {
		name  string
		env   env
		steps []string
		want  []string
	}{
		{"before a wait", nil, []string{"post http://a/actuator/shutdown", "wait 5s"}, []string{"post http://a/actuator/shutdown " + exits}},
		{"before another call and a wait", nil, []string{"post http://a/actuator/shutdown", "post http://a/", "wait 5s"}, []string{exits}},
		{"after the wait", nil, []string{"wait 5s", "post http://a/actuator/shutdown"}, nil},
		{"without any", nil, []string{"post http://a/actuator/shutdown"}, nil},
		{"between two", nil, []string{"wait 5s", "post http://a/quitquitquit", "wait 5s"}, []string{exits}},
		{"before a wait of nothing", nil, []string{"post http://a/quitquitquit", "wait 0"}, nil},
		{"before the additional wait", env{waitEnv: "5"}, []string{"post http://a/quitquitquit"}, []string{exits}},
		{"before none", env{waitEnv: "0"}, []string{"post http://a/quitquitquit"}, nil},
		{"as the app's URL", env{appEnv: "http://a/actuator/shutdown"}, nil, []string{exits}},
		{"as the app's URL, and no wait", env{appEnv: "http://a/actuator/shutdown", waitEnv: "0"}, nil, nil},
		{"with a query", nil, []string{"post http://localhost:15000/quitquitquit?x=y", "wait 5s"}, []string{exits}},
		{"with a fragment", nil, []string{"post http://a/quitquitquit#x", "wait 5s"}, []string{exits}},
		{"with a slash", nil, []string{"post http://a/quitquitquit/", "wait 5s"}, []string{exits}},
		{"below a prefix", nil, []string{"post http://a/manage/actuator/shutdown", "wait 5s"}, []string{exits}},
		{"by a variable", env{"P": "/quitquitquit"}, []string{"post http://a$(P)", "wait 5s"}, []string{"post http://a$(P) " + exits}},
		{"any other method", nil, []string{"get http://a/quitquitquit", "wait 5s"}, []string{exits}},
		{"both", nil, []string{"post http://a/quitquitquit", "post http://b/quitquitquit", "wait 5s"}, []string{"http://b/", "http://a/"}},
		{"in a query only", nil, []string{"post http://a/x?y=/quitquitquit", "wait 5s"}, nil},
		{"in a longer name", nil, []string{"post http://a/quitquitquitter", "wait 5s"}, nil},
		{"in a condition only", nil, []string{"post http://a/ only-if=http://a/quitquitquit", "wait 5s"}, nil},
		{"before what cannot be read", nil, []string{"post http://a/quitquitquit", "wiat 5s"}, []string{exits}},
		{"with its password out", nil, []string{"post http://u:hunter22@a/quitquitquit", "wait 5s"}, []string{"post http://***@a/quitquitquit " + exits}},

		{"restart", env{esEnv: "http://a"}, []string{"elasticsearch", "wait 5s"}, nil},
		{"remove", env{esEnv: "http://a"}, []string{"elasticsearch type=remove"}, []string{"type remove " + moves}},
		{"sigterm", env{esEnv: "http://a", "PRE_STOP_SHUTDOWN_TYPE": "sigterm"}, []string{"elasticsearch"}, []string{"type sigterm " + moves}},
		{"replace, from the environment", env{esEnv: "http://a", "PRE_STOP_SHUTDOWN_TYPE": "replace", "PRE_STOP_ELASTICSEARCH_TARGET_NODE": "b"}, nil, []string{"type replace " + moves}},
		{"remove for an app alone", env{appEnv: "http://a/", "PRE_STOP_SHUTDOWN_TYPE": "remove"}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := build(t, with(map[string]string{graceEnv: "600"}, test.env), test.steps...)
			b.plan(time.Now())
			if len(b.warnings) != len(test.want) {
				t.Fatalf("%q, want %q", b.warnings, test.want)
			}
			for i, want := range test.want {
				if !strings.Contains(b.warnings[i], want) {
					t.Errorf("%q, want %q", b.warnings[i], want)
				}
			}
		})
	}
}

// A step that cannot be read keeps the time that others rely on.
func TestUnreadableStep(t *testing.T) {
	t.Parallel()
	for wait, want := range map[string]time.Duration{"": 50 * time.Second, "20": 20 * time.Second, "0": 0, "2O": 50 * time.Second} {
		b := build(t, map[string]string{graceEnv: "120", waitEnv: wait}, "post http://a", "wait soon", "wait 3s once")
		p := b.plan(time.Now())
		e := p.Entries[1]
		if len(p.Entries) != 3 || !e.Guard || e.Most != want || e.Least != 0 || e.FromStart || e.Once || e.Line != "wait soon" || e.Step == nil {
			t.Fatalf("wait %q: %+v", wait, p.Entries)
		}
		err := e.Step.Run(t.Context(), slog.New(slog.DiscardHandler))
		var at *line.Error
		if err == nil || !errors.As(err, &at) || err.Error() != `cannot be read: column 6: `+wantDuration+`"soon"` {
			t.Errorf("it fails with %v", err)
		}
		i := slices.IndexFunc(b.problems, func(p problem) bool { return p.name == "step 2 (wait soon)" })
		if i < 0 || b.problems[i].text != "column 6: "+wantDuration+`"soon"` {
			t.Errorf("problems %q", b.problems)
		}
		if p.Entries[0].Guard || p.Entries[2].Least != 3*time.Second || !p.Entries[2].Once {
			t.Errorf("the others: %+v", p.Entries)
		}
	}
}

// Two deliveries of one hook have the same plan, and no other has it.
func TestPlanID(t *testing.T) {
	t.Parallel()
	id := func(env map[string]string, args ...string) string {
		b := build(t, env, args...)
		return b.planID(b.plan(time.Now()))
	}
	base := id(map[string]string{graceEnv: "60"}, "post http://a", "wait 5s")
	if again := id(map[string]string{"PRE_STOP_STEPS": "post http://a\nwait 5s", graceEnv: "1m"}); again != base {
		t.Errorf("%q is not %q", again, base)
	}
	seen := map[string]bool{base: true}
	for _, other := range []string{
		id(map[string]string{graceEnv: "61"}, "post http://a", "wait 5s"),
		id(map[string]string{graceEnv: "60", reserveEnv: "11"}, "post http://a", "wait 5s"),
		id(map[string]string{graceEnv: "60", waitEnv: "11"}, "post http://a", "wait 5s"),
		id(map[string]string{graceEnv: "60"}, "post http://a", "wait 6s"),
		id(map[string]string{graceEnv: "60"}, "wait 5s", "post http://a"),
		id(map[string]string{graceEnv: "60"}, "post http://a wait 5s"),
	} {
		if seen[other] {
			t.Errorf("%q is another plan's too", other)
		}
		seen[other] = true
	}
}

// A file that was made during the first delivery counts for the second.
func TestFilesOfTheFirstDelivery(t *testing.T) {
	t.Parallel()
	start := time.Now()
	p := prestop.Plan{Age: 30 * time.Second, Entries: []prestop.Entry{{}, {Step: drain.File{Path: "/a", Since: start}}}}
	begunBefore(p)
	if got := p.Entries[1].Step.(drain.File); got.Since != start.Add(-30*time.Second) || got.Path != "/a" {
		t.Errorf("%+v", got)
	}
}
