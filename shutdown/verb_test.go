package shutdown

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/child"
	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/parse"
	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/web"
)

// bound reads a line, and binds what it says.
func bound(text string, m step.Means) (step.Needs, step.Deed, error) {
	spec, err := specOf(text)
	if err != nil {
		return step.Needs{}, nil, err
	}
	bound, err := spec.Bind(withDefaults(m))
	return spec.Needs(), bound, err
}

func specOf(text string) (*step.Spec, error) {
	verbs := append(CallVerbs(), ElasticsearchVerb(), TouchVerb(), RemoveVerb(), ExecVerb(), SignalVerb(), UnlockVerb())
	variables := map[string]string{
		"HOST": "app", "BODY": `{"a": "b c"}`, "OPTION": "timeout=5s", "AT": "@/f", "FILE": "/f", "EMPTY": "", "A": "x y", "LONG": strings.Repeat("x", 100), "DOTS": "..",
	}
	_, spec, _, err := parse.Line(verbs, text, func(name string) (string, bool) { v, ok := variables[name]; return v, ok })
	return spec, err
}

func withDefaults(m step.Means) *step.Means {
	m.Dial = new(net.Dialer).DialContext
	m.Secret = func(path string) func() (string, error) {
		return func() (string, error) {
			text, err := regular.Read(path)
			return strings.TrimSpace(string(text)), err
		}
	}
	m.Password = func(_, path string) func() (string, error) { return m.Secret(path) }
	m.Keep = func(func()) {}
	if m.Pod.ID == nil {
		m.Pod.ID = func() string { return "" }
	}
	if m.Type == nil {
		m.Type = func(word string) string { return word }
	}
	return &m
}

func TestCallVerb(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line   string
		method string
		url    string
		more   func(*Call)
	}{
		{"get http://app/", "GET", "http://app/", nil},
		{"post http://app/", "POST", "http://app/", nil},
		{"put http://app/", "PUT", "http://app/", nil},
		{"patch http://app/", "PATCH", "http://app/", nil},
		{"delete http://app/", "DELETE", "http://app/", nil},
		{"post https://$(HOST):8443/a?b=c$EMPTY", "POST", "https://app:8443/a?b=c", nil},
		{"timeout=3s post http://app/", "", "", nil}, // a verb comes first
		{"post timeout=3s http://app/", "POST", "http://app/", func(c *Call) { c.Timeout = 3 * time.Second }},
		{"post http://app/ timeout=3 timeout=4", "", "", nil},
		{"post http://app/ $OPTION", "", "", nil}, // a variable is no option
		{"post http://app/ body=", "POST", "http://app/", func(c *Call) { c.Request.Body = []byte{} }},
		{"post http://app/ body=$BODY", "POST", "http://app/", func(c *Call) { c.Request.Body = []byte(`{"a": "b c"}`) }},
		{`post http://app/ body='{"a": 1}'`, "POST", "http://app/", func(c *Call) { c.Request.Body = []byte(`{"a": 1}`) }},
		{"post http://app/ body=timeout=5s", "POST", "http://app/", func(c *Call) { c.Request.Body = []byte("timeout=5s") }},
		{"post http://app/ body=once", "POST", "http://app/", func(c *Call) { c.Request.Body = []byte("once") }},
		{"post http://app/ body=@/etc/body.json", "POST", "http://app/", func(c *Call) { c.BodyFile = "/etc/body.json" }},
		{"post http://app/ body=@$FILE", "POST", "http://app/", func(c *Call) { c.BodyFile = "/f" }},
		{`post http://app/ body="@$(FILE)"`, "POST", "http://app/", func(c *Call) { c.BodyFile = "/f" }},
		{"post http://app/ body=$AT", "POST", "http://app/", func(c *Call) { c.Request.Body = []byte("@/f") }},
		{`post http://app/ body="$EMPTY$(AT)"`, "POST", "http://app/", func(c *Call) { c.Request.Body = []byte("@/f") }},
		{"post http://app/ body=@/f body=x", "", "", nil},
		{"post http://app/ header=X-A:1 header='X-A: 2\n' header=x-b:", "POST", "http://app/", func(c *Call) {
			c.Request.Header = http.Header{"X-A": {"1", "2"}, "X-B": {""}}
		}},
		{"get http://app/ expect=200,404", "GET", "http://app/", func(c *Call) { c.Expect = web.Statuses{"200", "404"} }},
		{"get http://app/ expect=2xx,409", "GET", "http://app/", func(c *Call) { c.Expect = web.Statuses{"2xx", "409"} }},
		{"post http://app/ token-file=/t ca-file=/c", "POST", "http://app/", nil},
	} {
		n, s, err := bound(test.line, step.Means{})
		if test.method == "" {
			if err == nil {
				t.Errorf("%q: no error", test.line)
			}
			continue
		}
		got, ok := s.(*Call)
		if err != nil || !ok || n.Least != time.Second || n.Most != 0 || n.Guard {
			t.Errorf("%q: %+v, %+v, %v", test.line, n, s, err)
			continue
		}
		if got.Client == nil {
			t.Errorf("%q: has no means to connect", test.line)
		}
		got.Client = nil
		want := &Call{}
		want.Request.Method, want.Request.URL, want.Request.Header = test.method, test.url, http.Header{}
		if test.more != nil {
			test.more(want)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", test.line, got, want)
		}
	}
}

// max= bounds the whole of a call, and timeout= one try.
func TestCallMost(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]step.Needs{
		"": {Least: time.Second, Want: 5 * time.Second}, "max=2m": {Least: time.Second, Want: 2 * time.Minute, Most: 2 * time.Minute},
		"max=300ms timeout=100ms": {Least: 300 * time.Millisecond, Want: 300 * time.Millisecond, Most: 300 * time.Millisecond},
		"timeout=60s":             {Least: time.Second, Want: time.Minute}, "timeout=2s": {Least: time.Second, Want: 2 * time.Second},
	} {
		n, _, err := bound("post http://app/ "+options, step.Means{})
		if err != nil || n.Least != want.Least || n.Most != want.Most || n.Want != want.Want || n.FromStart || n.Guard {
			t.Errorf("%s: %+v, %v", options, n, err)
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
	type asked struct{ place, request, token, key string }
	asks := make(chan asked, 10)
	serve := func(place string, status int) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asks <- asked{place, r.Method + " " + r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("X-Key")}
			w.WriteHeader(status)
		}))
		t.Cleanup(s.Close)
		return s
	}
	app, other, no := serve("app", 204), serve("other", 204), serve("no", 503)
	call := asked{"app", "POST /drain", "Bearer abcdefgh", "abc"}
	for _, test := range []struct {
		condition string
		want      []asked
	}{
		{app.URL + "/ready?a=b", []asked{{"app", "GET /ready?a=b", "Bearer abcdefgh", ""}, call}},
		{other.URL + "/ready", []asked{{"other", "GET /ready", "", ""}, call}},
		{no.URL + "/ready", []asked{{"no", "GET /ready", "", ""}}},
	} {
		_, s, err := bound(fmt.Sprintf("post %s/drain token-file=%s header=X-Key:abc only-if='%s'", app.URL, token, test.condition), step.Means{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("%s: %v", test.condition, err)
		}
		var all []asked
		for range len(asks) {
			all = append(all, <-asks)
		}
		if !slices.Equal(all, test.want) {
			t.Errorf("%s: asked %v, want %v", test.condition, all, test.want)
		}
	}
}

func parsed(t *testing.T, urls ...string) (all []*url.URL) {
	t.Helper()
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

func placesOf(e *Elasticsearch) (own, other []string) {
	for _, p := range e.Own {
		own = append(own, p.URL)
	}
	for _, p := range e.Other {
		other = append(other, p.URL)
	}
	return own, other
}

func TestElasticsearchVerb(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line string
		es   step.Elasticsearch
		kind string
		urls []string
	}{
		{"elasticsearch", step.Elasticsearch{URLs: parsed(t, "http://a:1", "http://b:2/x/"), Type: "restart"}, "restart", []string{"http://a:1", "http://b:2/x"}},
		{"elasticsearch http://c:3", step.Elasticsearch{URLs: parsed(t, "http://a:1"), Type: "restart"}, "restart", []string{"http://c:3"}},
		{"elasticsearch 'http://c:3, http://d:4'", step.Elasticsearch{Type: "restart"}, "restart", []string{"http://c:3", "http://d:4"}},
		{"elasticsearch type=remove", step.Elasticsearch{URLs: parsed(t, "http://a:1"), Type: "sigterm"}, "remove", []string{"http://a:1"}},
		{"elasticsearch", step.Elasticsearch{URLs: parsed(t, "http://a:1"), Type: "sigterm"}, "sigterm", []string{"http://a:1"}},
		{"elasticsearch", step.Elasticsearch{URLs: parsed(t, "http://a:1"), Type: "auto"}, "remove", []string{"http://a:1"}},
		{"elasticsearch type=auto", step.Elasticsearch{URLs: parsed(t, "http://a:1"), AskAPI: true}, "remove", []string{"http://a:1"}},
		{"elasticsearch type=replace", step.Elasticsearch{URLs: parsed(t, "http://a:1"), TargetNode: "es-1"}, "replace", []string{"http://a:1"}},
	} {
		m := step.Means{Elasticsearch: test.es, Pod: step.Pod{Name: "es-0", Namespace: "ns", IP: "10.0.0.1", ID: func() string { return "uid-1" }}, Deadline: time.Unix(1e9, 0)}
		m.Type = func(word string) string {
			if word == step.TypeAuto {
				return step.TypeRemove
			}
			return word
		}
		n, s, err := bound(test.line, m)
		got, ok := s.(*Elasticsearch)
		if err != nil || !ok || got.Type != test.kind || n.Least != time.Second || n.Most != 0 || n.Guard {
			t.Errorf("%q: %+v, %+v, %v", test.line, n, s, err)
			continue
		}
		own, urls := placesOf(got)
		if !slices.Equal(urls, test.urls) {
			t.Errorf("%q: %q, want %q", test.line, urls, test.urls)
		}
		port := test.urls[0][strings.LastIndexByte(test.urls[0], ':'):]
		if want := []string{"http://127.0.0.1" + port, "http://10.0.0.1" + port}; !slices.Equal(own, want) {
			t.Errorf("%q: our own node at %q, want %q", test.line, own, want)
		}
		if got.Node != "es-0" || got.IP != "10.0.0.1" || got.Pod != (Pod{"ns", "es-0", "uid-1"}) || got.End != time.Unix(1e9, 0) || got.TargetNode != test.es.TargetNode {
			t.Errorf("%q: %+v", test.line, got)
		}
		if named := len(n.Calls) > 0; named != strings.Contains(test.line, "http") || named && !n.Calls[0].Node {
			t.Errorf("%q: the calls are %+v", test.line, n.Calls)
		}
		if _, set, ok := strings.Cut(test.line, "type="); ok && n.Shutdown != set || !ok && n.Shutdown != step.TypeOfSettings {
			t.Errorf("%q: the shutdown is %q", test.line, n.Shutdown)
		}
	}
}

// The settings' credentials and certificates go to the settings' places, and to those of a line if the settings name none.
func TestElasticsearchCredentials(t *testing.T) {
	t.Parallel()
	headers := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { headers <- r.Header }))
	t.Cleanup(server.Close)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	basic := step.Elasticsearch{Username: "hook", PasswordFile: password}
	token := step.Elasticsearch{TokenFile: password}
	for name, test := range map[string]struct {
		es   step.Elasticsearch
		urls []string
		want string
	}{
		"the settings' place":      {basic, []string{server.URL + "/x"}, "Basic aG9vazpodXNo"},
		"no place in the settings": {token, nil, "Bearer hush"},
		"another place":            {basic, []string{"http://127.0.0.2:9200"}, ""},
	} {
		test.es.URLs = parsed(t, test.urls...)
		_, s, err := bound("elasticsearch "+server.URL, step.Means{Elasticsearch: test.es})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.(*Elasticsearch).Other[0].Client.Send(t.Context(), web.Request{Method: "GET", URL: server.URL}); err != nil {
			t.Error(err)
		}
		if got := (<-headers).Get("Authorization"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	// Certificates too: one that cannot be read shows who would have had it.
	for place, wants := range map[string]bool{"https://es:9200": true, "https://other:9200": false} {
		es := step.Elasticsearch{URLs: parsed(t, "https://es:9200"), CAFile: filepath.Join(t.TempDir(), "none")}
		_, s, err := bound("elasticsearch "+place, step.Means{Elasticsearch: es})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.(*Elasticsearch).Own[0].Client.Reach(t.Context(), strings.Replace(server.URL, "http:", "https:", 1)); err == nil || strings.Contains(err.Error(), es.CAFile) != wants {
			t.Errorf("%s: %v", place, err)
		}
	}
}

func TestSpecsWithoutALine(t *testing.T) {
	t.Parallel()
	app := step.App{URL: parsed(t, "http://app/actuator/shutdown")[0], TokenFile: "/t", CAFile: "/c"}
	m := withDefaults(step.Means{Pod: step.Pod{Name: "web-0"}, Deadline: time.Unix(1e9, 0), Elasticsearch: step.Elasticsearch{Type: "restart"}})
	spec := AppSpec(app)
	s, err := spec.Bind(m)
	got, ok := s.(*App)
	if err != nil || !ok || got.Call.Request.URL != app.URL.String() || got.Call.Client == nil || got.Notice != (Notice{Type: "restart", Reason: "preStop", Pod: "web-0"}) || got.End != m.Deadline {
		t.Errorf("%+v, %v", s, err)
	}
	if n := spec.Needs(); n.Ends != step.EndsProcess || len(n.Calls) != 1 || !n.Calls[0].App || n.Calls[0].Method != "POST" || !slices.Equal(n.Reads, []string{"/t", "/c"}) {
		t.Errorf("%+v", n)
	}
	for _, es := range []step.Elasticsearch{{Type: "restart"}, {Type: "replace", URLs: parsed(t, "http://a")}} {
		m.Elasticsearch = es
		if _, err := ElasticsearchSpec(es).Bind(m); err == nil || strings.Contains(err.Error(), "column") {
			t.Errorf("%+v: %v", es, err)
		}
	}
	m.Elasticsearch = step.Elasticsearch{Type: "sigterm", URLs: parsed(t, "https://es")}
	s, err = ElasticsearchSpec(m.Elasticsearch).Bind(m)
	es, ok := s.(*Elasticsearch)
	if err != nil || !ok || es.Type != "sigterm" || len(es.Own) != 1 || es.Own[0].URL != "https://127.0.0.1" || !reflect.DeepEqual(es.Pod, NewElasticsearch(m).Pod) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestUnlockVerb(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]*RedisLock{
		"unlock redis://a key=b value-file=/c":                                           {Address: "a:6379", Key: "b"},
		"unlock rediss://u@[::1]:7000/3 key=b value-file=/c timeout=2s password-file=/d": {Address: "[::1]:7000", User: "u", DB: 3, Key: "b", Timeout: 2 * time.Second},
		"unlock redis://a/0 user=w key=b value-file=/c":                                  {Address: "a:6379", User: "w", Key: "b"},
	} {
		n, s, err := bound(text, step.Means{})
		got, ok := s.(*RedisLock)
		if err != nil || !ok || got.Dial == nil || got.Value == nil || (got.TLS != nil) != strings.Contains(text, "rediss") || (got.Password != nil) != strings.Contains(text, "password") {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
		got.Dial, got.Value, got.TLS, got.Password = nil, nil, nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
		if n.Most != 30*time.Second || n.Calls[0].Method != "" || n.Calls[0].URL.Host != want.Address || n.Reads[0] != "/c" {
			t.Errorf("%q: %+v", text, n)
		}
	}
	for text, url := range map[string]string{"unlock etcd://a lease-file=/b": "http://a:2379", "unlock etcds://a:1 lease-file=/b user=c password-file=/d": "https://a:1"} {
		_, s, err := bound(text, step.Means{})
		got, ok := s.(*EtcdLease)
		if err != nil || !ok || got.URL != url || got.Lease == nil || got.Client == nil || (got.Password != nil) != strings.Contains(text, "password") || (got.User == "c") != strings.Contains(text, "user") {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

// What a program leaves is ended by a process that is alone, and by no other.
func TestExecVerb(t *testing.T) {
	t.Parallel()
	if _, s, err := bound("exec prog", step.Means{}); err != nil || s.(Exec).Program.Adopt {
		t.Errorf("%+v, %v", s, err)
	}
	for text, want := range map[string][]string{
		"exec /bin/prog -s quit":         {"/bin/prog", "-s", "quit"},
		`exec prog a=b "$A" 'once' $A=b`: {"prog", "a=b", "x y", "once", "x y=b"},
		"exec prog --timeout=5s once":    {"prog", "--timeout=5s"},
	} {
		n, s, err := bound(text, step.Means{Alone: true})
		got, ok := s.(Exec)
		if err != nil || !ok || !got.Program.Adopt || !slices.Equal(got.Program.Words, want) || !slices.Equal(n.Program, want) || n.Least != time.Second || n.Most != 0 || n.Guard {
			t.Errorf("%q: %+v, %+v, %v; want %q", text, n, s, err, want)
		}
	}
}

// Options stand before the program, and all words after it are the program's.
func TestExecOptions(t *testing.T) {
	t.Parallel()
	for text, most := range map[string]time.Duration{"exec max=60s prog max=5s": 60 * time.Second, "exec max=500ms prog max=5s once": 500 * time.Millisecond} {
		n, s, err := bound(text, step.Means{})
		got, ok := s.(Exec)
		if err != nil || !ok || !slices.Equal(got.Program.Words, []string{"prog", "max=5s"}) || n.Most != most || n.Least != min(most, time.Second) {
			t.Errorf("%q: %+v, %+v, %v", text, n, s, err)
		}
	}
	made := filepath.Join(t.TempDir(), "made")
	for _, status := range []int{404, 200} {
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		defer app.Close()
		n, s, err := bound("exec only-if="+app.URL+"/leader touch "+made, step.Means{})
		if err != nil || len(n.Calls) != 1 || !n.Calls[0].Condition {
			t.Fatalf("%+v, %v", n, err)
		}
		testexpect.Error(t, s.Run(t.Context(), slog.New(slog.DiscardHandler)), "")
		if _, err := os.Stat(made); (err == nil) != (status == 200) {
			t.Errorf("answered %d: %v", status, err)
		}
	}
	var log testbuffer.Buffer
	e := Exec{child.Program{Words: []string{"cat", made}}}
	testexpect.Error(t, checking(e)(t.Context(), log.Logger()), "")
	if log.Count("found /") != 1 {
		t.Errorf("%s", &log)
	}
	testexpect.Error(t, checking(Exec{child.Program{Words: []string{"/nowhere"}}})(t.Context(), log.Logger()), "the image does not have it")
}

func TestTouchVerb(t *testing.T) {
	t.Parallel()
	n, s, err := bound("touch '/shared/a b'", step.Means{})
	if err != nil || s != (Touch{Path: "/shared/a b"}) || n.Most == 0 || !slices.Equal(n.Writes, []string{"/shared/a b"}) {
		t.Errorf("%+v, %+v, %v", n, s, err)
	}
}

func TestRemoveVerb(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b")
	n, s, err := bound("remove '"+path+"'", step.Means{})
	if err != nil || s != (Remove{Path: path}) || n.Most == 0 || !slices.Equal(n.Removes, []string{path}) || n.Writes != nil {
		t.Fatalf("%+v, %+v, %v", n, s, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and one that is not there is done
		testexpect.Error(t, s.Run(t.Context(), slog.New(slog.DiscardHandler)), "")
		if _, err := os.Lstat(path); err == nil {
			t.Error("it is still there")
		}
	}
}

func TestSignalVerb(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		signal syscall.Signal
		noWait bool
		ends   step.Ends
	}{
		"signal QUIT":            {syscall.SIGQUIT, false, step.EndsContainer},
		"signal USR1 wait=true":  {syscall.SIGUSR1, false, step.EndsContainer},
		"signal USR1 wait=false": {syscall.SIGUSR1, true, step.EndsNothing},
		"signal 15 wait=0":       {syscall.SIGTERM, true, step.EndsProcess},
		"signal $(EMPTY)SIGTERM": {syscall.SIGTERM, false, step.EndsContainer},
	} {
		n, s, err := bound(text, step.Means{InPod: true})
		got, ok := s.(*Signal)
		if err != nil || !ok || got.Signal != want.signal || got.NoWait != want.noWait || n.Ends != want.ends || n.Signal != want.signal || (n.Most != 0) != want.noWait {
			t.Errorf("%q: %+v, %+v, %v", text, n, s, err)
		}
	}
	if _, _, err := bound("signal TERM", step.Means{DryRun: true}); err != nil {
		t.Errorf("in a dry run: %v", err)
	}
}

// Connections that are kept are let go of before the signal is sent, here to nobody: procfs is not there.
func TestSignalReleases(t *testing.T) {
	t.Parallel()
	released := false
	s := &Signal{Signal: syscall.SIGUSR1, Proc: t.TempDir(), release: func() { released = true }}
	if err := s.Run(t.Context(), slog.New(slog.DiscardHandler)); err == nil || !released {
		t.Errorf("released %v, %v", released, err)
	}
}

func TestNeedsOfCalls(t *testing.T) {
	t.Parallel()
	spec, err := specOf("post http://app/quitquitquit timeout=3s token-file=/t body=@/b only-if=http://app/ready")
	if err != nil {
		t.Fatal(err)
	}
	n := spec.Needs()
	if n.Ends != step.EndsProcess || !slices.Equal(n.Reads, []string{"/t", "/b"}) || len(n.Calls) != 2 {
		t.Fatalf("%+v", n)
	}
	if c := n.Calls[0]; !c.Condition || c.Method != "GET" || c.URL.Path != "/ready" {
		t.Errorf("%+v", c)
	}
	if c := n.Calls[1]; c.Condition || c.Method != "POST" || c.URL.Path != "/quitquitquit" || c.Timeout != 3*time.Second {
		t.Errorf("%+v", c)
	}
}

// The column counts bytes of the line as it was written, and the words say what was expected there.
func TestStepsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"post":                                                "column 5: expected a URL after post, as in post http://localhost:8080/shutdown",
		"post timeout=5s":                                     "column 5: expected a URL after post, as in post http://localhost:8080/shutdown",
		"post $(LONG)":                                        "column 6: expected a URL such as http://localhost:8080/path; this one cannot be read",
		"post ftp://app/":                                     `column 6: expected a URL that begins with http://, https:// or http+unix:, got the scheme "ftp"`,
		"post http://app:0/":                                  "column 6: expected a port from 1 to 65535, got 0",
		"post http://u:hunter22@/":                            "column 6: expected a URL with a host, as in http://localhost:8080/path",
		"post http://a,http://b":                              "column 6: expected a URL with a host, as in http://localhost:8080/path",
		"post http://app/ http://b":                           `column 18: expected an option or the end of the step, got "http://b"`,
		"post http://app/ colour=red":                         "column 18: expected an option of post (body header expect timeout token-file ca-file cert-file key-file tls-server-name only-if max json into), got colour=",
		"post http://app/ type=restart":                       "column 18: expected an option of post (body header expect timeout token-file ca-file cert-file key-file tls-server-name only-if max json into), got type=",
		"post http://app/ timeout=":                           `column 18: timeout: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got ""`,
		"post http://app/ timeout=-1s":                        `column 18: timeout: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "-1s"`,
		"post http://app/ timeout=0":                          "column 18: timeout: expected more than 0s",
		"post http://app/ expect=":                            `column 18: expect: expected statuses such as 200,404 or 2xx, got ""`,
		"post http://app/ expect=200,":                        `column 18: expect: expected statuses such as 200,404 or 2xx, got "200,"`,
		"post http://app/ expect=99":                          `column 18: expect: expected statuses such as 200,404 or 2xx, got "99"`,
		"post http://app/ expect=1xx":                         `column 18: expect: expected statuses such as 200,404 or 2xx, got "1xx"`,
		"post http://app/ expect=600":                         `column 18: expect: expected statuses such as 200,404 or 2xx, got "600"`,
		"post http://app/ expect=２００":                         `column 18: expect: expected statuses such as 200,404 or 2xx, got "２００"`,
		"post http://app/ header=":                            "column 18: header: expected Name:value, on one line",
		"post http://app/ header=:x":                          "column 18: header: expected Name:value, on one line",
		"post http://app/ header=X-A":                         "column 18: header: expected Name:value, on one line",
		"post http://app/ header='X A: b'":                    "column 18: header: expected Name:value, on one line",
		"post http://app/ header='X-A: b\r\nc'":               "column 18: header: expected Name:value, on one line",
		"post http://app/ 'header=X-A: b'":                    "column 18: expected an option or the end of the step, got \"'header=X-A: b'\"",
		"post http://app/ only-if=":                           `column 18: only-if: expected a URL that begins with http://, https:// or http+unix:, got none of them`,
		"post http://app/ only-if=http://b:0/":                "column 18: only-if: expected a port from 1 to 65535, got 0",
		"post http://app/ header='X(A): b'":                   "column 18: header: expected Name:value, on one line",
		"post http://app/ header='X-A:\x00b'":                 "column 18: header: expected Name:value, on one line",
		"remove":                                              "column 7: expected a file's path after remove, as in remove /shared/ready",
		"remove ready":                                        `column 8: expected an absolute path, got "ready"`,
		"remove /a force=true":                                "column 11: remove takes no options, got force=",
		"touch":                                               "column 6: expected a file's path after touch, as in touch /shared/drained",
		"touch drained":                                       `column 7: expected an absolute path, got "drained"`,
		"touch '/a\x00b'":                                     "column 7: expected an absolute path, got \"'/a\\x00b'\"",
		"exec":                                                "column 5: expected a program after exec, as in exec /bin/true",
		"exec max=5s":                                         "column 5: expected a program after exec, as in exec /bin/true",
		"exec maxx=5s prog":                                   "column 6: expected an option of exec (max only-if), got maxx=; did you mean max=?",
		"exec max=0 prog":                                     "column 6: max: expected more than 0s",
		"exec max=soon prog":                                  `column 6: max: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got "soon"`,
		"exec only-if=app prog":                               "column 6: only-if: expected a URL that begins with http://, https:// or http+unix:, got none of them",
		"post http://app/ max=0s":                             "column 18: max: expected more than 0s",
		"exec once":                                           "column 5: expected a program after exec, as in exec /bin/true",
		"signal":                                              "column 7: expected a signal after signal, as in signal QUIT",
		"signal QUIT 1":                                       "column 13: expected an option or the end of the step, got \"1\"",
		"unlock":                                              "column 7: expected redis://HOST or etcd://HOST after unlock",
		"unlock http://a key=b value-file=/c":                 "column 8: expected redis://HOST, rediss://HOST, etcd://HOST or etcds://HOST (with an s: TLS)",
		"unlock redis:// key=b value-file=/c":                 "column 8: expected redis://HOST, rediss://HOST, etcd://HOST or etcds://HOST (with an s: TLS)",
		"unlock redis://a?db=1 key=b value-file=/c":           "column 8: expected redis://HOST, rediss://HOST, etcd://HOST or etcds://HOST (with an s: TLS)",
		"unlock redis://u:hunter22@a key=b":                   "column 8: expected no password in the URL: password-file=FILE keeps it out of the pod's spec",
		"post http://app:/":                                   "column 6: expected a port after the colon, as in http://localhost:8080/path",
		"unlock redis://a: key=b":                             "column 8: expected a port from 1 to 65535, got \"redis://a:\"",
		"unlock redis://a:0 key=b":                            "column 8: expected a port from 1 to 65535, got \"redis://a:0\"",
		"unlock redis://a value-file=/c":                      "column 8: expected key=, the lock's key",
		"unlock redis://a key=b":                              "column 8: expected value-file=, a file that holds the lock's value",
		"unlock redis://a key=b lease-file=/c":                "column 24: lease-file= does not go with redis://",
		"unlock redis://a/one key=b value-file=/c":            "column 8: expected the number of a database, as in redis://HOST/1, got \"redis://a/one\"",
		"unlock redis://a key=b ca-file=/c":                   "column 24: ca-file= goes with TLS, rediss://HOST",
		"unlock rediss://a key=b cert-file=/c":                "column 25: cert-file= needs key-file=",
		"unlock etcds://a key-file=/c":                        "column 18: key-file= needs cert-file=",
		"unlock etcd://a":                                     "column 8: expected lease-file=, a file that holds the lease's id",
		"unlock etcd://a key=b lease-file=/c":                 "column 17: key= does not go with etcd://",
		"unlock etcd://a/v3 lease-file=/c":                    "column 8: expected no path, as in etcd://HOST, got \"etcd://a/v3\"",
		"unlock etcd://a lease-file=/c timeout=x":             "column 31: timeout: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got \"x\"",
		"unlock etcd://a lease-file=/c timeout=0":             "column 31: timeout: expected more than 0s",
		"unlock etcd://a lease-file=/c stable=2":              "column 31: expected an option of unlock (key value-file lease-file user password-file ca-file cert-file key-file timeout), got stable=",
		"signal QUIT wait=perhaps":                            "column 13: wait: expected true or false, got \"perhaps\"",
		"elasticsearch":                                       "column 1: expected a URL after elasticsearch, or in PRE_STOP_ELASTICSEARCH_URL",
		"elasticsearch none":                                  "column 1: expected a URL after elasticsearch, or in PRE_STOP_ELASTICSEARCH_URL",
		"elasticsearch es:9200":                               `column 15: expected a URL that begins with http:// or https://, got the scheme "es"`,
		"elasticsearch http://a http://b":                     "column 24: expected an option or the end of the step, got \"http://b\"",
		"elasticsearch http://a type=":                        "column 24: type: expected restart, remove, replace, sigterm or auto, got \"\"",
		"elasticsearch http://a type=auto":                    "column 24: type: auto needs PRE_STOP_ASK_API=true",
		"elasticsearch http://a timeout=5s":                   "column 24: expected an option of elasticsearch (type), got timeout=",
		"elasticsearch http://a type=replace":                 "column 24: type: replace needs the name of the node that takes over in PRE_STOP_ELASTICSEARCH_TARGET_NODE",
		"post http://app/ token-file=":                        "column 18: token-file: expected a file's path, got nothing",
		"post http://$(LONG):0/":                              "column 6: expected a URL such as http://localhost:8080/path; this one cannot be read",
		"post http://app/ timeout=$(LONG)":                    "column 18: timeout: expected seconds, as 50, or a duration, as 1m30s, of at most a year, got \"$(LONG)\"",
		"post http://app/ expect=$(LONG)":                     "column 18: expect: expected statuses such as 200,404 or 2xx, got \"$(LONG)\"",
		"post http://app/ only-if=$(LONG)":                    "column 18: only-if: expected a URL such as http://localhost:8080/path; this one cannot be read",
		"signal $(LONG)":                                      "column 8: expected a signal's name or number, got \"$(LONG)\"",
		"unlock rediss://a key=b value-file=/c ca-file=":      "column 39: ca-file: expected a file's path, got nothing",
		"unlock redis://a key=b value-file=/c password-file=": "column 38: password-file: expected a file's path, got nothing",
		"unlock redis://$(LONG)/$(LONG) key=b value-file=/c":  "column 8: expected the number of a database, as in redis://HOST/1, got \"redis://$(LONG)/$(LONG)\"",
		"elasticsearch http://a,$(LONG)":                      "column 15: expected a URL such as http://localhost:8080/path; this one cannot be read",
		"elasticsearch http://a/$(DOTS)":                      "column 15: $(DOTS) is .., which cannot stand in a URL",
		"unlock redis://a/$(DOTS) key=b value-file=/c":        "column 8: $(DOTS) is .., which cannot stand in a URL",
		"unlock redis://a:637g key=b value-file=/c":           "column 8: expected a port from 1 to 65535 after the host, as in redis://HOST:6379",
		"unlock redis://$(LONG)% key=b value-file=/c":         "column 8: expected redis://HOST, rediss://HOST, etcd://HOST or etcds://HOST (with an s: TLS); this one cannot be read",
		"elasticsearch ,":                                     "column 15: expected a URL such as http://localhost:8080/path",
		"signal TERM":                                         "column 8: expected to run in a pod, where KUBERNETES_SERVICE_HOST is set: anywhere else it would end the session that it was called from",
	} {
		_, _, err := bound(text, step.Means{})
		if e, ok := err.(*grammar.Error); !ok || e.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}
