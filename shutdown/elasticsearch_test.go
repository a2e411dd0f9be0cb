package shutdown

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testexpect"
)

func TestRunFollowsTheStatus(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	script := func(phases ...fakees.Phase) []fakees.Phase { return phases }
	stalled := func(polls int, why string) fakees.Phase {
		return fakees.Phase{Polls: polls, Shards: fakees.Stalled, ShardsRemaining: 1, Explanation: why}
	}
	tests := []struct {
		name, kind  string
		script      []fakees.Phase
		err         string
		least, most time.Duration
		log         string // with %d lines that hold it, before a space
	}{
		{"restart, complete at once", "restart", nil, "", 0, 0, "1 shutdown is COMPLETE"},
		{"remove, complete twice before it is believed", "remove", nil, "", 500 * ms, 500 * ms, "1 shutdown is COMPLETE"},
		{"remove, complete for a moment before it begins", "remove", script(fakees.Complete.For(1), fakees.InProgress.For(1)), "", 2375 * ms, 2375 * ms, "2 shutdown is COMPLETE"},
		{"remove, in progress", "remove", script(fakees.InProgress.For(2)), "", 2375 * ms, 2375 * ms, "1 shutdown is IN_PROGRESS"},
		{"remove, in progress, counting down", "remove", script(fakees.Phase{Polls: 1, Shards: fakees.InProgress, ShardsRemaining: 7}, fakees.Phase{Polls: 1, Shards: fakees.InProgress, ShardsRemaining: 3}), "", 2375 * ms, 2375 * ms, "1 shards_remaining=3"},
		{"restart, snapshots running", "restart", script(fakees.Phase{Polls: 2, SnapshotsRunning: 3}), "", 1250 * ms, 1250 * ms, "1 snapshots_running=3"},
		{"restart, plugins busy", "restart", script(fakees.Phase{Polls: 1, PluginsBusy: true}), "", 500 * ms, 500 * ms, "1 IN_PROGRESS"},
		{"restart, tasks", "restart", script(fakees.Phase{Polls: 1, TasksRemaining: 2}), "", 500 * ms, 500 * ms, "1 tasks_remaining=2"},
		{"stalled, then complete; said once", "remove", script(stalled(4, "no room")), "", 4 * s, 15 * s, "1 no room"},
		{"stalled, said again when it changes", "remove", script(stalled(2, "no room"), stalled(2, "no node")), "", 4 * s, 15 * s, "1 no node"},
		{"stalled for ever", "remove", script(stalled(0, "no\nroom")), "the shutdown is STALLED (shard migration STALLED): no room: share used up", 60 * s, 60 * s, "1 shutdown is STALLED"},
		{"in progress for ever", "remove", script(fakees.InProgress.For(0)), "the shutdown is IN_PROGRESS", 60 * s, 60 * s, "1 shutdown is IN_PROGRESS"},
		{"not started", "remove", script(fakees.NotStarted.For(0)), "NOT_STARTED", 1250 * ms, 1250 * ms, "1 shutdown is NOT_STARTED"},
		{"not started for a moment", "remove", script(fakees.NotStarted.For(2)), "", 2 * s, 3 * s, "1 shutdown is NOT_STARTED"},
		{"complete with shards left and a reason", "remove", script(fakees.Phase{Shards: fakees.Complete, ShardsRemaining: 2, Explanation: "they have a copy"}), "", 500 * ms, 500 * ms, "1 they have a copy"},
		{"replace", "replace", script(fakees.InProgress.For(1)), "", 1250 * ms, 1250 * ms, "1 shutdown is COMPLETE"},
		{"sigterm", "sigterm", script(fakees.InProgress.For(1)), "", 1250 * ms, 1250 * ms, "1 shutdown is COMPLETE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, "9.4.0", func(t *testing.T, w *world) {
				w.es.Type, w.es.TargetNode = test.kind, "es-1"
				w.Script("", test.script...)
				took, err := w.run(t)
				testexpect.Error(t, err, test.err)
				testexpect.Took(t, took, test.least, test.most)
				w.expectPuts(t, 1)
				n, text, _ := strings.Cut(test.log, " ")
				if got := fmt.Sprint(w.log.Count(text)); got != n {
					t.Errorf("%s lines hold %q, want %s:\n%s", got, text, n, w.log)
				}
			})
		})
	}
}

// What is no status of our own node, whole and readable, is never taken for its end.
func TestRunNeverTakesForDone(t *testing.T) {
	t.Parallel()
	inline := func(body string) fakees.Effect { return fakees.Body(200, "application/json", body) }
	tests := []struct {
		name   string
		answer func(id string) fakees.Effect
		err    string
	}{
		{"no record any more", func(string) fakees.Effect { return inline(`{"nodes":[]}`) }, "removed"},
		{"another node's", func(string) fakees.Effect {
			return inline(`{"nodes":[{"node_id":"other","type":"RESTART","status":"COMPLETE"}]}`)
		}, "removed"},
		{"a longer id", func(id string) fakees.Effect {
			return inline(`{"nodes":[{"node_id":"` + id + `x","type":"RESTART","status":"COMPLETE"}]}`)
		}, "removed"},
		{"nothing", func(string) fakees.Effect { return inline("") }, "unreadable"},
		{"204", func(string) fakees.Effect { return fakees.Body(204, "application/json", "") }, "unreadable"},
		{"{}", func(string) fakees.Effect { return inline("{}") }, "unreadable"},
		{"null", func(string) fakees.Effect { return inline("null") }, "unreadable"},
		{"null nodes", func(string) fakees.Effect { return inline(`{"nodes":null}`) }, "unreadable"},
		{"a list", func(string) fakees.Effect { return inline(`[{"status":"COMPLETE"}]`) }, "unreadable"},
		{"text", func(string) fakees.Effect { return inline(`"COMPLETE"`) }, "unreadable"},
		{"empty record", func(string) fakees.Effect { return inline(`{"nodes":[{}]}`) }, "unreadable"},
		{"no id", func(string) fakees.Effect { return inline(`{"nodes":[{"status":"COMPLETE"}]}`) }, "unreadable"},
		{"status of a part only", func(id string) fakees.Effect {
			return inline(`{"nodes":[{"node_id":"` + id + `","type":"RESTART","shard_migration":{"status":"COMPLETE"}}]}`)
		}, "unreadable"},
		{"status is no text", func(id string) fakees.Effect {
			return inline(`{"nodes":[{"node_id":"` + id + `","type":"RESTART","status":["COMPLETE"]}]}`)
		}, "unreadable"},
		{"unknown status", func(id string) fakees.Effect {
			return inline(`{"nodes":[{"node_id":"` + id + `","type":"RESTART","status":"NEARLY_COMPLETE"}]}`)
		}, "the shutdown is NEARLY_COMPLETE"},
		{"half of it", func(string) fakees.Effect { return fakees.Malformed() }, "unreadable"},
		{"cut off", func(string) fakees.Effect { return fakees.CutBody() }, "broke off"},
		{"never ends", func(string) fakees.Effect { return fakees.EndlessBody() }, "longer than"},
		{"nested", func(string) fakees.Effect { return fakees.Nested(5000) }, "unreadable"},
		{"nested too deep", func(string) fakees.Effect { return fakees.Nested(20000) }, "unreadable"},
		{"HTML with 200", func(string) fakees.Effect { return fakees.Body(200, "text/html", "<html>COMPLETE</html>") }, "unreadable"},
		{"HTML with 502", func(string) fakees.Effect { return fakees.BadGateway() }, "502 Bad Gateway"},
		{"drips too slowly", func(string) fakees.Effect { return fakees.DripBody(s) }, "no complete answer in time"},
		{"hangs", func(string) fakees.Effect { return fakees.Hang() }, "no complete answer in time"},
		{"hangs in the middle", func(string) fakees.Effect { return fakees.HangInBody() }, "no complete answer in time"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, "9.4.0", func(t *testing.T, w *world) {
				w.Fail(fakees.Fault{On: fakees.GetShutdown, Skip: 1, Effect: test.answer(w.own.ID)})
				took, err := w.run(t)
				testexpect.Error(t, err, test.err)
				if took > patience && !errors.Is(err, errShare) {
					t.Errorf("took %v, more than patience has", took)
				}
				w.expectPuts(t, 1)
			})
		})
	}
}

// Answers of a cluster that is in trouble for a moment do not change what comes of it.
func TestRunOutlivesTrouble(t *testing.T) {
	t.Parallel()
	effects := map[string]fakees.Effect{
		"reset": fakees.Reset(), "cut off": fakees.CutBody(), "half": fakees.Malformed(), "502": fakees.BadGateway(),
		"no master": fakees.NoMaster(), "queue full": fakees.QueueFull(), "breaker": fakees.Breaker(), "closed": fakees.NodeClosed(),
		"hang": fakees.Hang(), "401": fakees.Unauthorized(), "empty": fakees.Body(200, "application/json", "{}"),
	}
	for name, effect := range effects {
		for _, api := range []fakees.API{fakees.NodesInfo, fakees.GetShutdown, fakees.PutShutdown} {
			for skip := range 2 {
				t.Run(fmt.Sprintf("%s %d after %d", name, api, skip), func(t *testing.T) {
					t.Parallel()
					inWorld(t, "9.2.0", func(t *testing.T, w *world) {
						w.Fail(fakees.Fault{On: api, Skip: skip, Times: 2, Effect: effect})
						_, err := w.run(t)
						testexpect.Error(t, err, "")
						r, ok := w.Record(w.own.ID)
						if !ok || r.Reason != w.es.Pod.reason() {
							t.Errorf("the record is %+v", r)
						}
					})
				})
			}
		}
	}
}

func TestRunEndsWhenTheServersVanish(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.es.Type = "remove"
		w.Script("", fakees.InProgress.For(0))
		w.OnAnswer(func(r fakees.Request) {
			if w.Count(fakees.GetShutdown) == 4 && r.API == fakees.GetShutdown {
				w.net.close(ownAddress)
				w.net.close(serviceAddress)
			}
		})
		took, err := w.run(t)
		testexpect.Error(t, err, "connection refused")
		testexpect.Took(t, took, patience/2, patience+3*s)
		w.expectPuts(t, 1)
	})
}

// Our own node is still up in a preStop hook, but not for long.
func TestRunGoesOnAtTheServiceWhenTheNodeCloses(t *testing.T) {
	t.Parallel()
	inWorld(t, "9.4.0", func(t *testing.T, w *world) {
		w.es.Type = "remove"
		w.Script("", fakees.InProgress.For(6))
		w.Fail(fakees.Fault{On: fakees.GetShutdown, Node: "es-0", Skip: 3, Times: 1, Effect: fakees.NodeClosed()})
		w.OnAnswer(func(r fakees.Request) {
			if r.Status == 500 {
				w.net.close(ownAddress)
			}
		})
		_, err := w.run(t)
		testexpect.Error(t, err, "")
		w.expectPuts(t, 1)
		if n := w.log.Count("trying again"); n > 0 {
			t.Errorf("%d pauses, though the Service answers:\n%s", n, w.log)
		}
	})
}

func TestRunEndsWithItsShare(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", ownAddress, serviceAddress} {
		inWorld(t, "9.4.0", func(t *testing.T, w *world) {
			w.net.swallow(ownAddress)
			w.net.swallow(serviceAddress)
			if address != "" {
				w.net.serve(t, address, w.NodeHandler("es-0"))
			}
			_, err := w.within(t, 8*s, w.es.Run)
			if (address == "") != (err != nil) {
				t.Errorf("%q alone answers: error %v", address, err)
			}
		})
	}
}
