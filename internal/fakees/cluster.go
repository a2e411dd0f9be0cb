// Package fakees is a fake Elasticsearch cluster. It answers the node shutdown API and the calls by
// which a node finds its own id. It is as close to the real thing as is known. So a client can be
// tested against every version, refusal and fault that it may meet.
//
// New makes a cluster, and AddNode makes its nodes. An http.Server serves NodeHandler or ServiceHandler.
// Records, Requests and ReadinessOpen tell what came of it. Script says how a
// shutdown goes on, and Fail says what goes wrong.
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

// New makes a cluster without nodes that behaves like this version. ParseVersion says which versions
// there are. New panics on any other: that is a mistake in the test.
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

// Close ends all answers that are held or drip, so that the server around the handlers can be
// closed. Close the cluster before the server: an httptest.Server waits for its requests.
func (c *Cluster) Close() { c.end() }

// HideDetails is http.detailed_errors.enabled: false. Errors then have no root_cause. Up to
// Elasticsearch 8 they are only a string.
func (c *Cluster) HideDetails() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.terse = true
}

// AddField puts a field that no client can know into every answer, and into every shutdown record
// in an answer. The next release of Elasticsearch may do the same.
func (c *Cluster) AddField(name string, value any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extra = append(c.extra, member{name, value})
}
