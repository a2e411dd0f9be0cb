package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/drain"
	"github.com/prestop/prestop/internal/line"
	"github.com/prestop/prestop/internal/metrics"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
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

func TestWaitStep(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"wait 5": 5 * time.Second, "wait 1m30s": 90 * time.Second, "  wait\t250ms ": 250 * time.Millisecond, "wait '5s'": 5 * time.Second,
		"wait $(DELAY)": 7 * time.Second, "wait ${DELAY}": 7 * time.Second, `wait "$DELAY"`: 7 * time.Second, "wait 0": 0,
	} {
		e, err := build(t, map[string]string{"DELAY": "7s"}).step(text)
		if err != nil || e.Step != nil || e.Least != want || e.Most != want || e.Guard || e.Once {
			t.Errorf("%q: %+v, %v; want a wait of %s", text, e, err, want)
		}
	}
}

func TestCallSteps(t *testing.T) {
	t.Parallel()
	env := map[string]string{"HOST": "app", "BODY": `{"a": "b c"}`, "OPTION": "timeout=5s", "AT": "@/f", "FILE": "/f", "EMPTY": ""}
	for _, test := range []struct {
		line   string
		method string
		url    string
		more   func(*shutdown.Call)
	}{
		{"get http://app/", "GET", "http://app/", nil},
		{"post http://app/", "POST", "http://app/", nil},
		{"put http://app/", "PUT", "http://app/", nil},
		{"patch http://app/", "PATCH", "http://app/", nil},
		{"delete http://app/", "DELETE", "http://app/", nil},
		{"post https://$(HOST):8443/a?b=c$EMPTY", "POST", "https://app:8443/a?b=c", nil},
		{"timeout=3s post http://app/", "", "", nil}, // a verb comes first
		{"post timeout=3s http://app/", "POST", "http://app/", func(c *shutdown.Call) { c.Timeout = 3 * time.Second }},
		{"post http://app/ timeout=3 timeout=4", "POST", "http://app/", func(c *shutdown.Call) { c.Timeout = 4 * time.Second }},
		{"post http://app/ body=", "POST", "http://app/", func(c *shutdown.Call) { c.Request.Body = []byte{} }},
		{"post http://app/ body=$BODY", "POST", "http://app/", func(c *shutdown.Call) { c.Request.Body = []byte(env["BODY"]) }},
		{`post http://app/ body='{"a": 1}'`, "POST", "http://app/", func(c *shutdown.Call) { c.Request.Body = []byte(`{"a": 1}`) }},
		{"post http://app/ body=timeout=5s", "POST", "http://app/", func(c *shutdown.Call) { c.Request.Body = []byte("timeout=5s") }},
		{"post http://app/ body=once", "POST", "http://app/", func(c *shutdown.Call) { c.Request.Body = []byte("once") }},
		{"post http://app/ body=@/etc/body.json", "POST", "http://app/", func(c *shutdown.Call) { c.BodyFile = "/etc/body.json" }},
		{"post http://app/ body=@$FILE", "POST", "http://app/", func(c *shutdown.Call) { c.BodyFile = "/f" }},
		{`post http://app/ body="@$(FILE)"`, "POST", "http://app/", func(c *shutdown.Call) { c.BodyFile = "/f" }},
		{"post http://app/ body=$AT", "POST", "http://app/", func(c *shutdown.Call) { c.Request.Body = []byte("@/f") }},
		{`post http://app/ body="$EMPTY$(AT)"`, "POST", "http://app/", func(c *shutdown.Call) { c.Request.Body = []byte("@/f") }},
		{"post http://app/ body=@/f body=x", "POST", "http://app/", func(c *shutdown.Call) { c.Request.Body = []byte("x") }},
		{"post http://app/ header=X-A:1 header='X-A: 2\n' header=x-b:", "POST", "http://app/", func(c *shutdown.Call) {
			c.Request.Header = http.Header{"X-A": {"1", "2"}, "X-B": {""}}
		}},
		{"get http://app/ expect=200,404", "GET", "http://app/", func(c *shutdown.Call) { c.Expect = web.Statuses{"200", "404"} }},
		{"get http://app/ expect=2xx,409", "GET", "http://app/", func(c *shutdown.Call) { c.Expect = web.Statuses{"2xx", "409"} }},
		{"post http://app/ token-file=/t ca-file=/c", "POST", "http://app/", nil},
	} {
		e, err := build(t, env).step(test.line)
		if test.method == "" {
			if err == nil {
				t.Errorf("%q: no error", test.line)
			}
			continue
		}
		got, ok := e.Step.(shutdown.Call)
		if err != nil || !ok || e.Least != time.Second || e.Most != 30*time.Second || e.Guard {
			t.Errorf("%q: %+v, %v", test.line, e, err)
			continue
		}
		if got.Connect == nil {
			t.Errorf("%q: has no means to connect", test.line)
		}
		got.Connect = nil
		want := shutdown.Call{}
		want.Request.Method, want.Request.URL, want.Request.Header = test.method, test.url, http.Header{}
		if test.more != nil {
			test.more(&want)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", test.line, got, want)
		}
	}
}

// A condition at the same place is asked with the call's own credentials, any other without.
func TestOnlyIf(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("abcdefgh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	app, other, no := newWitness(t, answer(204, "", "")), newWitness(t, answer(204, "", "")), newWitness(t, answer(503, "", ""))
	for _, test := range []struct {
		condition string
		asked     *witness
		auth      string
		called    bool
	}{
		{app.URL + "/ready?a=b", app, "Bearer abcdefgh", true},
		{other.URL + "/ready", other, "", true},
		{no.URL + "/ready", no, "", false},
	} {
		before, asked := len(app.requests()), len(test.asked.requests())
		e, err := build(t, nil).step(fmt.Sprintf("post %s/drain token-file=%s header=X-Key:abc only-if='%s'", app.URL, token, test.condition))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Step.Run(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("%s: %v", test.condition, err)
		}
		first := test.asked.requests()[asked]
		if first.Method != "GET" || !strings.HasPrefix(first.RequestURI, "/ready") || first.Header.Get("Authorization") != test.auth || first.Header.Get("X-Key") != "" {
			t.Errorf("%s was asked %s %s %v, want the authorization %q and none of the call's headers", test.condition, first.Method, first.RequestURI, first.Header, test.auth)
		}
		last := app.requests()[max(0, len(app.requests())-1)]
		if called := len(app.requests()) > before && last.Method == "POST"; called != test.called {
			t.Errorf("%s: called %v, want %v", test.condition, called, test.called)
		}
	}
}

func TestElasticsearchStep(t *testing.T) {
	t.Parallel()
	const set = "PRE_STOP_ELASTICSEARCH_URL"
	for _, test := range []struct {
		line string
		env  map[string]string
		kind string
		urls []string
	}{
		{"elasticsearch", map[string]string{set: "http://a:1,http://b:2/x/"}, "restart", []string{"http://a:1", "http://b:2/x"}},
		{"elasticsearch http://c:3", map[string]string{set: "http://a:1"}, "restart", []string{"http://c:3"}},
		{"elasticsearch http://c:3,http://d:4", nil, "restart", []string{"http://c:3", "http://d:4"}},
		{"elasticsearch type=remove", map[string]string{set: "http://a:1", "PRE_STOP_SHUTDOWN_TYPE": "sigterm"}, "remove", []string{"http://a:1"}},
		{"elasticsearch", map[string]string{set: "http://a:1", "PRE_STOP_SHUTDOWN_TYPE": "sigterm"}, "sigterm", []string{"http://a:1"}},
		{"elasticsearch type=replace", map[string]string{set: "http://a:1", "PRE_STOP_ELASTICSEARCH_TARGET_NODE": "es-1"}, "replace", []string{"http://a:1"}},
	} {
		e, err := build(t, test.env).step(test.line)
		got, ok := e.Step.(shutdown.Elasticsearch)
		if err != nil || !ok || got.Type != test.kind || e.Least != time.Second || e.Most != 0 || e.Guard {
			t.Errorf("%q: %+v, %v", test.line, e, err)
			continue
		}
		var urls []string
		for _, place := range got.Other {
			urls = append(urls, place.URL)
		}
		if !slices.Equal(urls, test.urls) {
			t.Errorf("%q: %q, want %q", test.line, urls, test.urls)
		}
	}
}

func TestUntilURLSteps(t *testing.T) {
	t.Parallel()
	two := 2.5
	path, err := drain.ParsePath(".a.b")
	if err != nil {
		t.Fatal(err)
	}
	selector, err := metrics.ParseSelector(`a{b="c"}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		line        string
		until       drain.Condition
		stable      int
		min         time.Duration
		least, most time.Duration
		yields      bool
	}{
		{"until http://app/", drain.Status{}, 1, 0, time.Second, 40 * time.Second, true},
		{"until http+unix:/run/a.sock:/b expect=503 stable=3", drain.Status{Statuses: web.Statuses{"503"}}, 3, 0, time.Second, 40 * time.Second, true},
		{"until http://app/ max=20s", drain.Status{}, 1, 0, time.Second, 20 * time.Second, false},
		{"until http://app/ min=10s", drain.Status{}, 1, 10 * time.Second, 10 * time.Second, 40 * time.Second, true},
		{"until http://app/ min=10ms max=0", drain.Status{}, 1, 10 * time.Millisecond, time.Second, 0, false},
		{"until http://app/ json=.a.b in=x,y,", drain.JSON{Path: path, In: []string{"x", "y", ""}}, 1, 0, time.Second, 40 * time.Second, true},
		{"until http://app/ json=.a.b at-most=2.5 expect=2xx", drain.JSON{Path: path, AtMost: &two, Expect: web.Statuses{"2xx"}}, 1, 0, time.Second, 40 * time.Second, true},
		{`until http://app/ metric='a{b="c"}' at-most=2.5`, drain.Metric{Selector: selector, AtMost: 2.5}, 1, 0, time.Second, 40 * time.Second, true},
	} {
		e, err := build(t, map[string]string{"PRE_STOP_ADDITIONAL_WAIT_SECONDS": "40"}).step(test.line)
		got, ok := e.Step.(drain.URL)
		if err != nil || !ok || !reflect.DeepEqual(got.Until, test.until) || got.Stable != test.stable || got.Min != test.min {
			t.Errorf("%q: %+v, %v", test.line, e, err)
		}
		if e.Least != test.least || e.Most != test.most || e.Yields != test.yields || !e.Guard || !e.FromStart {
			t.Errorf("%q: %+v", test.line, e)
		}
	}
}

func TestTrafficSteps(t *testing.T) {
	t.Parallel()
	b := build(t, map[string]string{"POD_IP": "::ffff:10.0.0.3"})
	for text, want := range map[string]drain.Quiet{
		"until quiet 8080": {Ports: []uint16{8080}, Min: 10 * time.Second},
		"until quiet 8080,9090 for=5s min=1s traffic=new allow=2 unanswered=30s ignore=10.1.2.3/8,::1,::ffff:10.1.2.3/104,::ffff:10.1.2.3": {
			Ports: []uint16{8080, 9090}, For: 5 * time.Second, Min: time.Second, New: true, Allow: 2, Unanswered: 30 * time.Second,
			Ignore: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.1.2.3/32")}},
	} {
		e, err := b.step(text)
		if err != nil || !reflect.DeepEqual(e.Step, want) || !e.Guard || e.Least != want.Min || e.Most != 50*time.Second {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
	if e, err := b.step("until quiet 8080 max=5s"); err != nil || e.Step.(drain.Quiet).Min != 5*time.Second || e.Most != 5*time.Second {
		t.Errorf("a max that is shorter than the default min: %+v, %v", e, err)
	}
	if e, err := b.step("until closed 8080 max=5s"); err != nil || e.Step != (drain.Closed{Port: 8080}) || e.Most != 5*time.Second {
		t.Errorf("until closed: %+v, %v", e, err)
	}
	e, err := b.step("until gone web.default.svc")
	if g, ok := e.Step.(drain.Gone); err != nil || !ok || g.Name != "web.default.svc" || g.Address != netip.MustParseAddr("10.0.0.3") || g.Resolver != b.resolver {
		t.Errorf("until gone: %+v, %v", e, err)
	}
}

func TestUnlockSteps(t *testing.T) {
	t.Parallel()
	b := build(t, nil)
	for text, want := range map[string]shutdown.RedisLock{
		"unlock redis://a key=b value-file=/c":                                           {Address: "a:6379", Key: "b"},
		"unlock rediss://u@[::1]:7000/3 key=b value-file=/c timeout=2s password-file=/d": {Address: "[::1]:7000", User: "u", DB: 3, Key: "b", Timeout: 2 * time.Second},
		"unlock redis://a/0 user=w key=b value-file=/c":                                  {Address: "a:6379", User: "w", Key: "b"},
	} {
		e, err := b.step(text)
		got, ok := e.Step.(shutdown.RedisLock)
		if err != nil || !ok || got.Dial == nil || got.Value == nil || (got.TLS != nil) != strings.Contains(text, "rediss") || (got.Password != nil) != strings.Contains(text, "password") {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
		got.Dial, got.Value, got.TLS, got.Password = nil, nil, nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	for text, url := range map[string]string{"unlock etcd://a lease-file=/b": "http://a:2379", "unlock etcds://a:1 lease-file=/b user=c password-file=/d": "https://a:1"} {
		e, err := b.step(text)
		if got, ok := e.Step.(shutdown.EtcdLease); err != nil || !ok || got.URL != url || got.Lease == nil || got.Connect == nil {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
}

func TestProcessSteps(t *testing.T) {
	t.Parallel()
	b := build(t, map[string]string{"A": "x y", "KUBERNETES_SERVICE_HOST": "10.96.0.1"})
	for text, want := range map[string][]string{
		"exec /bin/prog -s quit":         {"/bin/prog", "-s", "quit"},
		`exec prog a=b "$A" 'once' $A=b`: {"prog", "a=b", "x y", "once", "x y=b"},
		"exec prog --timeout=5s once":    {"prog", "--timeout=5s"},
	} {
		e, err := b.step(text)
		got, ok := e.Step.(shutdown.Exec)
		if err != nil || !ok || !slices.Equal(got.Program, want) || e.Least != time.Second || e.Most != 0 || e.Guard {
			t.Errorf("%q: %+v, %v; want %q", text, e, err, want)
		}
	}
	if e, err := b.step("touch '/shared/a b'"); err != nil || e.Step != (shutdown.Touch{Path: "/shared/a b"}) || e.Most == 0 {
		t.Errorf("touch: %+v, %v", e, err)
	}
	if e, err := b.step("until file /shared/a max=5s"); err != nil || e.Step.(drain.File).Path != "/shared/a" || e.Most != 5*time.Second || !e.Guard {
		t.Errorf("until file: %+v, %v", e, err)
	}
	if e, err := b.step("signal QUIT"); err != nil || e.Most != 0 || e.Step.(signalStep).NoWait {
		t.Errorf("signal: %+v, %v", e, err)
	}
	if _, err := build(t, nil).step("signal TERM"); err == nil || !strings.HasPrefix(err.Error(), "column 8: expected to run in a pod,") {
		t.Errorf("signal outside of a pod: %v", err)
	}
	if _, err := build(t, nil, "--dry-run").step("signal TERM"); err != nil {
		t.Errorf("signal in a dry run: %v", err)
	}
	if e, err := b.step("signal USR1 wait=false"); err != nil || e.Most == 0 || !e.Step.(signalStep).NoWait {
		t.Errorf("signal without waiting: %+v, %v", e, err)
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"wait 5s once": true, "wait 5s": false, "post http://app/ once": true, "post http://app/ timeout=5s once": true,
		"post http://app/ body=once": false, "elasticsearch http://a once": true,
	} {
		if e, err := build(t, nil).step(text); err != nil || e.Once != want {
			t.Errorf("%q: once %v, %v; want %v", text, e.Once, err, want)
		}
	}
	for _, text := range []string{"once", "wait once", "once wait 5s", "post once http://app/", "wait 5s once once"} {
		if e, err := build(t, nil).step(text); err == nil {
			t.Errorf("%q: no error, %+v", text, e)
		}
	}
}

// The column counts bytes of the line as it was written, and the words say what was expected there.
func TestStepsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "10.96.0.1", "EMPTY": "", "LONG": strings.Repeat("x", 100), "SPACED": "wait 5s", "MINUS": "-5s"}
	for text, want := range map[string]string{
		"":                                         "column 1: expected a step, got nothing",
		" \t":                                      "column 1: expected a step, got nothing",
		"wiat 5s":                                  `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, exec, signal or unlock, got "wiat"`,
		"  wiat 5s":                                `column 3: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, exec, signal or unlock, got "wiat"`,
		"Wait 5s":                                  `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, exec, signal or unlock, got "Wait"`,
		"'wait 5s'":                                `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, exec, signal or unlock, got "wait 5s"`,
		"$(SPACED)":                                `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, exec, signal or unlock, got "wait 5s"`,
		"$(EMPTY)":                                 `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, exec, signal or unlock, got ""`,
		"--grace-period=5":                         `column 1: expected a step, got "--grace-period=5": flags go before the steps`,
		"wait":                                     "column 5: expected a duration, as in wait 20s after wait",
		"wait ":                                    "column 5: expected a duration, as in wait 20s after wait",
		"wait once":                                "column 5: expected a duration, as in wait 20s after wait",
		"wait $(EMPTY)":                            "column 6: " + wantDuration + `""`,
		"wait $(MINUS)":                            "column 6: " + wantDuration + `"-5s"`,
		"wait 5s 6s":                               `column 9: expected an option or the end of the step, got "6s"`,
		"wait 5s for=6s":                           "column 9: wait takes no options, got for=",
		"wait for=6s":                              "column 6: wait takes no options, got for=",
		"wait $(NOPE)":                             "column 6: the variable NOPE is not set",
		"wait $(NOPE":                              "column 6: expected ) after the variable's name",
		"wait '5s":                                 "column 6: expected a closing ' after this one",
		"ü 5s":                                     `column 1: expected wait, get, post, put, patch, delete, elasticsearch, until, touch, exec, signal or unlock, got "ü"`,
		"post":                                     "column 5: expected a URL after post",
		"post timeout=5s":                          "column 5: expected a URL after post",
		"post $(LONG)":                             "column 6: " + wantAnyURL + `""`,
		"post ftp://app/":                          "column 6: " + wantAnyURL + `"ftp"`,
		"post http://app:0/":                       "column 6: " + wantPort + "0",
		"post http://u:hunter22@/":                 "column 6: " + wantHost,
		"post http://a,http://b":                   "column 6: " + wantHost,
		"post http://app/ http://b":                `column 18: expected an option or the end of the step, got "http://b"`,
		"post http://app/ colour=red":              "column 18: expected an option of post (body header expect timeout token-file ca-file only-if), got colour=",
		"post http://app/ type=restart":            "column 18: expected an option of post (body header expect timeout token-file ca-file only-if), got type=",
		"post http://app/ timeout=":                "column 18: timeout: " + wantDuration + `""`,
		"post http://app/ timeout=-1s":             "column 18: timeout: " + wantDuration + `"-1s"`,
		"post http://app/ timeout=0":               "column 18: timeout: expected more than 0s",
		"until http://app/ timeout=0s":             "column 19: timeout: expected more than 0s",
		"post http://app/ expect=":                 `column 18: expect: expected statuses such as 200,404 or 2xx, got ""`,
		"post http://app/ expect=200,":             `column 18: expect: expected statuses such as 200,404 or 2xx, got "200,"`,
		"post http://app/ expect=99":               `column 18: expect: expected statuses such as 200,404 or 2xx, got "99"`,
		"post http://app/ expect=1xx":              `column 18: expect: expected statuses such as 200,404 or 2xx, got "1xx"`,
		"post http://app/ expect=600":              `column 18: expect: expected statuses such as 200,404 or 2xx, got "600"`,
		"post http://app/ expect=２００":              `column 18: expect: expected statuses such as 200,404 or 2xx, got "２００"`,
		"post http://app/ header=":                 "column 18: header: expected Name:value, on one line",
		"post http://app/ header=:x":               "column 18: header: expected Name:value, on one line",
		"post http://app/ header=X-A":              "column 18: header: expected Name:value, on one line",
		"post http://app/ header='X A: b'":         "column 18: header: expected Name:value, on one line",
		"post http://app/ header='X-A: b\r\nc'":    "column 18: header: expected Name:value, on one line",
		"post http://app/ 'header=X-A: b'":         `column 18: expected an option or the end of the step, got "header=X-A: b"`,
		"post http://app/ only-if=":                "column 18: only-if: " + wantAnyURL + `""`,
		"post http://app/ only-if=http://b:0/":     "column 18: only-if: " + wantPort + "0",
		"post http://app/ header='X(A): b'":        "column 18: header: expected Name:value, on one line",
		"post http://app/ header='X-A:\x00b'":      "column 18: header: expected Name:value, on one line",
		"until":                                    "column 6: expected quiet PORT, gone NAME, closed PORT, file PATH or a URL after until",
		"until quite 8080":                         `column 7: expected quiet PORT, gone NAME, closed PORT, file PATH or a URL after until, got "quite"`,
		"until ready":                              `column 7: expected quiet PORT, gone NAME, closed PORT, file PATH or a URL after until, got "ready"`,
		"until ftp://app/":                         "column 7: " + wantAnyURL + `"ftp"`,
		"until http://app/ body=x":                 "column 19: expected an option of until (header expect timeout token-file ca-file json in metric at-most stable min max), got body=",
		"until http://app/ in=a":                   "column 19: in= goes with json=PATH, and names the values that are waited for",
		"until http://app/ at-most=1":              "column 19: at-most= goes with metric= or json=",
		"until http://app/ json=.a":                "column 19: json=PATH needs either in=A,B or at-most=N, to know what is waited for",
		"until http://app/ json=.a in=b at-most=1": "column 19: json=PATH needs either in=A,B or at-most=N, to know what is waited for",
		"until http://app/ json=.a metric=b at-most=1":    "column 27: expected json= or metric=, got both",
		"until http://app/ metric=a":                      "column 19: metric= needs at-most=N, to know what is waited for",
		"until http://app/ metric=a at-most=1 expect=503": "column 38: expect= does not go with metric=, which reads 2xx alone",
		"until http://app/ json=a in=b":                   `column 19: json: column 1: expected a key after a dot, as in .status, got "a"`,
		"until http://app/ metric=a at-most=few":          `column 28: at-most: expected a number, got "few"`,
		"until http://app/ metric=a at-most=NaN":          `column 28: at-most: expected a number, got "NaN"`,
		"until http://app/ stable=0":                      `column 19: stable: expected how many looks in a row, 1 or more, got "0"`,
		"until http://app/ stable=-1":                     `column 19: stable: expected how many looks in a row, 1 or more, got "-1"`,
		"until http://app/ min=soon":                      "column 19: min: " + wantDuration + `"soon"`,
		"until http://app/ max=":                          "column 19: max: " + wantDuration + `""`,
		"until file":                                      "column 11: expected a file's path, as in until file /shared/drained after until file",
		"until quiet":                                     "column 12: expected a port, as in until quiet 8080 after until quiet",
		"until quiet http":                                `column 13: expected a port from 1 to 65535, got "http"`,
		"until quiet 0":                                   `column 13: expected a port from 1 to 65535, got "0"`,
		"until quiet 8080,":                               `column 13: expected a port from 1 to 65535, got ""`,
		"until quiet 8080 9090":                           `column 18: expected an option or the end of the step, got "9090"`,
		"until quiet 8080 for=0":                          "column 18: for: expected more than 0s",
		"until quiet 8080 for=soon":                       "column 18: for: " + wantDuration + `"soon"`,
		"until quiet 8080 traffic=x":                      `column 18: traffic: expected any or new, got "x"`,
		"until quiet 8080 allow=-1":                       `column 18: allow: expected how many connections do not count, 0 or more, got "-1"`,
		"until quiet 8080 ignore=a":                       `column 18: ignore: expected addresses or networks, as in 10.0.0.0/8,fd00::1, got "a"`,
		"until quiet 8080 stable=2":                       "column 18: expected an option of until quiet (for min max traffic allow unanswered ignore), got stable=",
		"until closed 1,2":                                `column 14: expected one port, got "1,2"`,
		"until gone http://web":                           `column 12: expected the name of a headless Service, as web.default.svc.cluster.local, got "http://web"`,
		"until gone web":                                  `column 12: until gone needs the pod's address in POD_IP (fieldPath: status.podIP), got ""`,
		"until file drained":                              `column 12: expected an absolute path, got "drained"`,
		"until file /a /b":                                `column 15: expected an option or the end of the step, got "/b"`,
		"until file /a stable=2":                          "column 15: expected an option of until file (min max), got stable=",
		"touch":                                           "column 6: expected a file's path, as in touch /shared/drained after touch",
		"touch drained":                                   `column 7: expected an absolute path, got "drained"`,
		"touch '/a\x00b'":                                 `column 7: expected an absolute path, got "/a\x00b"`,
		"exec":                                            "column 5: expected a program, as in exec /usr/sbin/nginx -s quit after exec",
		"exec once":                                       "column 5: expected a program, as in exec /usr/sbin/nginx -s quit after exec",
		"signal":                                          "column 7: expected a signal, as in signal QUIT after signal",
		"signal QUIT 1":                                   `column 13: expected an option or the end of the step, got "1"`,
		"unlock":                                          "column 7: expected redis://HOST or etcd://HOST after unlock",
		"unlock http://a key=b value-file=/c":             "column 8: expected redis://HOST, rediss://HOST, etcd://HOST or etcds://HOST (with an s: TLS)",
		"unlock redis:// key=b value-file=/c":             "column 8: expected redis://HOST, rediss://HOST, etcd://HOST or etcds://HOST (with an s: TLS)",
		"unlock redis://a?db=1 key=b value-file=/c":       "column 8: expected redis://HOST, rediss://HOST, etcd://HOST or etcds://HOST (with an s: TLS)",
		"unlock redis://u:hunter22@a key=b":               "column 8: expected no password in the URL: password-file=FILE keeps it out of the pod's spec",
		"unlock redis://a:0 key=b":                        "column 8: expected a port from 1 to 65535, got 0",
		"unlock redis://a value-file=/c":                  "column 8: expected key=, the lock's key",
		"unlock redis://a key=b":                          "column 8: expected value-file=, a file that holds the lock's value",
		"unlock redis://a key=b lease-file=/c":            "column 24: lease-file= does not go with redis://",
		"unlock redis://a/one key=b value-file=/c":        `column 8: expected the number of a database, as in redis://HOST/1, got "one"`,
		"unlock redis://a key=b ca-file=/c":               "column 24: ca-file= goes with TLS, rediss://a",
		"unlock rediss://a key=b cert-file=/c":            "column 25: cert-file= needs key-file=",
		"unlock etcds://a key-file=/c":                    "column 18: key-file= needs cert-file=",
		"unlock etcd://a":                                 "column 8: expected lease-file=, a file that holds the lease's id",
		"unlock etcd://a key=b lease-file=/c":             "column 17: key= does not go with etcd://",
		"unlock etcd://a/v3 lease-file=/c":                `column 8: expected no path, as in etcd://HOST, got "/v3"`,
		"unlock etcd://a lease-file=/c timeout=x":         "column 31: timeout: " + wantDuration + `"x"`,
		"unlock etcd://a lease-file=/c timeout=0":         "column 31: timeout: expected more than 0s",
		"unlock etcd://a lease-file=/c stable=2":          "column 31: expected an option of unlock (key value-file lease-file user password-file ca-file cert-file key-file timeout), got stable=",
		"signal QUIT wait=perhaps":                        `column 13: wait: expected true or false, got "perhaps"`,
		"elasticsearch":                                   "column 1: expected a URL after elasticsearch, or in PRE_STOP_ELASTICSEARCH_URL",
		"elasticsearch none":                              "column 1: expected a URL after elasticsearch, or in PRE_STOP_ELASTICSEARCH_URL",
		"elasticsearch es:9200":                           "column 15: " + wantScheme + `"es"`,
		"elasticsearch http://a http://b":                 `column 24: expected an option or the end of the step, got "http://b"`,
		"elasticsearch http://a type=":                    `column 24: type: ` + wantType + `""`,
		"elasticsearch http://a type=auto":                `column 24: type: auto needs PRE_STOP_ASK_API=true`,
		"elasticsearch http://a timeout=5s":               "column 24: expected an option of elasticsearch (type), got timeout=",
		"elasticsearch http://a type=replace":             "column 24: type: replace needs the name of the node that takes over in PRE_STOP_ELASTICSEARCH_TARGET_NODE",
	} {
		e, err := build(t, env).step(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %+v, error %v, want %s", text, e, err, want)
		}
	}
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
