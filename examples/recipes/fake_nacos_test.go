package recipes_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// A fakeNacos is a server of Nacos 2.2 and later, with instances that clients of 2.x have registered by gRPC: they belong to
// these clients' connections, so a DELETE is answered "ok" and does nothing. A PUT is answered "ok" for every address of
// a service that there is (400 where there is none), and what it says of an address outlives the instance.
type fakeNacos struct {
	heard
	service string // GROUP@@NAME; empty: none yet
	state   sync.Mutex
	enabled map[string]bool // by IP:PORT, of addresses that a PUT was about
}

func (n *fakeNacos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path != "/nacos/v2/ns/instance" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	switch r.Method {
	case http.MethodPut, http.MethodDelete:
		status, message, data := n.change(r)
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"code":%d,"message":%q,"data":%q}`, map[bool]int{false: 10000}[status == http.StatusOK], message, data)
	case http.MethodPatch:
		w.WriteHeader(http.StatusBadRequest) // it wants the weight and the metadata too
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (n *fakeNacos) change(r *http.Request) (status int, message, data string) {
	q := r.URL.Query()
	for _, name := range []string{"serviceName", "ip", "port"} {
		if q.Get(name) == "" {
			return http.StatusBadRequest, "parameter missing", "Required parameter '" + name + "' is not present"
		}
	}
	enabled, err := strconv.ParseBool(q.Get("enabled"))
	if err != nil && q.Has("enabled") {
		return http.StatusBadRequest, "parameter validate error", "enabled"
	}
	if r.Method == http.MethodDelete {
		return http.StatusOK, "success", "ok"
	}
	n.state.Lock()
	defer n.state.Unlock()
	if group := q.Get("groupName"); strings.Join([]string{group, q.Get("serviceName")}, "@@") != n.service {
		return http.StatusBadRequest, "instance error", "service not found"
	}
	n.enabled[q.Get("ip")+":"+q.Get("port")] = enabled || !q.Has("enabled")
	n.add(fmt.Sprintf("%s:%s %t", q.Get("ip"), q.Get("port"), enabled))
	return http.StatusOK, "success", "ok"
}

// register is what the first client of a service does.
func (n *fakeNacos) register(service string) {
	n.state.Lock()
	defer n.state.Unlock()
	n.service = service
}

// lists tells whether an instance that is registered is among those that clients are given.
func (n *fakeNacos) lists(address string) bool {
	n.state.Lock()
	defer n.state.Unlock()
	enabled, told := n.enabled[address]
	return enabled || !told
}
