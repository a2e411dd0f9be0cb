package fakees

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxBody is more than any test sends. A longer body is cut.
const maxBody = 1 << 20

// A Request is what a node received.
type Request struct {
	At          time.Time
	Node        string // the name of the node that received it
	API         API
	Method      string
	Path        string // as it was sent, still escaped
	Query       string // as it was sent
	Header      http.Header
	Body        string
	User        string // who was authenticated: a name, "_token" for a bearer token, "" for nobody
	Certificate string // the common name of the client's certificate, "" if it showed none
	Status      int    // of the answer; 0 until it is sent, or if the connection was cut before
}

// Requests are all that were received, in order of arrival.
func (c *Cluster) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// Count is how many requests to these APIs were received; 0: to all APIs.
func (c *Cluster) Count(api API) int {
	n := 0
	for _, r := range c.Requests() {
		if api == 0 || r.API&api != 0 {
			n++
		}
	}
	return n
}

// OnRequest makes the cluster call f with each request when it has been read, before anything is done about it.
// No lock is held, so another actor can come in between here. Calls may overlap.
func (c *Cluster) OnRequest(f func(Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = append(c.before, f)
}

// OnAnswer makes the cluster call f with each request when its answer is out, or its connection is cut.
func (c *Cluster) OnAnswer(f func(Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = append(c.after, f)
}

// A call is a request as the handlers see it.
type call struct {
	Request
	route  route
	by     Node // the node that received it
	uri    string
	params url.Values
	index  int // in Cluster.requests
}

func (c *Cluster) receive(by Node, r *http.Request) *call {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
	found := find(r.URL)
	received := &call{
		Request: Request{
			At: time.Now(), Node: by.Name, API: found.of(r.Method), Method: r.Method,
			Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: string(body),
			Certificate: commonName(r),
		},
		route: found, by: by, uri: r.URL.RequestURI(), params: r.URL.Query(),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	received.User, _ = c.authenticate(r)
	received.index = len(c.requests)
	c.requests = append(c.requests, received.Request)
	return received
}

func commonName(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	return r.TLS.PeerCertificates[0].Subject.CommonName
}

// tell calls the functions of OnRequest or OnAnswer.
func (c *Cluster) tell(listeners *[]func(Request), r Request) {
	c.mu.Lock()
	fs := slices.Clone(*listeners)
	c.mu.Unlock()
	for _, f := range fs {
		f(r)
	}
}

// note keeps the status that is being sent.
func (c *Cluster) note(received *call, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	received.Status = status
	c.requests[received.index].Status = status
}

// path is the decoded path, as errors show it.
func (r *call) path() string {
	if plain, err := url.PathUnescape(r.Path); err == nil {
		return plain
	}
	return r.Path
}

// responseParams shape the answer. Every API takes them.
var responseParams = []string{"error_trace", "filter_path", "format", "human", "pretty"}

// refuseUnknown refuses query parameters other than these.
func (r *call) refuseUnknown(known ...string) *apiError {
	var unknown []string
	for name := range r.params {
		if !slices.Contains(known, name) && !slices.Contains(responseParams, name) {
			unknown = append(unknown, "["+name+"]")
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	plural := ""
	if len(unknown) > 1 {
		plural = "s"
	}
	slices.Sort(unknown)
	return illegal("request [" + r.path() + "] contains unrecognized parameter" + plural + ": " + strings.Join(unknown, ", "))
}

// duration is a query parameter that is a time value.
func (r *call) duration(name string, unset time.Duration) (time.Duration, *apiError) {
	if !r.params.Has(name) {
		return unset, nil
	}
	value, err := parseTimeValue(r.params.Get(name), name)
	if err != nil {
		return 0, illegal(err.Error())
	}
	return value.duration(), nil
}

// flag is a query parameter that is true if it is there without a value.
func (r *call) flag(name string) bool {
	value := r.params.Get(name)
	return r.params.Has(name) && (value == "" || value == "true")
}
