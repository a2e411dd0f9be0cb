package fakees

import (
	"net/http"
	"net/url"
	"strings"
)

// An API is what a request asks for, or several such: the values can be combined with |.
type API uint

// The calls that are known. Method and path alone decide which call it is, even if this version refuses
// it.
const (
	Root           API = 1 << iota // GET /
	NodesInfo                      // GET /_nodes…
	ClusterState                   // GET /_cluster/state/nodes
	CatNodes                       // GET /_cat/nodes
	PutShutdown                    // PUT /_nodes/{id}/shutdown
	GetShutdown                    // GET /_nodes/{id}/shutdown, /_nodes/shutdown
	DeleteShutdown                 // DELETE /_nodes/{id}/shutdown
	Other                          // anything else

	Shutdown     = PutShutdown | GetShutdown | DeleteShutdown
	NeedsMaster  = Shutdown | ClusterState | CatNodes
	TripsBreaker = GetShutdown | CatNodes // what the circuit breaker may refuse
)

// A route is what a path means, whatever the method.
type route struct {
	api     map[string]API // by method
	node    string         // {id}, or a list of node specifications
	metrics string
}

// find reads a path as it was sent: an empty part counts, and an escaped slash does not separate parts.
func find(u *url.URL) route {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			parts[i] = plain
		}
	}
	switch {
	case len(parts) == 1 && parts[0] == "":
		return route{api: map[string]API{http.MethodGet: Root, http.MethodHead: Root}}
	case parts[0] == "_nodes":
		return findNodes(parts[1:])
	case strings.Join(parts, "/") == "_cluster/state/nodes":
		return route{api: map[string]API{http.MethodGet: ClusterState}}
	case strings.Join(parts, "/") == "_cat/nodes":
		return route{api: map[string]API{http.MethodGet: CatNodes}}
	}
	return route{}
}

func findNodes(parts []string) route {
	info := map[string]API{http.MethodGet: NodesInfo}
	switch {
	case len(parts) == 0:
		return route{api: info, node: "_all", metrics: "_all"}
	case len(parts) == 1 && parts[0] == "shutdown":
		return route{api: map[string]API{http.MethodGet: GetShutdown}}
	case len(parts) == 1 && isMetrics(parts[0]):
		return route{api: info, node: "_all", metrics: parts[0]}
	case len(parts) == 1:
		return route{api: info, node: parts[0], metrics: "_all"}
	case len(parts) == 2 && parts[1] == "shutdown":
		return route{node: parts[0], api: map[string]API{
			http.MethodPut: PutShutdown, http.MethodGet: GetShutdown, http.MethodDelete: DeleteShutdown,
		}}
	case len(parts) == 2:
		return route{api: info, node: parts[0], metrics: parts[1]}
	}
	return route{}
}

// of is the API of a method on this route.
func (r route) of(method string) API {
	if api, ok := r.api[method]; ok {
		return api
	}
	return Other
}
