// Package fakees is a fake Elasticsearch cluster. It answers the node shutdown API and the calls by
// which a node finds its own id, as closely to the real thing as is known, so that a client can be
// tested against every version, refusal and fault that it may meet.
//
// New makes a cluster and AddNode its nodes; NodeHandler and ServiceHandler are what an
// http.Server serves. Records, Requests and ReadinessOpen tell what came of it; Script says how a
// shutdown goes on, Fail what goes wrong.
//
// It does not index, search, elect or move anything, does no TLS (wrap the handler), and forgets
// everything when it ends. It is for tests and for examples, never for the product: it imports
// nothing of this module, and prestop must not import it.
package fakees

import (
	"context"
	"sync"
)

// A Cluster is a fake cluster: its nodes, its shutdown records, and all that was asked of it. Its
// methods may be called at any time, from several goroutines, and from the functions given to
// OnRequest.
type Cluster struct {
	version Version
	life    context.Context // ends with Close; a request's context ends with it too
	end     context.CancelFunc

	mu       sync.Mutex
	nodes    []Node
	born     int             // nodes and incarnations so far: the seed of their ids
	silent   map[string]bool // by node id
	records  map[string]*Record
	scripts  []script
	faults   []*fault
	requests []Request
	before   []func(Request)
	after    []func(Request)
	elected  chan struct{} // nil: there is a master; else closed when there is one again
	users    map[string]string
	token    string
	terse    bool
	extra    object
}

// New makes a cluster without nodes that behaves as the named version does; see ParseVersion for
// what it takes. It panics on any other, which is a mistake in the test.
func New(version string) *Cluster {
	v, err := ParseVersion(version)
	if err != nil {
		panic("fakees: " + err.Error())
	}
	life, end := context.WithCancel(context.Background())
	return &Cluster{
		version: v,
		life:    life,
		end:     end,
		silent:  map[string]bool{},
		records: map[string]*Record{},
		users:   map[string]string{},
	}
}

// Close ends all answers that are held or dripping, so that the server around the handlers can be
// closed. Close the cluster first: an httptest.Server waits for its requests.
func (c *Cluster) Close() { c.end() }

// HideDetails is http.detailed_errors.enabled: false. Errors then have no root_cause, and up to
// Elasticsearch 8 they are a mere string.
func (c *Cluster) HideDetails() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.terse = true
}

// AddField puts a field that no client can know into every answer and into every shutdown record
// that is answered, as the next release will.
func (c *Cluster) AddField(name string, value any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extra = append(c.extra, member{name, value})
}
