package fakees

import (
	"net/http"
	"slices"
)

// A Fault is something that goes wrong with some requests.
type Fault struct {
	On     API                // which calls; all if 0
	Node   string             // only calls that the node of this name receives; all if empty
	Match  func(Request) bool // only requests that match; all if nil
	Skip   int                // let so many of them through first
	Times  int                // how many it then hits; 0: until healed
	Effect Effect             // what becomes of them
}

// An Effect decides what becomes of one request, and answers it or not.
type Effect func(*Exchange)

// An Exchange is one request under way.
type Exchange struct {
	Writer  http.ResponseWriter
	Request *http.Request // its body has been read; its context ends with the client or the cluster

	cluster *Cluster
	call    *call
	out     *statusWriter // Writer
	own     func() Answer
}

// Answer is what the cluster itself would answer. The first call of Answer carries the request out. Without
// a call, the request never happened.
func (x *Exchange) Answer() Answer { return x.own() }

// Refusal is an answer in the form of Elasticsearch's errors. reason is a string, or nil for null.
func (x *Exchange) Refusal(status int, kind string, reason any) Answer {
	return x.refusal(&apiError{status: status, kind: kind, reason: reason})
}

func (x *Exchange) refusal(e *apiError) Answer { return x.cluster.refuse(x.call, e) }

type fault struct {
	Fault
	met int
}

// Fail adds a fault. Each request suffers from the first fault that applies to it, in the order of the
// calls of Fail. When a fault is used up, the next one applies. heal ends the fault early.
func (c *Cluster) Fail(f Fault) (heal func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	added := &fault{Fault: f}
	c.faults = append(c.faults, added)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.faults = slices.DeleteFunc(c.faults, func(other *fault) bool { return other == added })
	}
}

// effectOn is what goes wrong with a request; nil: nothing goes wrong.
func (c *Cluster) effectOn(r Request) Effect {
	c.mu.Lock()
	faults := slices.Clone(c.faults)
	c.mu.Unlock()
	for _, f := range faults {
		if f.isAbout(r) && c.hits(f) {
			return f.Effect
		}
	}
	return nil
}

func (f *fault) isAbout(r Request) bool {
	return (f.On == 0 || f.On&r.API != 0) &&
		(f.Node == "" || f.Node == r.Node) &&
		(f.Match == nil || f.Match(r))
}

// hits counts a request that the fault is about, and tells whether the fault hits it.
func (c *Cluster) hits(f *fault) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.met++
	return f.met > f.Skip && (f.Times == 0 || f.met <= f.Skip+f.Times)
}
