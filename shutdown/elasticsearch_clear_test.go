package shutdown

import (
	"net/http"
	"slices"
	"testing"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testexpect"
)

func TestClear(t *testing.T) {
	t.Parallel()
	const (
		ours  = "prestop: pod ns/es-0 is stopping, id uid-1"
		older = "prestop: pod ns/es-0 is stopping, id uid-0"
	)
	put := func(w *world, id, reason string) { w.Put(fakees.Record{NodeID: id, Reason: reason}) }
	tests := []struct {
		name  string
		setup func(*testing.T, *world)
		err   string
		left  []string // the reasons of the records that stay, in order
		log   string
	}{
		{"no record", func(t *testing.T, w *world) {}, "", nil, ""},
		{"this pod's", func(t *testing.T, w *world) { put(w, w.own.ID, ours) }, "", nil, "record removed"},
		{"an older pod's", func(t *testing.T, w *world) { put(w, w.own.ID, older) }, "", nil, "record removed"},
		{"somebody else's", func(t *testing.T, w *world) { put(w, w.own.ID, "operator") }, "", []string{"operator"}, "somebody else's and stays"},
		{"other pods'", func(t *testing.T, w *world) {
			put(w, w.Nodes()[0].ID, "prestop: pod ns/es-00 is stopping, id uid-1")
			put(w, "ghost", "prestop: pod other/es-0 is stopping, id uid-1")
		}, "", []string{"prestop: pod ns/es-00 is stopping, id uid-1", "prestop: pod other/es-0 is stopping, id uid-1"}, ""},
		{"the node came back with another id", func(t *testing.T, w *world) {
			put(w, w.own.ID, older)
			w.RestartNode("es-0", false)
		}, "", nil, "record removed"},
		{"ghosts, and a record of its own", func(t *testing.T, w *world) {
			put(w, "ghost-1", older)
			put(w, "ghost-2", older)
			put(w, w.own.ID, ours)
			put(w, "ghost-3", "operator")
		}, "", []string{"operator"}, "record removed"},
		{"a ghost that is a member", func(t *testing.T, w *world) {
			other := w.AddNode(fakees.Node{Name: "renamed"})
			put(w, other.ID, older)
		}, "", []string{older}, ""},
		{"a ghost, and no telling whether it is a member", func(t *testing.T, w *world) {
			put(w, "ghost", older)
			w.Fail(fakees.Fault{On: fakees.NodesInfo, Skip: 1, Effect: fakees.BadGateway()})
		}, "502", []string{older}, ""},
		{"a ghost, and an answer that says nothing", func(t *testing.T, w *world) {
			put(w, "ghost", older)
			w.Fail(fakees.Fault{On: fakees.NodesInfo, Skip: 1, Effect: fakees.Body(200, "application/json", "[]")})
		}, "unreadable", []string{older}, ""},
		{"a ghost that does not reply", func(t *testing.T, w *world) {
			other := w.AddNode(fakees.Node{Name: "renamed"})
			put(w, other.ID, older)
			w.Silence("renamed", true)
		}, "did not reply", []string{older}, ""},
		{"replaced before the DELETE", func(t *testing.T, w *world) {
			put(w, w.own.ID, older)
			w.OnAnswer(func(r fakees.Request) {
				if r.Path == "/_nodes/shutdown" {
					put(w, w.own.ID, "operator")
				}
			})
		}, "", []string{"operator"}, ""},
		{"gone before the DELETE", func(t *testing.T, w *world) {
			put(w, w.own.ID, older)
			w.OnAnswer(func(r fakees.Request) {
				if r.Path == "/_nodes/shutdown" {
					w.Delete(w.own.ID)
				}
			})
		}, "", nil, ""},
		{"gone at the DELETE", func(t *testing.T, w *world) {
			put(w, w.own.ID, older)
			w.OnRequest(func(r fakees.Request) {
				if r.API == fakees.DeleteShutdown {
					w.Delete(w.own.ID)
				}
			})
		}, "", nil, ""},
		{"replaced while the DELETE failed", func(t *testing.T, w *world) {
			put(w, w.own.ID, older)
			w.Fail(fakees.Fault{On: fakees.DeleteShutdown, Times: 1, Effect: func(x *fakees.Exchange) {
				put(w, w.own.ID, "operator")
				fakees.NoMaster()(x)
			}})
		}, "not removed", []string{"operator"}, ""},
		{"the DELETE is refused", func(t *testing.T, w *world) {
			put(w, w.own.ID, older)
			w.Fail(fakees.Fault{On: fakees.DeleteShutdown, Effect: fakees.Forbidden()})
		}, "the record was not removed: http://127.0.0.1:9200: 403", []string{older}, ""},
		{"the DELETE is not acknowledged", func(t *testing.T, w *world) {
			put(w, w.own.ID, older)
			w.Fail(fakees.Fault{On: fakees.DeleteShutdown, Effect: fakees.Body(200, "text/html", "<html>")})
		}, "not removed", []string{older}, ""},
		{"the node is not back yet", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.net.close(ownAddress)
		}, "connection refused", []string{ours}, ""},
		{"the node is no member yet", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.RemoveNode("es-0")
		}, "EOF", []string{ours}, ""},
		{"another node answers at its address", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.net.serve(t, ownAddress, w.NodeHandler("es-1"))
		}, "answers for another node than es-0", []string{ours}, ""},
		{"it answers at the pod's address", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.es.Own = append(w.es.Own, w.place(t, podAddress))
			w.net.serve(t, ownAddress, w.NodeHandler("es-1"))
			w.net.serve(t, podAddress, w.NodeHandler("es-0"))
		}, "", nil, "record removed"},
		{"no master", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.LoseMaster()
		}, "no elected master", []string{ours}, ""},
		{"no privilege", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.Fail(fakees.Fault{On: fakees.GetShutdown, Effect: fakees.Forbidden()})
		}, "needs the cluster privilege manage", []string{ours}, ""},
		{"records that cannot be read", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.Fail(fakees.Fault{On: fakees.GetShutdown, Effect: fakees.Malformed()})
		}, "unreadable", []string{ours}, ""},
		{"a record that cannot be read again", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.Fail(fakees.Fault{On: fakees.GetShutdown, Skip: 1, Effect: fakees.Malformed()})
		}, "unreadable", []string{ours}, ""},
		{"no name", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.es.Node = ""
		}, "POD_NAME", []string{ours}, ""},
		{"a name that means others", func(t *testing.T, w *world) {
			put(w, w.own.ID, ours)
			w.es.Node = "*"
		}, "cannot be looked up", []string{ours}, ""},
	}
	for _, version := range []string{"7.15.2", "8.2.0", "8.9.0", "9.4.0"} {
		for _, test := range tests {
			t.Run(version+" "+test.name, func(t *testing.T) {
				t.Parallel()
				inWorld(t, version, func(t *testing.T, w *world) {
					w.net.serve(t, serviceAddress, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						t.Errorf("the Service was asked for %s", r.URL)
					}))
					test.setup(t, w)
					took, err := w.within(t, 5*s, w.es.Clear)
					if test.name == "no master" && version != "9.4.0" {
						test.err = "share used up" // the server holds the request for longer than we wait
					}
					testexpect.Error(t, err, test.err)
					if err == nil {
						testexpect.Took(t, took, 0, 0)
					}
					var left []string
					for _, r := range w.Records() {
						left = append(left, r.Reason)
					}
					slices.Sort(left)
					if !slices.Equal(left, test.left) {
						t.Errorf("left: %q, want %q", left, test.left)
					}
					if test.log != "" && w.log.Count(test.log) == 0 {
						t.Errorf("no %q in\n%s", test.log, w.log)
					}
				})
			})
		}
	}
}

// A server without the API has no records.
func TestClearWithoutTheAPI(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"7.10.2", "opensearch 2.19.0"} {
		inWorld(t, version, func(t *testing.T, w *world) {
			_, err := w.within(t, 5*s, w.es.Clear)
			testexpect.Error(t, err, "")
			if n := w.Count(fakees.DeleteShutdown); n > 0 || w.log.Count("nothing to clear") != 1 {
				t.Errorf("%d DELETEs; the log is\n%s", n, w.log)
			}
		})
	}
}

// From the hook to the node's return: the readiness port opens again.
func TestClearAfterRun(t *testing.T) {
	t.Parallel()
	for _, keepID := range []bool{true, false} {
		inWorld(t, "9.4.0", func(t *testing.T, w *world) {
			_, err := w.run(t)
			testexpect.Error(t, err, "")
			if w.ReadinessOpen("es-0") {
				t.Error("the readiness port is open while the shutdown is registered")
			}
			w.RestartNode("es-0", keepID)
			w.es.Pod.ID = "uid-2"
			_, err = w.within(t, 5*s, w.es.Clear)
			testexpect.Error(t, err, "")
			if !w.ReadinessOpen("es-0") || len(w.Records()) > 0 {
				t.Errorf("records: %+v", w.Records())
			}
		})
	}
}
