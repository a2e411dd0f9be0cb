package shutdown

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prestop/prestop/internal/fakees"
	"github.com/prestop/prestop/internal/testexpect"
	"github.com/prestop/prestop/internal/web"
)

// inEmptyWorld runs f in a bubble with a world without nodes. What it serves, f says.
func inEmptyWorld(t *testing.T, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, emptyWorld(t, "9.4.0")) })
}

func TestFindTheOwnNode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		setup func(*testing.T, *world)
		asked string // the nodes that were asked, in the end
		log   string
	}{
		{"at 127.0.0.1", func(t *testing.T, w *world) {
			w.net.serve(t, ownAddress, w.NodeHandler("es-0"))
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-0", ""},
		{"with the Service alone", func(t *testing.T, w *world) {
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-1", ""},
		{"127.0.0.1 is another node, the pod's address is ours", func(t *testing.T, w *world) {
			w.es.Own = append(w.es.Own, w.place(t, podAddress))
			w.net.serve(t, ownAddress, w.NodeHandler("es-2"))
			w.net.serve(t, podAddress, w.NodeHandler("es-0"))
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-2 es-0", ""},
		{"127.0.0.1 is another node, the Service knows ours", func(t *testing.T, w *world) {
			w.net.serve(t, ownAddress, w.NodeHandler("es-2"))
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-2 es-1", ""},
		{"127.0.0.1 swallows all, the Service answers", func(t *testing.T, w *world) {
			w.net.swallow(ownAddress)
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-1", ""},
		{"127.0.0.1 is something else", func(t *testing.T, w *world) {
			w.Fail(fakees.Fault{Node: "es-2", Effect: fakees.Body(404, "text/plain", "what?")})
			w.net.serve(t, ownAddress, w.NodeHandler("es-2"))
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-2 es-1", ""},
		{"the first URL is down, the second is not", func(t *testing.T, w *world) {
			w.es.Other = append(w.es.Other, w.place(t, "second:9200"))
			w.net.serve(t, "second:9200", w.ServiceHandler("es-1"))
		}, "es-1", ""},
		{"the first URL swallows all, the second answers", func(t *testing.T, w *world) {
			w.es.Other = append(w.es.Other, w.place(t, "second:9200"))
			w.net.swallow(serviceAddress)
			w.net.serve(t, "second:9200", w.ServiceHandler("es-1"))
		}, "es-1", ""},
		{"a URL with a path", func(t *testing.T, w *world) {
			w.es.Other = []Place{{URL: "http://" + serviceAddress + "/search", Client: w.net.client(t, nil)}}
			w.net.serve(t, serviceAddress, http.StripPrefix("/search", w.ServiceHandler("es-1")))
		}, "es-1", ""},
		{"names that begin alike", func(t *testing.T, w *world) {
			for _, name := range []string{"es-00", "es-01", "x-es-0", "es-0.es", "ES-0"} {
				w.AddNode(fakees.Node{Name: name})
			}
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-1", ""},
		{"another node has our name as its host", func(t *testing.T, w *world) {
			w.AddNode(fakees.Node{Name: "es-00", Host: "es-0"})
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-1", ""},
		{"two of our name, told by the address", func(t *testing.T, w *world) {
			w.AddNode(fakees.Node{Name: "es-0", IP: "10.9.9.9"})
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-1", ""},
		{"two of our name, ours has a host name", func(t *testing.T, w *world) {
			w.RemoveNode("es-0")
			w.own = w.AddNode(fakees.Node{Name: "es-0", IP: "10.244.0.1", Host: "es-0.es.svc"})
			w.AddNode(fakees.Node{Name: "es-0", IP: "10.9.9.9"})
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-1", ""},
		{"IPv6", func(t *testing.T, w *world) {
			w.RemoveNode("es-0")
			w.own = w.AddNode(fakees.Node{Name: "es-0", IP: "2001:db8::1"})
			w.AddNode(fakees.Node{Name: "es-0", IP: "2001:db8::10"})
			w.es.IP = "2001:db8:0::1"
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
		}, "es-1", ""},
		{"it joins in time", func(t *testing.T, w *world) {
			w.RemoveNode("es-0")
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
			time.AfterFunc(10*s, func() { w.AddNode(w.own) })
		}, "es-1", "no node called es-0 is in the cluster"},
		{"it replies again in time", func(t *testing.T, w *world) {
			w.Silence("es-0", true)
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
			time.AfterFunc(10*s, func() { w.Silence("es-0", false) })
		}, "es-1", "did not reply"},
		{"no master: it is found all the same", func(t *testing.T, w *world) {
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
			w.Fail(fakees.Fault{On: fakees.NeedsMaster, Times: 1, Effect: fakees.NoMaster()})
		}, "es-1", "no elected master"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inEmptyWorld(t, func(t *testing.T, w *world) {
				w.own = w.AddNode(fakees.Node{})
				w.AddNode(fakees.Node{})
				w.AddNode(fakees.Node{})
				test.setup(t, w)
				_, err := w.run(t)
				testexpect.Error(t, err, "")
				w.expectPuts(t, 1)
				var asked []string
				for _, r := range w.Requests() {
					if n := len(asked); n == 0 || asked[n-1] != r.Node {
						asked = append(asked, r.Node)
					}
				}
				if got := strings.Join(asked, " "); got != test.asked {
					t.Errorf("asked %s, want %s", got, test.asked)
				}
				if test.log != "" && w.log.Count(test.log) == 0 {
					t.Errorf("no %q in\n%s", test.log, w.log)
				}
			})
		})
	}
}

// Who asks from elsewhere, or whose own address is another node's, is told at once that there is no such node. Else it may be joining.
func TestNoNodeAtOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		setup func(*testing.T, *world)
		final bool
	}{
		"asked from elsewhere":              {func(_ *testing.T, w *world) { w.es.Away = true }, true},
		"our own address is another node's": {func(t *testing.T, w *world) { w.net.serve(t, ownAddress, w.NodeHandler("es-1")) }, true},
		"nobody is at our address":          {func(*testing.T, *world) {}, false},
	} {
		inEmptyWorld(t, func(t *testing.T, w *world) {
			w.AddNode(fakees.Node{Name: "es-1"})
			w.net.serve(t, serviceAddress, w.ServiceHandler("es-1"))
			test.setup(t, w)
			took, err := w.run(t)
			testexpect.Error(t, err, "no node called es-0 is in the cluster")
			if (took < s) != test.final {
				t.Errorf("%s: it took %s", name, took)
			}
			w.expectPuts(t, 0)
		})
	}
}

// An operator registers what it is about to stop, on every rolling update. The type that is not applied is named.
func TestOperatorsRecord(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		operator    bool
		kind        string
		level, more string
	}{
		"the operator's":               {true, "RESTART", "level=INFO", ""},
		"the operator's, another type": {true, "REMOVE", "level=INFO", "not_applied=restart"},
		"somebody's":                   {false, "RESTART", "level=WARN", ""},
		"somebody's, another type":     {false, "REMOVE", "level=WARN", "not_applied=restart"},
	} {
		inWorld(t, "9.2.0", func(t *testing.T, w *world) {
			w.es.Operator = test.operator
			w.Put(fakees.Record{NodeID: w.own.ID, Type: test.kind, Reason: "1234567"})
			_, err := w.run(t)
			testexpect.Error(t, err, "")
			w.expectPuts(t, 0)
			if w.log.Count("it is left as it is and waited for", test.level, test.more, "type="+test.kind) != 1 || test.more == "" && w.log.Count("not_applied") > 0 || test.operator && w.log.Count("level=WARN") > 0 {
				t.Errorf("%s: the log is\n%s", name, w.log)
			}
		})
	}
}

// Another node is never shut down instead.
func TestFindNeverAnotherNode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		setup func(*world)
		err   string
	}{
		{"it is not in the cluster", func(w *world) {}, "no node called es-1 is in the cluster"},
		{"a node has our name as its host", func(w *world) { w.AddNode(fakees.Node{Name: "es-12", Host: "es-1"}) }, "no node called es-1"},
		{"a node has our name as its address", func(w *world) { w.AddNode(fakees.Node{Name: "xes-1", IP: "es-1"}) }, "no node called es-1"},
		{"{}", func(w *world) {
			w.Fail(fakees.Fault{On: fakees.NodesInfo, Effect: fakees.Body(200, "application/json", "{}")})
		}, "no node called es-1"},
		{"a list", func(w *world) {
			w.Fail(fakees.Fault{On: fakees.NodesInfo, Effect: fakees.Body(200, "application/json", "[]")})
		}, "unreadable"},
		{"no JSON, and whose it is", func(w *world) {
			w.Fail(fakees.Fault{On: fakees.NodesInfo, Effect: fakees.Body(200, "text/html", "<html>")})
		}, "http://" + ownAddress + ": unreadable answer: invalid character '<' looking for beginning of value; http://" + serviceAddress + ": unreadable answer"},
		{"a long answer, and whose it is", func(w *world) {
			w.Fail(fakees.Fault{On: fakees.NodesInfo, Effect: fakees.Body(200, "application/json", strings.Repeat(" ", web.MaxBody+1))})
		}, "http://" + ownAddress + ": unreadable answer: longer than 1048576 bytes; http://" + serviceAddress + ": unreadable answer"},
		{"two of our name, and none at our address", func(w *world) {
			w.AddNode(fakees.Node{Name: "es-1", IP: "10.9.9.8"})
			w.AddNode(fakees.Node{Name: "es-1", IP: "10.9.9.9"})
		}, `2 nodes are called es-1, and the pod's address (POD_IP "10.244.0.1")`},
		{"two of our name, and both at our address", func(w *world) {
			w.AddNode(fakees.Node{Name: "es-1", IP: "10.244.0.1"})
			w.AddNode(fakees.Node{Name: "es-1", IP: "10.244.0.1"})
		}, "2 nodes are called es-1"},
		{"two of our name, and our address is not known", func(w *world) {
			w.AddNode(fakees.Node{Name: "es-1"})
			w.AddNode(fakees.Node{Name: "es-1"})
			w.es.IP = ""
		}, "2 nodes are called es-1"},
		{"it never replies", func(w *world) {
			w.AddNode(fakees.Node{Name: "es-1"})
			w.Silence("es-1", true)
		}, "did not reply"},
		{"no name", func(w *world) { w.es.Node = "" }, "expected it in POD_NAME"},
		{"all nodes", func(w *world) { w.es.Node = "_all" }, "cannot be looked up"},
		{"the node that answers", func(w *world) { w.es.Node = "_local" }, "cannot be looked up"},
		{"a pattern", func(w *world) { w.es.Node = "es-1*" }, "cannot be looked up"},
		{"another pattern", func(w *world) { w.es.Node = "es-1?" }, "cannot be looked up"},
		{"two names", func(w *world) { w.es.Node = "es-10,es-1" }, "cannot be looked up"},
		{"an attribute", func(w *world) { w.es.Node = "rack:1" }, "cannot be looked up"},
		{"a path", func(w *world) { w.es.Node = "es-10/../es-11" }, "no node called es-10/../es-11"},
		{"a query", func(w *world) { w.es.Node = "es-10/http?x=#" }, "cannot be looked up"},
		{"a space", func(w *world) { w.es.Node = "es-10 es-11" }, "no node called"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			inEmptyWorld(t, func(t *testing.T, w *world) {
				w.es.Node = "es-1"
				for _, name := range []string{"es-10", "es-11", "x-es-1", "es.1", "ES-1"} {
					w.AddNode(fakees.Node{Name: name})
				}
				w.net.serve(t, ownAddress, w.NodeHandler("es-10"))
				w.net.serve(t, serviceAddress, w.ServiceHandler("es-10", "es-11"))
				test.setup(w)
				took, err := w.run(t)
				testexpect.Error(t, err, test.err)
				testexpect.Took(t, took, 0, patience+3*s)
				if n := w.Count(fakees.PutShutdown); n > 0 {
					t.Errorf("%d PUTs", n)
				}
			})
		})
	}
}

// A name that a URL must escape is still that name.
func TestFindHostileNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"es 0", "es/0", "es%2f0", "es\"0\"\n", "http", "os", "shutdown", "é", "..", "<es>&0", "es#0"} {
		inEmptyWorld(t, func(t *testing.T, w *world) {
			w.own = w.AddNode(fakees.Node{Name: name})
			w.AddNode(fakees.Node{Name: "other"})
			w.es.Node = name
			w.net.serve(t, serviceAddress, w.ServiceHandler("other"))
			_, err := w.run(t)
			testexpect.Error(t, err, "")
			w.expectPuts(t, 1)
		})
	}
}

// What is read does not grow with the cluster.
func TestFindReadsTheSameInALargeCluster(t *testing.T) {
	t.Parallel()
	received := func(nodes int, own bool) int64 {
		var n int64
		inEmptyWorld(t, func(t *testing.T, w *world) {
			w.own = w.AddNode(fakees.Node{})
			for range nodes - 1 {
				w.AddNode(fakees.Node{})
			}
			if own {
				w.net.serve(t, ownAddress, w.NodeHandler("es-0"))
			} else {
				w.net.serve(t, serviceAddress, w.NodeHandler("es-1"))
			}
			_, err := w.run(t)
			testexpect.Error(t, err, "")
			w.expectPuts(t, 1)
			n = w.net.bytes.Load()
		})
		return n
	}
	for _, own := range []bool{true, false} {
		small, large := received(10, own), received(1000, own)
		if small != large || small > 1300 {
			t.Errorf("asking our own node %v: %d bytes of 10 nodes, %d of 1000", own, small, large)
		}
	}
}
