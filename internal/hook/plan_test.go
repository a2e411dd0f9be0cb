package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/config"
	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/secret"
	"github.com/prestop/prestop/internal/testpipe"
	"github.com/prestop/prestop/prestop"
)

const (
	graceEnv   = "PRE_STOP_GRACE_PERIOD_SECONDS"
	reserveEnv = "PRE_STOP_RESERVE_SECONDS"
	waitEnv    = "PRE_STOP_ADDITIONAL_WAIT_SECONDS"
	esEnv      = "PRE_STOP_ELASTICSEARCH_URL"
	appEnv     = "PRE_STOP_APP_URL"
	typeEnv    = "PRE_STOP_SHUTDOWN_TYPE"
	askEnv     = "PRE_STOP_ASK_API"
)

type env = map[string]string

func with(a, b env) env {
	all := maps.Clone(a)
	if all == nil {
		all = env{}
	}
	maps.Copy(all, b)
	return all
}

// mounted is an ECK pod.
var mounted = eck.Pod{Cluster: "es", URLs: []string{"https://es-es-internal-http:9200"}}

// read is a script outside of an ECK pod.
func read(t testing.TB, env env, args ...string) *Script {
	t.Helper()
	return readMounted(t, eck.Pod{}, env, args...)
}

func readMounted(t testing.TB, mounted eck.Pod, env env, args ...string) *Script {
	t.Helper()
	c, err := config.ReadElsewhere(args, env, mounted)
	if err != nil {
		t.Fatal(err)
	}
	return Read(c, &secret.Set{})
}

func world() World {
	dial := &net.Dialer{}
	return World{Start: time.Now(), InPod: true, Dial: dial.DialContext, ContainerID: func() string { return "" }}
}

// lines are what the plan's entries are called.
func (p *Plan) lines() (all []string) {
	for _, e := range p.Entries {
		all = append(all, e.Line)
	}
	return all
}

// said are the warnings with their identifiers, and with the number of the step that they are about.
func (p *Plan) said() (all []string) {
	for _, w := range p.Warnings {
		about := w.ID
		if w.Step != NoStep {
			about += fmt.Sprint(" of step ", w.Step+1)
		}
		all = append(all, about+": "+w.Text)
	}
	return all
}

func (p *Plan) wrong() (all []string) {
	for _, one := range p.Problems {
		all = append(all, one.Error())
	}
	return all
}

// checkNotes wants a note for each of want, with that text in it.
func checkNotes(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s %q, want %q", what, got, want)
		return
	}
	for n := range want {
		if !strings.Contains(got[n], want[n]) {
			t.Errorf("%s %q, want %q", what, got[n], want[n])
		}
	}
}

func noted(note string) []string {
	if note == "" {
		return nil
	}
	return []string{note}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	const assumed = "grace-not-set: the grace period is not known"
	tooLarge := func(grace, reserve, used string) string {
		return reserveEnv + ": expected less than the grace period of " + grace + ", got " + reserve + "; " + used + " is used"
	}
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
		{"grace at the reserve's least", env{graceEnv: "30"}, "", false, "30s", "5s", "50s", "grace-too-short: additional wait is shortened from 50s to 24.95s", ""},
		{"grace below that", env{graceEnv: "12"}, "", false, "12s", "5s", "50s", "grace-too-short: additional wait is shortened", ""},
		{"grace of twice the least reserve", env{graceEnv: "10"}, "", false, "10s", "5s", "50s", "grace-too-short: additional wait is shortened", ""},
		{"small grace", env{graceEnv: "6"}, "", false, "6s", "3s", "50s", "grace-too-short: additional wait is shortened", ""},
		{"tiny grace", env{graceEnv: "1"}, "", false, "1s", "500ms", "50s", "grace-too-short: additional wait is shortened from 50s to 0s: the grace period of 1s less the reserve of 500ms leaves 500ms, and no wait is made with less than 2s in all", ""},
		{"no grace", env{graceEnv: "0"}, "", false, "0s", "0s", "50s", "grace-too-short: additional wait is shortened from 50s to 0s", ""},
		{"grace that cannot be read", env{graceEnv: "6O"}, "", false, "30s", "5s", "25s", assumed, graceEnv + `: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "6O"`},
		{"large grace", env{graceEnv: "3600"}, "", false, "1h0m0s", "10m0s", "50s", "", ""},

		{"reserve", env{graceEnv: "60", reserveEnv: "20"}, "", false, "1m0s", "20s", "50s", "grace-too-short: additional wait is shortened from 50s to 39.95s", ""},
		{"no reserve", env{graceEnv: "60", reserveEnv: "0"}, "", false, "1m0s", "0s", "50s", "", ""},
		{"more than half", env{graceEnv: "60", reserveEnv: "59"}, "", false, "1m0s", "59s", "50s", "grace-too-short: additional wait is shortened", ""},
		{"reserve and no grace", env{reserveEnv: "8"}, "", false, "30s", "8s", "22s", assumed, ""},
		{"reserve of the whole grace", env{graceEnv: "60", reserveEnv: "60"}, "", false, "1m0s", "10s", "50s", "", tooLarge("1m0s", "1m0s", "10s")},
		{"reserve beyond the grace", env{graceEnv: "60", reserveEnv: "90"}, "", false, "1m0s", "10s", "50s", "", tooLarge("1m0s", "1m30s", "10s")},
		{"reserve beyond the default", env{reserveEnv: "30"}, "", false, "30s", "5s", "25s", assumed, tooLarge("30s", "30s", "5s")},
		{"reserve of no grace", env{graceEnv: "0", reserveEnv: "0"}, "", false, "0s", "0s", "50s", "grace-too-short: additional wait is shortened", tooLarge("0s", "0s", "0s")},

		{"wait and grace", env{graceEnv: "60", waitEnv: "20"}, "", false, "1m0s", "10s", "20s", "", ""},
		{"wait beyond the grace", env{graceEnv: "30", waitEnv: "60"}, "", false, "30s", "5s", "1m0s", "grace-too-short: additional wait is shortened from 1m0s to 24.95s", ""},
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
		{"a step's wait beyond the grace", env{graceEnv: "30"}, "wait 60s", false, "30s", "5s", "0s", "grace-too-short of step 1: wait 60s is shortened from 1m0s to 24.95s", ""},
		{"the longer of both waits", env{waitEnv: "40"}, "wait 60s", false, "1m12s", "12s", "40s", assumed, ""},
		{"the longer of both waits, the other way", env{waitEnv: "60"}, "wait 40s", false, "1m12s", "12s", "1m0s", assumed, ""},
		{"steps with the wait set", env{graceEnv: "60", waitEnv: "20"}, "post http://a", false, "1m0s", "10s", "20s", "", ""},
		{"steps with the wait not set", env{graceEnv: "60"}, "post http://a", false, "1m0s", "10s", "0s", "", ""},

		{"a wait that cannot be read", env{waitEnv: "5O"}, "", false, "30s", "5s", "25s", assumed, waitEnv},
		{"a wait that cannot be read, with steps", env{waitEnv: "5O"}, "post http://a", false, "30s", "5s", "25s", assumed, waitEnv},
		{"a wait that cannot be read, with steps and grace", env{waitEnv: "5O", graceEnv: "60"}, "post http://a", false, "1m0s", "10s", "50s", "", waitEnv},
		{"a grace that cannot be read", env{graceEnv: "6O"}, "", false, "30s", "5s", "25s", assumed, graceEnv},
		{"a reserve that cannot be read", env{graceEnv: "60", reserveEnv: "1O"}, "", false, "1m0s", "10s", "50s", "", reserveEnv},

		{"the app's call and a step", env{graceEnv: "60", appEnv: "http://a"}, "post http://b", false, "1m0s", "10s", "0s", "", ""},
		{"the app's call, and comments", env{graceEnv: "60", appEnv: "http://a"}, "# none", false, "1m0s", "10s", "50s", "", ""},
		{"an until's max raises the grace", env{}, "until quiet 8080 max=60s", false, "1m12s", "12s", "0s", assumed, ""},
		{"an until without max raises nothing", env{}, "until quiet 8080", false, "30s", "5s", "0s", assumed, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := eck.Pod{}
			if test.eck {
				pod = mounted
			}
			p := readMounted(t, pod, with(test.env, env{stepsSetting: test.steps})).Plan(world())
			if got := []string{p.Grace.String(), p.Reserve.String(), p.Floor.String()}; !slices.Equal(got, []string{test.grace, test.reserve, test.floor}) {
				t.Errorf("grace, reserve, floor %q, want %q %q %q", got, test.grace, test.reserve, test.floor)
			}
			checkNotes(t, "warnings", p.said(), noted(test.warns)...)
			checkNotes(t, "problems", p.wrong(), noted(test.problem)...)
			if test.grace != "0s" && p.Reserve >= p.Grace {
				t.Errorf("the reserve of %s leaves nothing of %s", p.Reserve, p.Grace)
			}
		})
	}
}

func TestAReserveThatIsTooLargeIsNamedAsItWasSet(t *testing.T) {
	t.Parallel()
	p := read(t, env{graceEnv: "60", reserveEnv: "20"}, "--reserve=90").Plan(world())
	checkNotes(t, "problems", p.wrong(), "--reserve: expected less than the grace period of 1m0s, got 1m30s; 10s is used")
}

// Flags that are not known may have been the wait's.
func TestAnUnknownFlagKeepsTheWait(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--additional-wait-seconds=20", "post http://a"}, {"--additional-wait=2O", "post http://a"}} {
		if p := read(t, env{graceEnv: "90"}, args...).Plan(world()); p.Floor != 50*time.Second || len(p.Problems) != 1 {
			t.Errorf("%q: floor %s, problems %q; want 50s and one", args, p.Floor, p.wrong())
		}
	}
	if p := read(t, env{graceEnv: "90"}, "--log-format=xml", "post http://a").Plan(world()); p.Floor != 0 {
		t.Errorf("a mistake elsewhere makes a wait of %s of none", p.Floor)
	}
}

// What the settings name is done first, then the steps. A step for Elasticsearch stands for the variable's.
func TestOrder(t *testing.T) {
	t.Parallel()
	app, es := "post http://app/", "elasticsearch http://es"
	both := env{appEnv: "http://app/", esEnv: "http://es"}
	for _, test := range []struct {
		name string
		env  env
		args []string
		want []string
	}{
		{"nothing", env{}, nil, nil},
		{"the app", env{appEnv: "http://u:hunter22@app:8080/a?t=hunter22"}, nil, []string{"post http://app:8080/a"}},
		{"Elasticsearch", env{esEnv: "https://u:hunter22@es:9200,https://es2:9200"}, nil, []string{"elasticsearch https://es:9200,https://es2:9200"}},
		{"both", both, nil, []string{app, es}},
		{"none", env{esEnv: "none"}, nil, nil},
		{"both and steps", with(both, env{stepsSetting: "wait 5s"}), nil, []string{app, es, "wait 5s"}},
		{"both and arguments", both, []string{"wait 5s", "wait 6s"}, []string{app, es, "wait 5s", "wait 6s"}},
		{"arguments instead of steps", with(both, env{stepsSetting: "wait 5s"}), []string{"wait 6s"}, []string{app, es, "wait 6s"}},
		{"a step for Elasticsearch", both, []string{"wait 5s", "elasticsearch http://es2", "wait 6s"}, []string{app, "wait 5s", "elasticsearch http://es2", "wait 6s"}},
		{"one without a URL", both, []string{"wait 5s", "elasticsearch"}, []string{app, "wait 5s", "elasticsearch"}},
		{"one that cannot be read", both, []string{"wait 5s", "elasticsearch type=rm"}, []string{app, "wait 5s", "elasticsearch type=rm"}},
		{"one whose words cannot be read", both, []string{"wait 5s", "elasticsearch 'http://es"}, []string{app, "wait 5s", "elasticsearch 'http://es"}},
		{"one whose variable is not set", both, []string{"elasticsearch http://$(NOPE)"}, []string{app, "elasticsearch http://$(NOPE)"}},
		{"a step that has the word", both, []string{"touch /elasticsearch"}, []string{app, es, "touch /elasticsearch"}},
		{"a step that cannot be read", both, []string{"wiat 5s"}, []string{app, es, "wiat 5s"}},
	} {
		if got := read(t, test.env, test.args...).Plan(world()).lines(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	p := readMounted(t, mounted, env{appEnv: "http://app/"}, "wait 5s").Plan(world())
	if want := []string{app, "elasticsearch https://es-es-internal-http:9200", "wait 5s"}; !slices.Equal(p.lines(), want) {
		t.Errorf("in an ECK pod: %q, want %q", p.lines(), want)
	}
	p = readMounted(t, mounted, env{}, "wait 5s", "elasticsearch").Plan(world())
	if want := []string{"wait 5s", "elasticsearch"}; !slices.Equal(p.lines(), want) || len(p.Problems) > 0 {
		t.Errorf("in an ECK pod, with a step: %q, %q; want %q", p.lines(), p.Problems, want)
	}
}

// An until without max= ends at the additional wait where that was set, and else at the deadline.
func TestUntilWithoutMax(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, test := range []struct {
		env    env
		step   string
		ends   time.Duration
		yields bool
	}{
		{env{graceEnv: "180"}, "until quiet 8080", 150*s - 50*time.Millisecond, true},
		{env{graceEnv: "180", waitEnv: "20"}, "until quiet 8080", 20 * s, true},
		{env{graceEnv: "180", waitEnv: "50"}, "until quiet 8080", 50 * s, true},
		{env{graceEnv: "180", waitEnv: "300"}, "until quiet 8080", 150*s - 50*time.Millisecond, true},
		{env{graceEnv: "180", waitEnv: "0"}, "until closed 8080", s, true},
		{env{graceEnv: "180", waitEnv: "2O"}, "until quiet 8080", 150*s - 50*time.Millisecond, true},
		{env{graceEnv: "180"}, "until quiet 8080 max=40s", 40 * s, false},
		{env{graceEnv: "180", waitEnv: "20"}, "until quiet 8080 max=40s", 40 * s, false},
		{env{graceEnv: "180"}, "until file /x", 150*s - 50*time.Millisecond, true},
		{env{graceEnv: "180"}, "until http://a", 150*s - 50*time.Millisecond, true},
		{env{graceEnv: "180", "POD_IP": "10.0.0.1"}, "until gone web", 150*s - 50*time.Millisecond, true},
		{env{}, "until quiet 8080", 25*s - 50*time.Millisecond, true},
	} {
		p := read(t, test.env, test.step).Plan(world())
		e := p.Entries[0]
		if got := p.Timeline()[0].Ends; got != test.ends || e.Yields != test.yields || !e.FromStart || !e.Guard || e.Step == nil {
			t.Errorf("%q, %s: ends %s, %+v; want %s", test.env, test.step, got, e, test.ends)
		}
	}
	p := read(t, env{graceEnv: "180"}, "post http://a", "until quiet 8080", "wait 10s").Plan(world())
	if got := p.Timeline()[1].Ends; got != 140*s-50*time.Millisecond {
		t.Errorf("a wait after it is left %s", 150*s-got)
	}
}

// What is set aside for a wait is more than it takes if its first look is met.
func TestEarliestEnd(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for step, want := range map[string]time.Duration{
		"wait 3s": 3 * s, "until http://a": 0, "until file /x max=9s": 0, "until exec true": 0, "until http://a min=700ms": 700 * time.Millisecond, "until http://a min=7s": 7 * s,
		"until http://a stable=2": s, "until http://a min=7s stable=3 only-if=http://b": 0, "until quiet 8080": 10 * s, "until empty 8080 min=0 for=500ms": 500 * time.Millisecond,
		"wiat 3s": 50 * s, "until gone web": 50 * s, // in place of what cannot be read, the additional wait is kept
	} {
		if got := read(t, env{graceEnv: "180"}, step, "wait 1s").Plan(world()).Timeline()[1].Earliest; got != want {
			t.Errorf("%s: the next step may begin after %s, want %s", step, got, want)
		}
	}
}

// What the app is told, and which server is asked.
func TestNotice(t *testing.T) {
	t.Parallel()
	told := make(chan map[string]any, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body map[string]any
		text, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(text, &body); err != nil || r.Method != http.MethodPost || r.URL.String() != "/drain?x=y" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		told <- body
	}))
	defer server.Close()
	for kind, want := range map[string]string{"": "restart", "SigTERM": "sigterm", "auto": "remove"} {
		w := world()
		w.Asked.Remove = true
		p := read(t, env{appEnv: server.URL + "/drain?x=y", graceEnv: "60", "POD_NAME": "web-0", typeEnv: kind, askEnv: "true"}).Plan(w)
		e := p.Entries[0]
		if e.Line != "post "+server.URL+"/drain" || e.Least != time.Second || e.Want != 5*time.Second || e.Most != 0 || e.Guard {
			t.Errorf("%+v", e)
		}
		if err := e.Step.Run(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		got := <-told
		if left := got["remainingSeconds"].(float64); got["type"] != want || got["reason"] != "preStop" || got["pod"] != "web-0" || left < 40 || left > 50 {
			t.Errorf("%s: told %v", kind, got)
		}
	}
}

// A step that cannot be read keeps the time that others rely on.
func TestUnreadableStep(t *testing.T) {
	t.Parallel()
	for wait, want := range map[string]time.Duration{"": 50 * time.Second, "20": 20 * time.Second, "0": 0, "2O": 50 * time.Second} {
		s := read(t, env{graceEnv: "120", waitEnv: wait, appEnv: "http://app"}, "post http://a", "wait soon", "wait 3s once")
		for range 2 { // a script gives the same plan each time
			p := s.Plan(world())
			e := p.Entries[2]
			if len(p.Entries) != 4 || !e.Guard || e.Most != want || e.Least != 0 || e.FromStart || e.Once || e.Line != "wait soon" || e.Step == nil {
				t.Fatalf("wait %q: %+v", wait, p.Entries)
			}
			err := e.Step.Run(t.Context(), slog.New(slog.DiscardHandler))
			if at, ok := errors.AsType[*grammar.Error](err); !ok || at.Column != 6 || !strings.HasPrefix(err.Error(), "cannot be read: column 6: expected seconds") {
				t.Errorf("it fails with %v", err)
			}
			if wrong := p.wrong(); !strings.HasPrefix(wrong[len(wrong)-1], "step 3 (wait soon): column 6: expected seconds") || p.Steps[2].Err == nil || p.Steps[2].Spec != nil {
				t.Errorf("problems %q, %+v", wrong, p.Steps[2])
			}
			if p.Entries[1].Guard || p.Entries[3].Least != 3*time.Second || !p.Entries[3].Once {
				t.Errorf("the others: %+v", p.Entries)
			}
		}
	}
}

// The wait that takes the place of an unreadable step is kept, also where calls after it need all the time that there is.
func TestUnreadableStepKeepsTheWait(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		grace, wait string
		want, again time.Duration // again: of a later delivery, which has a grace period of its own
	}{
		{"10", "", 4950 * time.Millisecond, 5950 * time.Millisecond},
		{"30", "", 24950 * time.Millisecond, 25950 * time.Millisecond},
		{"120", "", 50 * time.Second, 50 * time.Second},
		{"30", "4", 4 * time.Second, 4 * time.Second},
		{"30", "0", 0, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := world()
			w.Dial = testpipe.Serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).Dial
			p := read(t, env{graceEnv: test.grace, waitEnv: test.wait}, "wiat 5s", "get http://a", "get http://b", "get http://c", "get http://d", "get http://e").Plan(w)
			report := p.Run(t.Context(), slog.New(slog.DiscardHandler))
			p.means.release()
			synctest.Wait()
			if got := time.Duration(report.Elapsed).Round(time.Millisecond); got != test.want || report.Steps[0].Outcome != prestop.Failed || report.Steps[5].Outcome != prestop.Done {
				t.Errorf("grace %s, wait %q: over after %s, %+v; want %s", test.grace, test.wait, got, report.Steps, test.want)
			}
			p.Start = time.Now()
			p.GoOn(report, time.Second)
			if got := time.Duration(p.Run(t.Context(), slog.New(slog.DiscardHandler)).Elapsed).Round(time.Millisecond); got != test.again {
				t.Errorf("grace %s, wait %q, delivered again: over after %s, want %s", test.grace, test.wait, got, test.again)
			}
		})
	}
}

// A mistake that shows only where a step needs something of the settings or of the world is one as well, each time.
func TestMistakeOfAStepAlone(t *testing.T) {
	t.Parallel()
	const target = "PRE_STOP_ELASTICSEARCH_TARGET_NODE"
	for _, test := range []struct {
		env  env
		args []string
		want string
	}{
		{env{esEnv: "http://es", typeEnv: "replace"}, nil, "step 1 (elasticsearch http://es): "},
		{env{esEnv: "http://es"}, []string{"wait 5s", "elasticsearch type=replace"}, "step 2 (elasticsearch type=replace): column 15: "},
		{env{appEnv: "http://app"}, []string{"elasticsearch"}, "step 2 (elasticsearch): column 1: "},
		{env{esEnv: "http://es"}, []string{"elasticsearch type=auto"}, "step 1 (elasticsearch type=auto): column 15: "},
		{env{}, []string{"until gone web"}, "step 1 (until gone web): column "},
	} {
		s := read(t, with(test.env, env{graceEnv: "120"}), test.args...)
		for range 2 {
			p := s.Plan(world())
			checkNotes(t, "problems", p.wrong(), test.want)
			e := p.Entries[len(p.Entries)-1]
			if !e.Guard || e.Most != 50*time.Second || e.Step.Run(t.Context(), slog.New(slog.DiscardHandler)) == nil {
				t.Errorf("%q: %+v", test.args, e)
			}
		}
	}
	if p := read(t, env{esEnv: "http://es", typeEnv: "replace", target: "b", graceEnv: "120"}).Plan(world()); len(p.Problems) > 0 {
		t.Errorf("%q", p.wrong())
	}
}

// Two deliveries of one hook have the same plan, and no other has it.
func TestPlanID(t *testing.T) {
	t.Parallel()
	id := func(env env, args ...string) string { return read(t, env, args...).Plan(world()).ID() }
	base := id(env{graceEnv: "60"}, "post http://a", "wait 5s")
	for _, same := range []string{
		id(env{stepsSetting: "post http://a\n# and\nwait 5s", graceEnv: "1m"}),
		id(env{graceEnv: "60", reserveEnv: "10", "PRE_STOP_LOG_FORMAT": "text"}, "post http://a", "wait 5s"),
	} {
		if same != base {
			t.Errorf("%q is not %q", same, base)
		}
	}
	seen := map[string]bool{base: true}
	for _, other := range []string{
		id(env{graceEnv: "61"}, "post http://a", "wait 5s"),
		id(env{graceEnv: "60", reserveEnv: "11"}, "post http://a", "wait 5s"),
		id(env{graceEnv: "60", waitEnv: "11"}, "post http://a", "wait 5s"),
		id(env{graceEnv: "60"}, "post http://a", "wait 6s"),
		id(env{graceEnv: "60"}, "wait 5s", "post http://a"),
		id(env{graceEnv: "60"}, "post http://a wait 5s"),
		id(env{graceEnv: "60"}, "post http://a\nwait 5s"),
		id(env{graceEnv: "60", appEnv: "http://a"}, "post http://a", "wait 5s"),
		id(env{graceEnv: "60"}),
	} {
		if seen[other] {
			t.Errorf("%q is another plan's too", other)
		}
		seen[other] = true
	}
}

// What was made during the first delivery counts for the second.
func TestGoOn(t *testing.T) {
	t.Parallel()
	s, w := read(t, env{graceEnv: "60"}, "wait 5s"), world()
	p := s.Plan(w)
	m := s.means(p, w)
	if got := m.Start(); !got.Equal(w.Start) {
		t.Errorf("begun %s before", w.Start.Sub(got))
	}
	p.GoOn(prestop.Report{}, 30*time.Second)
	if got := m.Start(); !got.Equal(w.Start.Add(-30*time.Second)) || p.Age != 30*time.Second {
		t.Errorf("begun %s before, age %s", w.Start.Sub(got), p.Age)
	}
	if !m.Deadline.Equal(p.Deadline()) {
		t.Errorf("steps are told that it ends %s, want %s", m.Deadline, p.Deadline())
	}
}

// A plain wait that was cut goes on in the next delivery, and is reported as in the first.
func TestPlainWaitGoesOn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		grace   string
		age     time.Duration // of the hook, when the next delivery begins
		skipped bool
		outcome prestop.Outcome
		waited  time.Duration // in the next delivery
	}{
		{"60", 0, false, prestop.Done, 20 * time.Second},
		{"60", 8 * time.Second, false, prestop.Done, 12 * time.Second},
		{"60", 30 * time.Second, false, prestop.Done, 0},
		{"60", 8 * time.Second, true, prestop.Unmet, 0},
		{"15", 0, false, prestop.Cut, 10*time.Second - prestop.Engine},
		{"15", 5 * time.Second, false, prestop.Cut, 10*time.Second - prestop.Engine},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := world()
			w.Elsewhere = true
			p := read(t, env{graceEnv: test.grace, reserveEnv: "5"}, "until quiet 8080 min=20s max=20s").Plan(w)
			if test.age > 0 {
				p.GoOn(prestop.Report{Steps: []prestop.StepReport{{Line: p.Entries[0].Line, Outcome: prestop.Running}}}, test.age)
			}
			if test.skipped {
				skip := make(chan struct{})
				close(skip)
				p.Skip = skip
			}
			report := p.Run(t.Context(), slog.New(slog.DiscardHandler))
			if got := report.Steps[0]; got.Outcome != test.outcome || time.Since(w.Start) != test.waited {
				t.Errorf("%+v: %+v, waited %s", test, got, time.Since(w.Start))
			}
		})
	}
}

// What is kept for the next call is let go once somebody says so.
func TestRelease(t *testing.T) {
	t.Parallel()
	s, w := read(t, env{}), world()
	m := s.Means(w)
	ended := 0
	for range 3 {
		m.Keep(func() { ended++ })
	}
	if m.Release(); ended != 3 {
		t.Errorf("%d connections are ended", ended)
	}
}

// A pod is known by its UID, and else by its container.
func TestPodID(t *testing.T) {
	t.Parallel()
	w := world()
	w.ContainerID = func() string { return "container c" }
	for uid, want := range map[string]string{"": "container c", "u": "u"} {
		if got := read(t, env{"POD_UID": uid}).Means(w).Pod.ID(); got != want {
			t.Errorf("%q: %s, want %s", uid, got, want)
		}
	}
}

// The report has time of its own.
func TestReportTime(t *testing.T) {
	t.Parallel()
	p := read(t, env{graceEnv: "30", "PRE_STOP_REPORT_URL": "http://reports"}, "wait 60s").Plan(world())
	if p.Aside != ReportTime {
		t.Errorf("%s is kept", p.Aside)
	}
	checkNotes(t, "warnings", p.said(), "grace-too-short of step 1: wait 60s is shortened from 1m0s to 23.95s: the grace period of 30s less the reserve of 5s leaves 25s, of which 1s is kept for the report")
}

// deadline is a context for a step that fails sooner.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
