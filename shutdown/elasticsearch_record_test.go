package shutdown

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testexpect"
)

func TestRegisterSends(t *testing.T) {
	t.Parallel()
	const reason = `"reason":"prestop: pod ns/es-0 is stopping, id uid-1"`
	tests := []struct {
		name string
		set  func(*Elasticsearch)
		body string
	}{
		{"restart", func(e *Elasticsearch) {}, `{"type":"restart",` + reason + `}`},
		{"restart with a delay", func(e *Elasticsearch) { e.AllocationDelay = 90 * s }, `{"type":"restart",` + reason + `,"allocation_delay":"90s"}`},
		{"restart with a long delay", func(e *Elasticsearch) { e.AllocationDelay = 48 * time.Hour }, `{"type":"restart",` + reason + `,"allocation_delay":"172800s"}`},
		{"restart with what others need", func(e *Elasticsearch) { e.TargetNode = "es-1" }, `{"type":"restart",` + reason + `}`},
		{"remove", func(e *Elasticsearch) { e.Type, e.AllocationDelay = "remove", 90*s }, `{"type":"remove",` + reason + `}`},
		{"replace", func(e *Elasticsearch) { e.Type, e.TargetNode, e.AllocationDelay = "replace", "es-1", 90*s }, `{"type":"replace",` + reason + `,"target_node_name":"es-1"}`},
		{"sigterm", func(e *Elasticsearch) { e.Type, e.End = "sigterm", time.Now().Add(47900*time.Millisecond) }, `{"type":"sigterm",` + reason + `,"grace_period":"47s"}`},
		{"sigterm with no time left", func(e *Elasticsearch) { e.Type, e.End = "sigterm", time.Now().Add(-s) }, `{"type":"sigterm",` + reason + `,"grace_period":"1s"}`},
		{"no namespace", func(e *Elasticsearch) { e.Pod.Namespace = "" }, `{"type":"restart","reason":"prestop: pod es-0 is stopping, id uid-1"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, "9.4.0", func(t *testing.T, w *world) {
				test.set(w.es)
				_, err := w.run(t)
				testexpect.Error(t, err, "")
				w.expectPuts(t, 1)
				var order []string
				for _, r := range w.Requests() {
					order = append(order, r.Method)
					if r.API != fakees.PutShutdown {
						continue
					}
					if r.Body != test.body || r.Header.Get("Content-Type") != "application/json" {
						t.Errorf("PUT %s\nwant %s", r.Body, test.body)
					}
				}
				if got := strings.Join(order, " "); !strings.HasPrefix(got, "GET GET PUT GET") {
					t.Errorf("asked %s; the record is not read before it is written", got)
				}
			})
		})
	}
}

func TestRegisterLeavesOrReplaces(t *testing.T) {
	t.Parallel()
	const ours = "prestop: pod ns/es-0 is stopping, id uid-1"
	tests := []struct {
		name, kind, reason string // of the record that is there
		puts               int
		log                string
	}{
		{"none", "", "", 1, "registering"},
		{"ours", "RESTART", ours, 0, "going on from there"},
		{"ours, of another type", "REMOVE", ours, 1, "registering"},
		{"an older pod's", "RESTART", "prestop: pod ns/es-0 is stopping, id uid-0", 1, "registering"},
		{"an older pod's, of another type", "REMOVE", "prestop: pod ns/es-0 is stopping, id uid-0", 1, "registering"},
		{"another pod's", "RESTART", "prestop: pod ns/es-00 is stopping, id uid-1", 0, "somebody else"},
		{"another namespace's", "RESTART", "prestop: pod other/es-0 is stopping, id uid-1", 0, "somebody else"},
		{"the operator's", "RESTART", "pre-stop hook", 0, "somebody else"},
		{"the operator's remove", "REMOVE", "es-0 is scaled down", 0, "somebody else"},
		{"without a reason", "RESTART", "", 0, "somebody else"},
		{"cited by somebody else", "RESTART", "see: " + ours, 0, "somebody else"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, "9.4.0", func(t *testing.T, w *world) {
				want := test.reason
				if test.kind != "" {
					w.Put(fakees.Record{NodeID: w.own.ID, Type: test.kind, Reason: test.reason})
				}
				if test.puts > 0 {
					want = ours
				}
				w.Script("", fakees.InProgress.For(4))
				took, err := w.run(t)
				testexpect.Error(t, err, "")
				testexpect.Took(t, took, s, 10*s)
				w.expectPuts(t, test.puts)
				if r, _ := w.Record(w.own.ID); r.Reason != want {
					t.Errorf("the record's reason is %q, want %q", r.Reason, want)
				}
				if w.log.Count(test.log) != 1 {
					t.Errorf("%q is not said once:\n%s", test.log, w.log)
				}
			})
		})
	}
}

// While a PUT is tried again, be it by way of another place, somebody else's record may have come.
func TestRegisterReadsAgainBeforeItWritesAgain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		node   string // whose PUT fails
		effect fakees.Effect
	}{
		"own node reset, the Service goes on": {"es-0", fakees.Reset()},
		"no master, asked again":              {"", fakees.NoMaster()},
		"hangs":                               {"es-0", fakees.Hang()},
		"empty answer":                        {"", fakees.Body(200, "application/json", "{}")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, "9.4.0", func(t *testing.T, w *world) {
				foreign := fakees.Record{NodeID: w.own.ID, Type: "REMOVE", Reason: "operator"}
				w.Fail(fakees.Fault{On: fakees.PutShutdown, Node: test.node, Effect: test.effect})
				w.OnRequest(func(r fakees.Request) {
					if r.API == fakees.PutShutdown {
						w.Put(foreign)
					}
				})
				_, err := w.run(t)
				testexpect.Error(t, err, "")
				w.expectPuts(t, 1)
				if r, _ := w.Record(w.own.ID); r.Reason != foreign.Reason {
					t.Errorf("the record is %+v", r)
				}
				if w.log.Count("somebody else") != 1 {
					t.Errorf("the log is\n%s", w.log)
				}
			})
		})
	}
}

func TestRegisterWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	applyAndHang := func(x *fakees.Exchange) {
		x.Answer()
		fakees.Hang()(x)
	}
	effects := map[string]fakees.Effect{
		"reset": fakees.LoseAnswer(), "cut off": fakees.CutBody(), "half": fakees.Malformed(), "hangs": applyAndHang, "hangs in the body": fakees.HangInBody(),
	}
	for name, effect := range effects {
		for _, kind := range []string{"restart", "sigterm"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				inWorld(t, "9.4.0", func(t *testing.T, w *world) {
					w.es.Type = kind
					w.Script("", fakees.InProgress.For(2))
					w.Fail(fakees.Fault{On: fakees.PutShutdown, Effect: effect})
					_, err := w.run(t)
					testexpect.Error(t, err, "")
					w.expectPuts(t, 1)
				})
			})
		}
	}
}

func TestRegisterAgainWhenItWasNotApplied(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.Fail(fakees.Fault{On: fakees.PutShutdown, Times: 3, Effect: fakees.Reset()})
		_, err := w.run(t)
		testexpect.Error(t, err, "")
		w.expectPuts(t, 4)
	})
}

// A second delivery of the hook goes on where the first was cut.
func TestRegisterOnceForTwoDeliveries(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.es.Type = "remove"
		w.Script("", fakees.InProgress.For(8))
		_, err := w.within(t, 3*s, w.es.Run)
		testexpect.Error(t, err, "the shutdown is IN_PROGRESS")
		_, err = w.run(t)
		testexpect.Error(t, err, "")
		w.expectPuts(t, 1)
	})
}

// Elasticsearch takes one unit, and no fractions.
func TestTimeValue(t *testing.T) {
	t.Parallel()
	tests := map[time.Duration]string{0: "0s", 90 * s: "90s", 1500 * time.Millisecond: "1500ms", 366 * 24 * time.Hour: "31622400s"}
	for d, want := range tests {
		if got := timeValue(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// What the server may wait for a master is less than what we wait for the server.
func TestMasterTimeoutIsBelowOurs(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.LoseMaster()
		w.OnAnswer(func(r fakees.Request) {
			if r.API == fakees.GetShutdown && r.Status != 503 {
				t.Errorf("%s?%s was given up after %v: status %d", r.Path, r.Query, time.Since(r.At), r.Status)
			}
		})
		_, err := w.run(t)
		testexpect.Error(t, err, "no elected master")
		for _, r := range w.Requests() {
			query, _ := url.ParseQuery(r.Query)
			if want := r.API&fakees.Shutdown != 0; want != (query.Get("master_timeout") != "") {
				t.Errorf("%s?%s", r.Path, r.Query)
			}
			if query.Has("timeout") {
				t.Errorf("timeout is sent: %s", r.Query)
			}
		}
	})
}

// An integer and one unit, and nothing is cut off.
func TestAllocationDelayBelowASecond(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Millisecond: "1ms", 1500 * time.Millisecond: "1500ms", 90 * time.Second: "90s"} {
		c := newCluster(&Elasticsearch{Type: "restart", AllocationDelay: d}, quietLog)
		if got := c.registration().AllocationDelay; got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
