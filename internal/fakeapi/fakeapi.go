// Package fakeapi is an API server of Kubernetes for tests. It can only be read: lists in pages, objects by their names,
// the version, and objects that may not be read.
//
// A real API server takes a minute to build, and has no thousands of pods, no expired lists and no bad days. e2e tests with a real one.
package fakeapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A Server has objects. All its fields are set before the first request.
type Server struct {
	URL     string
	Objects []map[string]any
	Denied  []string // what is answered with 403: a verb, a resource and perhaps a namespace, as list deployments.apps shop
	Absent  []string // groups that it does not serve
	Forget  bool     // later pages of a list are first answered with 410 and a token to go on
	Lost    bool     // as Forget, but without a token to go on
	Endless bool     // each page says that one more follows, at the same place
	Version http.HandlerFunc

	mu    sync.Mutex
	asked []string
}

// Start starts a server on a free port of 127.0.0.1, until the test has ended.
func Start(t testing.TB, s *Server) *Server {
	t.Helper()
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	s.URL = web.URL
	return s
}

// Asked are the requests so far, for example list deployments.apps shop. Requests for the version are left out.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Kubeconfig writes a file with a context for each name and URL. All contexts have the namespace. The first context is the current one.
func Kubeconfig(file, namespace string, contexts ...[2]string) error {
	var out strings.Builder
	fmt.Fprintf(&out, "apiVersion: v1\nkind: Config\ncurrent-context: %s\nusers: [{name: me, user: {token: word}}]\nclusters:\n", contexts[0][0])
	for _, c := range contexts {
		fmt.Fprintf(&out, "- {name: %s, cluster: {server: %q}}\n", c[0], c[1])
	}
	out.WriteString("contexts:\n")
	for _, c := range contexts {
		fmt.Fprintf(&out, "- {name: %s, context: {cluster: %s, user: me, namespace: %q}}\n", c[0], c[0], namespace)
	}
	return os.WriteFile(file, []byte(out.String()), 0o600)
}

// A request is what somebody wants.
type request struct {
	verb, resource, group, namespace, name string
}

func (r request) String() string {
	words := []string{r.verb, schema.GroupResource{Group: r.group, Resource: r.resource}.String()}
	if r.namespace != "" {
		words = append(words, r.namespace)
	}
	return strings.Join(words, " ")
}

// ServeHTTP answers as an API server does.
func (s *Server) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	switch {
	case in.URL.Path != "/version":
	case s.Version != nil:
		s.Version(w, in)
		return
	default:
		answer(w, http.StatusOK, map[string]string{"major": "1", "minor": "37", "gitVersion": "v1.37.2"})
		return
	}
	path := strings.Split(strings.Trim(in.URL.Path, "/"), "/") // api, v1 or apis, GROUP, VERSION
	r := request{verb: "list"}
	if path[0] == "apis" {
		r.group, path = path[1], path[1:]
	}
	path = path[2:]
	if path[0] == "namespaces" {
		r.namespace, path = path[1], path[2:]
	}
	if r.resource = path[0]; len(path) > 1 {
		r.verb, r.name = "get", path[1]
	}
	s.mu.Lock()
	s.asked = append(s.asked, r.String())
	s.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(s.Objects), func(o map[string]any) bool { return !r.is(o) })
	switch {
	case in.Method != http.MethodGet:
		http.Error(w, "it is only read from", http.StatusMethodNotAllowed)
	case slices.Contains(s.Denied, r.String()):
		refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, r, "", fmt.Sprintf(`%s is forbidden: User "me" cannot %s resource %q in API group %q in the namespace %q`, r, r.verb, r.resource, r.group, r.namespace))
	case slices.Contains(s.Absent, r.group):
		http.Error(w, "404 page not found", http.StatusNotFound)
	case r.verb == "list":
		s.page(w, in, r, all)
	case len(all) == 0:
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, r, "", fmt.Sprintf("%s %q not found", schema.GroupResource{Group: r.group, Resource: r.resource}, r.name))
	default:
		answer(w, http.StatusOK, all[0])
	}
}

func (s *Server) page(w http.ResponseWriter, in *http.Request, r request, all []map[string]any) {
	query := in.URL.Query()
	selector, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	all = slices.DeleteFunc(all, func(o map[string]any) bool {
		set := labels.Set{}
		meta, _ := o["metadata"].(map[string]any)
		have, _ := meta["labels"].(map[string]any)
		for key, value := range have {
			set[key], _ = value.(string)
		}
		return !selector.Matches(set)
	})
	from, again := strings.CutSuffix(query.Get("continue"), "-again")
	begin, _ := strconv.Atoi(from)
	begin = min(begin, len(all))
	limit, _ := strconv.Atoi(query.Get("limit"))
	if begin > 0 && !again && (s.Forget || s.Lost) {
		next := fmt.Sprintf("%d-again", begin)
		if s.Lost {
			next = ""
		}
		refuse(w, http.StatusGone, metav1.StatusReasonExpired, r, next, "the list is too old")
		return
	}
	end, next := len(all), ""
	if limit > 0 && begin+limit < end {
		end = begin + limit
		next = strconv.Itoa(end)
	}
	if s.Endless {
		next = "1"
	}
	answer(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]string{"continue": next, "resourceVersion": "1"}, "items": append([]map[string]any{}, all[begin:end]...)})
}

// is tells whether the request asks for an object.
func (r request) is(o map[string]any) bool {
	kind, _ := o["kind"].(string)
	version, _ := o["apiVersion"].(string)
	meta, _ := o["metadata"].(map[string]any)
	group, _, grouped := strings.Cut(version, "/")
	if !grouped {
		group = ""
	}
	plural := strings.ToLower(kind) + "s"
	if kind == "Elasticsearch" {
		plural = "elasticsearches"
	}
	return plural == r.resource && group == r.group && (r.namespace == "" || meta["namespace"] == r.namespace) && (r.name == "" || meta["name"] == r.name)
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, r request, next, message string) {
	answer(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, ListMeta: metav1.ListMeta{Continue: next}, Status: metav1.StatusFailure,
		Code: int32(code), Reason: reason, Message: message, Details: &metav1.StatusDetails{Name: r.name, Group: r.group, Kind: r.resource},
	})
}

func answer(w http.ResponseWriter, code int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(what) // a client that is gone needs no answer
}
