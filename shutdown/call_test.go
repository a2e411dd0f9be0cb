package shutdown

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/jsonpath"
	"github.com/prestop/prestop/internal/regular"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/testbuffer"
	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/web"
)

// app is an application that answers one request after the other as it was told, and the last answer for good.
type app struct {
	mu      sync.Mutex
	answers []answer
	got     []string // method, path, Content-Type and body of each request
	header  []http.Header
}

type answer struct {
	status int
	header map[string]string
	body   string
}

// answers reads "202 Location=/job; 202; 200".
func answers(text string) (all []answer) {
	for one := range strings.SplitSeq(text, ";") {
		a := answer{header: map[string]string{}}
		for i, word := range strings.Fields(one) {
			if i == 0 {
				fmt.Sscan(word, &a.status)
				continue
			}
			name, value, _ := strings.Cut(word, "=")
			a.header[name] = value
		}
		all = append(all, a)
	}
	return all
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Method, r.URL, r.Header.Get("Content-Type"), body)))
	a.header = append(a.header, r.Header)
	now := a.answers[0]
	if len(a.answers) > 1 {
		a.answers = a.answers[1:]
	}
	if now.status == 0 {
		panic(http.ErrAbortHandler)
	}
	for name, value := range now.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(now.status)
	io.WriteString(w, now.body)
}

// inStreet runs f in a bubble with a network in which an app answers at app:8080 and another at other:8080.
func inStreet(t *testing.T, text string, f func(*testing.T, *street)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st := &street{app: &app{answers: answers(text)}, other: &app{answers: answers("200")}, net: newNetwork(), log: &testbuffer.Buffer{}}
		st.net.serve(t, "app:8080", st.app)
		st.net.serve(t, "other:8080", st.other)
		secret := func() (string, error) { return "hush", nil }
		st.call = Call{Read: regular.Read, Client: st.net.client(t, web.Token("/token", secret)), Request: web.Request{Method: "POST", URL: "http://app:8080/drain", Header: http.Header{"X-Hook": {"yes"}}}}
		f(t, st)
	})
}

type street struct {
	app, other *app
	net        *network
	log        *testbuffer.Buffer
	call       Call
}

func (st *street) within(t *testing.T, share time.Duration, do stepFunc) (time.Duration, error) {
	t.Helper()
	begin := time.Now()
	ctx, cancel := context.WithDeadlineCause(t.Context(), begin.Add(share), errShare)
	defer cancel()
	err := do(ctx, st.log.Logger())
	return time.Since(begin), err
}

func TestCall(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		name        string
		answers     string
		set         func(*Call)
		err         string
		got         []string // the beginnings of the requests; nil: not looked at
		least, most time.Duration
	}{
		{"200", "200", nil, "", []string{"POST /drain"}, 0, 0},
		{"204", "204", nil, "", []string{"POST /drain"}, 0, 0},
		{"404", "404", nil, "http://app:8080: 404 Not Found", []string{"POST /drain"}, 0, 0},
		{"401 is final", "401", nil, "401 Unauthorized", []string{"POST /drain"}, 0, 0},
		{"501 is final", "501", nil, "501 Not Implemented", []string{"POST /drain"}, 0, 0},
		{"a status that is expected", "404", func(c *Call) { c.Expect = web.Statuses{"200", "404"} }, "", []string{"POST /drain"}, 0, 0},
		{"a class that is expected", "409", func(c *Call) { c.Expect = web.Statuses{"4xx"} }, "", []string{"POST /drain"}, 0, 0},
		{"200 where another is expected", "200", func(c *Call) { c.Expect = web.Statuses{"204"} }, "200 OK", []string{"POST /drain"}, 0, 0},
		{"503 where it is expected", "503", func(c *Call) { c.Expect = web.Statuses{"503"} }, "", []string{"POST /drain"}, 0, 0},
		{"503, then 200", "503;200", nil, "", []string{"POST /drain", "POST /drain"}, 100 * ms, s},
		{"reset, then 200", "0;200", nil, "", []string{"POST /drain", "POST /drain"}, 100 * ms, s},
		{"Retry-After", "503 Retry-After=3;200", nil, "", []string{"POST /drain", "POST /drain"}, 3 * s, 3 * s},
		{"Retry-After is capped", "429 Retry-After=120;200", nil, "", nil, 9 * s, 10 * s},
		{"500 for ever", "500", nil, "500 Internal Server Error", nil, 15 * s, 30 * s},
		{"a redirect to the same place", "307 Location=/here;200", nil, "", []string{"POST /drain", "POST /here"}, 0, 0},
		{"a redirect that changes the method", "302 Location=/here;200", nil, "302 Found, a redirect to http://app:8080/here that is not followed", []string{"POST /drain"}, 0, 0},
		{"a redirect elsewhere", "307 Location=http://other:8080/x;200", nil, "a redirect to http://other:8080/x that is not followed", []string{"POST /drain"}, 0, 0},
		{"a redirect to https", "307 Location=https://app:8080/x;200", nil, "that is not followed", []string{"POST /drain"}, 0, 0},

		{"202 without a Location", "202", nil, "", []string{"POST /drain"}, 0, 0},
		{"202 with a Location", "202 Location=/job/1;202;202;200", nil, "", []string{"POST /drain", "GET /job/1", "GET /job/1", "GET /job/1"}, 200 * ms, 2 * s},
		{"202 with a relative Location", "202 Location=job?id=1;200", nil, "", []string{"POST /drain", "GET /job?id=1"}, 0, 0},
		{"202 with a whole Location", "202 Location=http://app:8080/job;204", nil, "", []string{"POST /drain", "GET /job"}, 0, 0},
		{"202 in other letters", "202 Location=http://APP:8080/job;204", nil, "", []string{"POST /drain", "GET /job"}, 0, 0},
		{"202 with Retry-After", "202 Location=/job;202 Retry-After=5;200", nil, "", []string{"POST /drain", "GET /job", "GET /job"}, 5 * s, 5 * s},
		{"202 with a Location elsewhere", "202 Location=http://other:8080/job", nil, "at another place, where it is not followed: http://other:8080", []string{"POST /drain"}, 0, 0},
		{"202 with a Location at another port", "202 Location=http://app:9/job", nil, "at another place", []string{"POST /drain"}, 0, 0},
		{"202 with a Location that is none", "202 Location=http://[::1/job", nil, "a Location that cannot be read", []string{"POST /drain"}, 0, 0},
		{"the job fails", "202 Location=/job;202;410", nil, "410 Gone", []string{"POST /drain", "GET /job", "GET /job"}, 100 * ms, s},
		{"the job is not to be seen for a moment", "202 Location=/job;503;0;200", nil, "", []string{"POST /drain", "GET /job", "GET /job", "GET /job"}, 100 * ms, 2 * s},
		{"the job redirects to its outcome", "202 Location=/job;303 Location=/outcome;200", nil, "", []string{"POST /drain", "GET /job", "GET /outcome"}, 0, 0},
		{"the job redirects, as expected", "202 Location=/job;303 Location=/outcome;200", func(c *Call) { c.Expect = web.Statuses{"303"} }, "", []string{"POST /drain", "GET /job"}, 0, 0},
		{"a job for ever", "202 Location=/job;202", nil, "202 Accepted", nil, 15 * s, 30 * s},
		{"202 is what is expected of the call, and its job is done", "202 Location=/job;200", func(c *Call) { c.Expect = web.Statuses{"202"} }, "", []string{"POST /drain", "GET /job"}, 0, 0},
		{"202 is what is expected of the call, and its job fails", "202 Location=/job;410", func(c *Call) { c.Expect = web.Statuses{"202"} }, "410 Gone, expected 202,2xx", nil, 0, 0},
		{"202 and another are expected, and the job ends in that", "202 Location=/job;409", func(c *Call) { c.Expect = web.Statuses{"202", "409"} }, "", nil, 0, 0},
		{"another is expected, and the job ends in 200", "202 Location=/job;200", func(c *Call) { c.Expect = web.Statuses{"204"} }, "200 OK, expected 204", nil, 0, 0},
		{"202 is what is expected, and polled all the same", "202 Location=/job;202", func(c *Call) { c.Expect = web.Statuses{"202"} }, "202 Accepted", nil, 15 * s, 30 * s},

		{"JSON", "200", func(c *Call) { c.Request.Body = []byte(`{"a":1}`) }, "", []string{`POST /drain application/json {"a":1}`}, 0, 0},
		{"text", "200", func(c *Call) { c.Request.Body = []byte(`a=1`) }, "", []string{`POST /drain  a=1`}, 0, 0},
		{"JSON with a type of its own", "200", func(c *Call) {
			c.Request.Body = []byte(`"SHUTTING_DOWN"`)
			c.Request.Header.Set("content-type", "text/x")
		}, "", []string{`POST /drain text/x "SHUTTING_DOWN"`}, 0, 0},
		{"the body is sent with each try", "503;200", func(c *Call) { c.Request.Body = []byte(`1`) }, "", []string{"POST /drain application/json 1", "POST /drain application/json 1"}, 100 * ms, s},
		{"a file that is missing", "200", func(c *Call) { c.BodyFile = "/nowhere/body" }, "body: open /nowhere/body", []string{}, 0, 0},
		{"a file that may have no end", "200", func(c *Call) { c.BodyFile = "/dev/null" }, "body: /dev/null: expected a file, found a device", []string{}, 0, 0},
		{"a URL that cannot be used", "200", func(c *Call) { c.Request.URL = "http://app:80:80/" }, "the URL cannot be used", []string{}, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inStreet(t, test.answers, func(t *testing.T, st *street) {
				if test.set != nil {
					test.set(&st.call)
				}
				took, err := st.within(t, 30*s, st.call.Run)
				testexpect.Error(t, err, test.err)
				testexpect.Took(t, took, test.least, test.most)
				same := slices.EqualFunc(st.app.got, test.got, strings.HasPrefix)
				if test.got != nil && !same {
					t.Errorf("requests %q, want %q", st.app.got, test.got)
				}
				failed := slices.ContainsFunc(strings.Split(test.answers, ";"), func(one string) bool { return one < "2" || one > "4" })
				if st.log.Count("trying again") > 0 && !failed {
					t.Errorf("nothing failed, and the log says\n%s", st.log)
				}
				for _, h := range st.app.header {
					if h.Get("Authorization") != "Bearer hush" || h.Get("X-Hook") != "yes" {
						t.Errorf("Authorization %q, X-Hook %q", h.Get("Authorization"), h.Get("X-Hook"))
					}
				}
				if len(st.other.got) > 0 {
					t.Errorf("the other host got %q", st.other.got)
				}
			})
		})
	}
}

func TestCallRefusedIsTriedAgain(t *testing.T) {
	t.Parallel()
	inStreet(t, "200", func(t *testing.T, st *street) {
		st.net.close("app:8080")
		time.AfterFunc(4*s, func() { st.net.serve(t, "app:8080", st.app) })
		took, err := st.within(t, 30*s, st.call.Run)
		testexpect.Error(t, err, "")
		testexpect.Took(t, took, 4*s, 12*s)
	})
	inStreet(t, "200", func(t *testing.T, st *street) {
		st.net.close("app:8080")
		_, err := st.within(t, s, st.call.Run)
		testexpect.Error(t, err, "connection refused")
		if st.log.Count("trying again") > 0 {
			t.Errorf("with 1 s there is one try:\n%s", st.log)
		}
	})
}

// A request that was sent is not sent again because it is slow.
func TestCallTimeout(t *testing.T) {
	t.Parallel()
	inStreet(t, "200", func(t *testing.T, st *street) {
		hung := make(chan struct{})
		t.Cleanup(func() { close(hung) })
		st.net.serve(t, "app:8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-hung:
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // who closes a connection may yet read an answer
			}
		}))
		st.call.Timeout = 2 * s
		took, err := st.within(t, 12*s, st.call.Run)
		testexpect.Error(t, err, "no complete answer in time (2s)")
		testexpect.Took(t, took, 2*s, 2*s)
		st.call.Timeout = 0
		took, err = st.within(t, 12*s, st.call.Run)
		testexpect.Error(t, err, "share used up: the request was sent, and no complete answer in time")
		testexpect.Took(t, took, 12*s, 12*s)
	})
}

// A file is read when the call is made, not before.
func TestCallBodyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "body")
	inStreet(t, "503;200", func(t *testing.T, st *street) {
		st.call.BodyFile = file
		if err := os.WriteFile(file, []byte(`["late"]`), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := st.within(t, 30*s, st.call.Run)
		testexpect.Error(t, err, "")
		if want := `POST /drain application/json ["late"]`; st.app.got[len(st.app.got)-1] != want {
			t.Errorf("got %q, want %q", st.app.got, want)
		}
	})
}

func TestCallCheck(t *testing.T) {
	t.Parallel()
	inStreet(t, "200", func(t *testing.T, st *street) {
		_, err := st.within(t, 30*s, checking(&st.call))
		testexpect.Error(t, err, "")
		if len(st.app.got) > 0 || st.log.Count("connected to ") != 1 || st.log.Count("credentials read") != 1 {
			t.Errorf("requests %q, log\n%s", st.app.got, st.log)
		}
		st.net.close("app:8080")
		_, err = st.within(t, 30*s, checking(&st.call))
		testexpect.Error(t, err, "connection refused")
	})
}

func TestCallCheckReadsFiles(t *testing.T) {
	t.Parallel()
	body := filepath.Join(t.TempDir(), "body")
	inStreet(t, "200", func(t *testing.T, st *street) {
		st.call.BodyFile = body
		_, err := st.within(t, 30*s, checking(&st.call))
		testexpect.Error(t, err, "body: open "+body+": no such file")
		if err := os.WriteFile(body, []byte("hush"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = st.within(t, 30*s, checking(&st.call))
		testexpect.Error(t, err, "")
		if st.log.Count("body read") != 1 || st.log.Count("hush") > 0 {
			t.Errorf("the log is\n%s", st.log)
		}
		unread := func() (string, error) { return "", errors.New("open /token: permission denied") }
		st.call.Client = st.net.client(t, web.Token("/token", unread))
		_, err = st.within(t, 30*s, checking(&st.call))
		testexpect.Error(t, err, "http://app:8080: open /token: permission denied")
		if len(st.app.got) > 0 || st.log.Count("credentials read") != 1 {
			t.Errorf("requests %q, log\n%s", st.app.got, st.log)
		}
	})
}

func TestApp(t *testing.T) {
	t.Parallel()
	inStreet(t, "503;202 Location=/job;200", func(t *testing.T, st *street) {
		a := &App{Call: st.call, Notice: Notice{Type: "restart", Reason: "preStop", Pod: `we"b-0`}, End: time.Now().Add(24900 * time.Millisecond)}
		a.Call.Request.Method = ""
		_, err := st.within(t, 30*s, a.Run)
		testexpect.Error(t, err, "")
		const notice = `POST /drain application/json {"type":"restart","reason":"preStop","pod":"we\"b-0","remainingSeconds":24}`
		if want := []string{notice, notice, "GET /job"}; !slices.Equal(st.app.got, want) {
			t.Errorf("got  %q\nwant %q", st.app.got, want)
		}
		if a.Call.Request.Body != nil {
			t.Error("the App itself was changed")
		}
	})
	inStreet(t, "200", func(t *testing.T, st *street) {
		a := &App{Call: st.call, Notice: Notice{RemainingSeconds: 7}, End: time.Now().Add(-s)}
		_, err := st.within(t, 30*s, a.Run)
		testexpect.Error(t, err, "")
		var n Notice
		if err := json.Unmarshal([]byte(st.app.got[0][strings.Index(st.app.got[0], "{"):]), &n); err != nil || n.RemainingSeconds != 0 {
			t.Errorf("%q: %v", st.app.got, err)
		}
		_, err = st.within(t, 30*s, checking(a))
		testexpect.Error(t, err, "")
		if len(st.app.got) != 1 {
			t.Errorf("Check asked %q", st.app.got)
		}
	})
}

func TestEndOf(t *testing.T) {
	t.Parallel()
	tests := map[string]step.Ends{
		"http://localhost:8080/actuator/shutdown":                    step.EndsProcess,
		"http://localhost:8080/actuator/shutdown/":                   step.EndsProcess,
		"http://localhost:8080/app/actuator/shutdown?x=y":            step.EndsProcess,
		"http://localhost:15020/quitquitquit":                        step.EndsProcess,
		"http://localhost:2019/stop":                                 step.EndsProcess,
		"http://localhost:8080/stop":                                 step.EndsNothing,
		"http://localhost:2019/stopped":                              step.EndsNothing,
		"http://localhost:9901/drain_listeners?graceful":             step.EndsListening,
		"http://localhost:9901/drain_listeners?graceful&inboundonly": step.EndsListening,
		"http://localhost:9901/drain_listeners?graceful&skip_exit":   step.EndsNothing,
		"http://localhost:9901/drain_listeners":                      step.EndsListening,
		"http://localhost:8080/actuator/shutdown-gently":             step.EndsNothing,
		"http://localhost:8080/actuator/serviceregistry":             step.EndsNothing,
		"http://localhost:8080/?next=/actuator/shutdown":             step.EndsNothing,
		"http://localhost:8080/actuator":                             step.EndsNothing,
		"http://localhost:8080":                                      step.EndsNothing,
		"http://localhost:8080/actuator/shutdown/requests":           step.EndsNothing,
	}
	for text, want := range tests {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := endOf(u); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestCallGives(t *testing.T) {
	t.Parallel()
	place, err := jsonpath.Parse(".node.id")
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("it is empty")
	for _, test := range []struct {
		name, body string
		gives      error
		value      any    // what was given
		err        string // empty: done
	}{
		{"a value", `{"node":{"id":"a-1"}}`, nil, "a-1", ""},
		{"another place", `{"node":{}}`, nil, nil, "http://app:8080: no "},
		{"no JSON", `<html>`, nil, nil, "http://app:8080: no "},
		{"nothing", "", nil, nil, "http://app:8080: no "},
		{"more than is read", `{"node":{"id":"` + strings.Repeat("a", web.MaxBody) + `"}}`, nil, nil, "the answer is longer than 1 MiB"},
		{"a list", `{"node":{"id":[]}}`, nil, nil, "expected a single value"},
		{"a value that is refused", `{"node":{"id":""}}`, refused, "", "http://app:8080: it is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inStreet(t, "200", func(t *testing.T, st *street) {
				st.app.answers[0].body = test.body
				var given any
				st.call.Value, st.call.Give = place, func(value any) error { given = value; return test.gives }
				_, err := st.within(t, 10*time.Second, st.call.Run)
				if given != test.value {
					t.Errorf("given %v, want %v", given, test.value)
				}
				if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
			})
		})
	}
}
