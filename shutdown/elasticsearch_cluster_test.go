package shutdown

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/web"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		version   string
		get, put  int // requests of each kind that are refused with 400 for their master_timeout
		types     []string
		withoutOf string
	}{
		{"7.15.2", 1, 1, []string{"restart", "remove"}, ""},
		{"7.17.28", 1, 1, []string{"restart", "remove", "replace"}, ""},
		{"8.2.3", 1, 1, []string{"restart", "remove", "replace"}, ""},
		{"8.9.0", 1, 0, []string{"restart", "remove", "replace", "sigterm"}, ""},
		{"8.17.0", 0, 0, []string{"restart", "remove", "replace", "sigterm"}, ""},
		{"9.2.0", 0, 0, []string{"restart", "remove", "replace", "sigterm"}, ""},
		{"9.2.6", 0, 0, []string{"restart", "remove", "replace", "sigterm"}, ""},
		{"9.4.0", 0, 0, []string{"restart", "remove", "replace", "sigterm"}, ""},
	}
	for _, test := range tests {
		for _, kind := range test.types {
			for _, terse := range []bool{false, true} {
				t.Run(fmt.Sprint(test.version, " ", kind, " ", terse), func(t *testing.T) {
					t.Parallel()
					inWorld(t, test.version, func(t *testing.T, w *world) {
						if terse {
							w.HideDetails()
						}
						w.AddField("shutdown_running_time", "1s")
						w.AddField("parts", []any{map[string]any{"status": "STALLED"}})
						w.es.Type, w.es.TargetNode = kind, "es-1"
						w.Script("", fakees.InProgress.For(3))
						_, err := w.run(t)
						testexpect.Error(t, err, "")
						get, put := w.answered(fakees.GetShutdown, 400), w.answered(fakees.PutShutdown, 400)
						if get != test.get || put != test.put {
							t.Errorf("%d and %d requests refused, want %d and %d", get, put, test.get, test.put)
						}
						w.expectPuts(t, 1+test.put)
						if r, _ := w.Record(w.own.ID); r.Reason != w.es.Pod.reason() {
							t.Errorf("the record is %+v", r)
						}
					})
				})
			}
		}
	}
}

// A server that cannot do it is named, at once.
func TestVersionsThatCannot(t *testing.T) {
	t.Parallel()
	tests := []struct {
		version, kind string
		err           string
		puts          int
	}{
		{"7.10.2", "restart", "Elasticsearch 7.10.2: it has no node shutdown API", 0},
		{"7.14.2", "restart", "Elasticsearch 7.14.2: it has no node shutdown API", 0},
		{"opensearch 2.19.0", "restart", "opensearch 2.19.0: it has no node shutdown API", 0},
		{"opensearch 7.10.2", "restart", "opensearch 7.10.2: it has no node shutdown API", 0},
		{"serverless", "restart", "serverless has no node shutdown API", 0},
		{"7.15.2", "replace", "the shutdown of type replace was not registered: Elasticsearch 7.15.2: http://127.0.0.1:9200: 400 Bad Request x_content_parse_exception: ", 1},
		{"7.17.0", "sigterm", "the shutdown of type sigterm was not registered: Elasticsearch 7.17.0: ", 1},
		{"8.2.0", "sigterm", "the shutdown of type sigterm was not registered: Elasticsearch 8.2.0: http://127.0.0.1:9200: 400 Bad Request x_content_parse_exception: ", 1},
		{"9.4.0", "drain", "unknown shutdown type", 1},
	}
	for _, test := range tests {
		t.Run(test.version+" "+test.kind, func(t *testing.T) {
			t.Parallel()
			inWorld(t, test.version, func(t *testing.T, w *world) {
				w.es.Type, w.es.TargetNode = test.kind, "es-1"
				took, err := w.run(t)
				testexpect.Error(t, err, test.err)
				testexpect.Took(t, took, 0, 0)
				w.expectPuts(t, test.puts)
			})
		})
	}
}

// What the server is called is worth a moment, and no more.
func TestProductIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, effect := range []fakees.Effect{fakees.Hang(), fakees.Unauthorized(), fakees.Body(200, "text/html", "<html>"), fakees.Body(200, "application/json", `{"version":7}`)} {
		inWorld(t, "7.10.2", func(t *testing.T, w *world) {
			w.Fail(fakees.Fault{On: fakees.Root, Effect: effect})
			took, err := w.run(t)
			testexpect.Error(t, err, "it has no node shutdown API")
			testexpect.Took(t, took, 0, 2*s)
		})
	}
}

// What a status says about the next try.
func TestRefusals(t *testing.T) {
	t.Parallel()
	html := func(status int) fakees.Effect { return fakees.Body(status, "text/html", "<html>") }
	const all = fakees.NodesInfo | fakees.Shutdown
	tests := []struct {
		name     string
		on       fakees.API
		effect   fakees.Effect
		err      string
		requests int           // that met it
		least    time.Duration // 0: at once
	}{
		{"401 everywhere", all, fakees.Unauthorized(), "the credentials are missing or wrong", 3, 100 * time.Millisecond},
		{"401 to the record", fakees.GetShutdown, fakees.Unauthorized(), "the credentials are missing or wrong", 3, 100 * time.Millisecond},
		{"403 to the record", fakees.GetShutdown, fakees.Forbidden(), "needs the cluster privilege manage", 1, 0},
		{"403 to the PUT", fakees.PutShutdown, fakees.Forbidden(), "needs the cluster privilege manage", 1, 0},
		{"403, read-only", fakees.GetShutdown, fakees.ReadOnly(), "the cluster is read-only", 1, 0},
		{"403 to everything", all, fakees.Forbidden(), "needs the cluster privilege manage", 2, 0},
		{"400", fakees.PutShutdown, fakees.Error(400, "illegal_argument_exception", "no"), "Elasticsearch 9.4.0: http://127.0.0.1:9200: 400 Bad Request illegal_argument_exception: no", 1, 0},
		{"404", fakees.GetShutdown, html(404), "404 Not Found", 1, 0},
		{"405", fakees.PutShutdown, html(405), "405 Method Not Allowed", 1, 0},
		{"406", fakees.PutShutdown, html(406), "406 Not Acceptable", 1, 0},
		{"410", all, fakees.Gone(), "serverless has no node shutdown API", 2, 0},
		{"redirect", fakees.PutShutdown, fakees.Redirect("http://elsewhere:9200/"), "307", 1, 0},
		{"500 for ever", fakees.GetShutdown, fakees.NodeClosed(), "node_closed_exception", 0, 20 * s},
		{"502 for ever", fakees.PutShutdown, fakees.BadGateway(), "502 Bad Gateway", 0, 20 * s},
		{"503 for ever", fakees.GetShutdown, fakees.NoMaster(), "no elected master", 0, 20 * s},
		{"429 for ever", fakees.GetShutdown, fakees.Breaker(), "circuit_breaking_exception", 0, 20 * s},
		{"reset for ever", all, fakees.Reset(), "EOF", 0, 20 * s},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, "9.4.0", func(t *testing.T, w *world) {
				met := 0
				w.Fail(fakees.Fault{On: test.on, Effect: func(x *fakees.Exchange) {
					met++
					test.effect(x)
				}})
				took, err := w.run(t)
				testexpect.Error(t, err, test.err)
				if test.requests > 0 && met != test.requests {
					t.Errorf("%d requests met it, want %d", met, test.requests)
				}
				most := patience + 3*s
				if test.least == 0 {
					most = 0
				}
				testexpect.Took(t, took, test.least, most)
			})
		})
	}
}

// The users file may be read again while we ask; three answers of 401 in a row are enough, though.
func TestUnauthorizedForAMoment(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.Fail(fakees.Fault{Times: 2, Effect: fakees.Unauthorized()})
		_, err := w.run(t)
		testexpect.Error(t, err, "")
	})
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.es.Other = nil
		w.Fail(fakees.Fault{On: fakees.NodesInfo, Effect: fakees.Unauthorized()})
		_, err := w.run(t)
		testexpect.Error(t, err, "the credentials are missing or wrong")
		if n := w.Count(0); n != 3 {
			t.Errorf("%d requests", n)
		}
	})
}

// A node that lets nobody in any more does not end the wait, as long as others do.
func TestUnauthorizedAtTheOwnNodeAlone(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.es.Type = "remove"
		w.Script("", fakees.InProgress.For(9))
		w.Fail(fakees.Fault{On: fakees.GetShutdown, Node: "es-0", Skip: 2, Effect: fakees.Unauthorized()})
		_, err := w.run(t)
		testexpect.Error(t, err, "")
		w.expectPuts(t, 1)
	})
}

func TestCredentialsAreThePlaces(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.Auth("hook", "secret")
		secret := func() (string, error) { return "secret", nil }
		for _, places := range [][]Place{w.es.Own, w.es.Other} {
			places[0].Client = w.net.client(t, web.Basic("hook", secret))
		}
		_, err := w.run(t)
		testexpect.Error(t, err, "")
		for _, r := range w.Requests() {
			if r.User != "hook" {
				t.Errorf("%s %s came from %q", r.Method, r.Path, r.User)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value       string
		least, most time.Duration
	}{
		{"4", 4 * s, 4 * s},
		{"120", 9 * s, 10 * s},
		{"0", 100 * time.Millisecond, s},
		{"soon", 100 * time.Millisecond, s},
	} {
		inWorld(t, "9.4.0", func(t *testing.T, w *world) {
			w.Fail(fakees.Fault{On: fakees.GetShutdown, Times: 2, Effect: fakees.TooManyRequests(test.value)})
			took, err := w.run(t)
			testexpect.Error(t, err, "")
			testexpect.Took(t, took, test.least, test.most)
		})
	}
}

func TestNoMaster(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"8.2.0", "9.4.0"} {
		inWorld(t, version, func(t *testing.T, w *world) {
			elect := w.LoseMaster()
			time.AfterFunc(6*s, elect)
			took, err := w.run(t)
			testexpect.Error(t, err, "")
			testexpect.Took(t, took, 6*s, 12*s)
			w.expectPuts(t, 1+w.answered(fakees.PutShutdown, 400))
		})
		inWorld(t, version, func(t *testing.T, w *world) {
			w.LoseMaster()
			took, err := w.run(t)
			testexpect.Took(t, took, patience/2, patience+3*s)
			if err == nil {
				t.Error("done without a master")
			}
			w.expectPuts(t, 0)
		})
	}
}

// An election in mid-poll is waited out, however the status stood.
func TestNoMasterInTheMiddle(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.es.Type = "remove"
		w.Script("", fakees.InProgress.For(5))
		w.OnAnswer(func(r fakees.Request) {
			if w.Count(fakees.GetShutdown) == 3 {
				time.AfterFunc(15*s, w.LoseMaster())
			}
		})
		took, err := w.run(t)
		testexpect.Error(t, err, "")
		testexpect.Took(t, took, 15*s, 30*s)
		w.expectPuts(t, 1)
	})
}

func TestMissingCertificateIsFinal(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		broken := web.New(w.net.dial, web.TLS{CAFile: "/nowhere/ca.crt"}, nil)
		for _, p := range []*Place{&w.es.Own[0], &w.es.Other[0]} {
			p.Client, p.URL = broken, strings.Replace(p.URL, "http:", "https:", 1)
		}
		took, err := w.run(t)
		testexpect.Error(t, err, "open /nowhere/ca.crt")
		testexpect.Took(t, took, 0, 0)
	})
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.es.Own[0].Client = web.New(w.net.dial, web.TLS{CAFile: "/nowhere/ca.crt"}, nil)
		w.es.Own[0].URL = strings.Replace(w.es.Own[0].URL, "http:", "https:", 1)
		_, err := w.run(t)
		testexpect.Error(t, err, "")
	})
}
