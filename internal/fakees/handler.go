package fakees

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// NodeHandler answers as one node, given by name or id. This node receives the requests to the
// handler, so _local is this node. The node is looked up with each request, and need not exist
// yet. While it is no member, connections are dropped without an answer.
func (c *Cluster) NodeHandler(nameOrID string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		node, ok := c.lookup(nameOrID)
		if !ok {
			panic(http.ErrAbortHandler)
		}
		c.serve(w, r, node)
	})
}

// ServiceHandler answers as a Service does: with one node after the other. The nodes are given by name
// or id, and must be members. If none is given, all members answer in turn. If there is no member, it drops connections.
func (c *Cluster) ServiceHandler(namesOrIDs ...string) http.Handler {
	var turn atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nodes := c.endpoints(namesOrIDs)
		if len(nodes) == 0 {
			panic(http.ErrAbortHandler)
		}
		c.serve(w, r, nodes[(turn.Add(1)-1)%uint64(len(nodes))])
	})
}

func (c *Cluster) endpoints(namesOrIDs []string) []Node {
	if len(namesOrIDs) == 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.Clone(c.nodes)
	}
	var nodes []Node
	for _, name := range namesOrIDs {
		if n, ok := c.lookup(name); ok {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// serve takes a request from its arrival to its answer.
func (c *Cluster) serve(w http.ResponseWriter, r *http.Request, by Node) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	r = r.WithContext(ctx)

	received := c.receive(by, r)
	c.tell(&c.before, received.Request)
	out := &statusWriter{ResponseWriter: w, note: func(status int) { c.note(received, status) }}
	defer func() { c.tell(&c.after, received.Request) }()
	own := sync.OnceValue(func() Answer { return c.own(r, received) })
	if effect := c.effectOn(received.Request); effect != nil {
		effect(&Exchange{Writer: out, Request: r, cluster: c, call: received, out: out, own: own})
		return
	}
	if a := own(); ctx.Err() == nil {
		a.Send(out)
	}
}

// own is the answer of the cluster itself, when no fault is in the way.
func (c *Cluster) own(r *http.Request, received *call) Answer {
	body, refusal := c.dispatch(r, received)
	if refusal != nil {
		return c.refuse(received, refusal)
	}
	return c.reply(received, body)
}

func (c *Cluster) dispatch(r *http.Request, received *call) (any, *apiError) {
	if refusal := c.checkAuth(r); refusal != nil {
		return nil, refusal
	}
	if refusal := received.checkContentType(c.version); refusal != nil {
		return nil, refusal
	}
	if received.API == Other {
		return nil, received.noHandler()
	}
	if c.version.serverless && received.API != Root {
		return nil, received.notInServerless()
	}
	if received.API&Shutdown != 0 && !c.version.hasShutdown() {
		return c.withoutShutdown(received)
	}
	if received.API != PutShutdown && received.Body != "" {
		return nil, illegal("request [" + received.Method + " " + received.path() + "] does not support having a body")
	}
	ctx := r.Context()
	if received.API == PutShutdown || received.API == DeleteShutdown {
		ctx = c.life // a call that changes the cluster goes on when the client has gone
	}
	return c.call(ctx, received)
}

func (c *Cluster) call(ctx context.Context, received *call) (any, *apiError) {
	switch received.API {
	case Root:
		return c.root(received)
	case NodesInfo:
		return c.nodesInfo(received)
	case ClusterState:
		return c.clusterState(ctx, received)
	case CatNodes:
		return c.catNodes(ctx, received)
	case PutShutdown:
		return c.putShutdown(ctx, received)
	case GetShutdown:
		return c.getShutdown(ctx, received)
	}
	return c.deleteShutdown(ctx, received)
}

// withoutShutdown is the answer of a cluster that does not know the API. For this cluster, "shutdown" is either an
// unknown metric of nodes-info, which it ignores, or the name of a node that does not exist.
func (c *Cluster) withoutShutdown(r *call) (any, *apiError) {
	if r.API != GetShutdown {
		r.route.api = map[string]API{http.MethodGet: NodesInfo}
		return nil, r.noHandler()
	}
	info := *r
	info.route.metrics = "shutdown"
	if strings.HasSuffix(r.Path, "_nodes/shutdown") {
		info.route.node, info.route.metrics = "shutdown", "_all"
	}
	return c.nodesInfo(&info)
}

// noHandler refuses an unknown path (400), or a known path with the wrong method (405).
func (r *call) noHandler() *apiError {
	if len(r.route.api) == 0 {
		return plainError(400, "no handler found for uri ["+r.uri+"] and method ["+r.Method+"]")
	}
	var allowed []string
	for method := range r.route.api {
		allowed = append(allowed, method)
	}
	slices.Sort(allowed)
	e := plainError(405, "Incorrect HTTP method for uri ["+r.uri+"] and method ["+r.Method+"], allowed: ["+
		strings.Join(allowed, ", ")+"]")
	e.header = []headerValues{{"Allow", []string{strings.Join(allowed, ",")}}}
	return e
}

func (r *call) notInServerless() *apiError {
	return &apiError{
		status: 410, kind: "api_not_available_exception",
		reason: "Request for uri [" + r.uri + "] with method [" + r.Method +
			"] exists but is not available when running in serverless mode",
	}
}

// checkContentType refuses a body whose type is missing or not JSON: 406, with a string.
func (r *call) checkContentType(v Version) *apiError {
	if r.Body == "" {
		return nil
	}
	given := r.Header.Get("Content-Type")
	mediaType, _, _ := strings.Cut(given, ";")
	switch strings.ToLower(strings.TrimSpace(mediaType)) {
	case "application/json":
		return nil
	case "application/vnd.elasticsearch+json":
		if v.since(8, 0) {
			return nil
		}
	case "":
		return plainError(406, "Content-Type header is missing")
	}
	return plainError(406, "Content-Type header ["+given+"] is not supported")
}

// A statusWriter notes the status that is sent.
type statusWriter struct {
	http.ResponseWriter
	note func(status int)
}

func (w *statusWriter) WriteHeader(status int) {
	w.note(status)
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
