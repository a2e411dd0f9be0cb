package shutdown

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/grammar"
	"github.com/prestop/prestop/internal/phrase"
	"github.com/prestop/prestop/internal/request"
	"github.com/prestop/prestop/internal/step"
	"github.com/prestop/prestop/internal/web"
)

// ElasticsearchVerb is the step that shuts an Elasticsearch node down.
func ElasticsearchVerb() *step.Verb {
	return &step.Verb{Name: "elasticsearch", Target: "[URL]", Options: []string{"type"},
		Does: "the node shutdown API, from registering to COMPLETE", Parse: parseElasticsearch}
}

// ElasticsearchSpec is the shutdown that the settings ask for, without a line.
func ElasticsearchSpec(e step.Elasticsearch) *step.Spec {
	return (&elasticsearchSpec{kind: step.TypeOfSettings, urls: e.URLs}).spec()
}

// elasticsearchSpec is an Elasticsearch as its step describes it.
type elasticsearchSpec struct {
	verb, typed *grammar.Word // the words that errors about the URL and the type point to; nil: there is no line
	kind        string        // one of step.Types, or step.TypeOfSettings
	urls        []*url.URL
}

const elasticsearchURL = "expected a URL after elasticsearch, or in PRE_STOP_ELASTICSEARCH_URL"

func parseElasticsearch(l *grammar.Line) (*step.Spec, error) {
	e := &elasticsearchSpec{verb: &l.Verb, typed: &l.Verb, kind: step.TypeOfSettings}
	if o, ok := l.Option("type"); ok {
		if e.kind, e.typed = strings.ToLower(o.Value), &o.Word; !slices.Contains(step.Types(), e.kind) {
			return nil, o.Expected("type: expected %s, got %s", phrase.OneOf(step.Types()), o.Got())
		}
	}
	if len(l.Targets) == 0 {
		return e.spec(), nil
	}
	w, err := l.Target("a URL", "")
	if err != nil {
		return nil, err
	}
	if w.Text == "none" { // it turns the setting off, and is no place
		return nil, l.Verb.Expected(elasticsearchURL)
	}
	if w, err = w.With(grammar.InURLs); err != nil {
		return nil, err
	}
	for _, one := range w.Fields(grammar.SeparatesURLs) {
		u, err := web.ParseHTTP(one.Text)
		if err != nil {
			return nil, one.Refused(err, web.ErrURL.Error())
		}
		l.HideURL(&one, u)
		if !web.IsBase(u) {
			return nil, one.Expected("expected a base URL, without a query")
		}
		e.urls = append(e.urls, u)
	}
	if len(e.urls) == 0 {
		return nil, w.Expected("expected a URL such as http://localhost:8080/path")
	}
	return e.spec(), nil
}

// spec has no bound: how long a shutdown takes is the cluster's affair.
func (e *elasticsearchSpec) spec() *step.Spec {
	n := step.Needs{Least: step.CallTime, Shutdown: e.kind}
	for _, u := range e.urls {
		n.Calls = append(n.Calls, step.Call{URL: u, Node: true})
	}
	return n.Spec(e)
}

func (e *elasticsearchSpec) Bind(m *step.Means) (step.Deed, error) {
	kind, urls := e.kind, e.urls
	if kind == step.TypeOfSettings {
		kind = m.Elasticsearch.Type
	}
	if len(urls) == 0 {
		urls = m.Elasticsearch.URLs
	}
	switch {
	case e.kind == step.TypeAuto && !m.Elasticsearch.AskAPI:
		return nil, mistake(e.typed, "type: auto needs PRE_STOP_ASK_API=true")
	case kind == step.TypeReplace && m.Elasticsearch.TargetNode == "":
		return nil, mistake(e.typed, "type: replace needs the name of the node that takes over in PRE_STOP_ELASTICSEARCH_TARGET_NODE")
	case len(urls) == 0:
		return nil, mistake(e.verb, elasticsearchURL)
	}
	return newElasticsearch(m, kind, urls), nil
}

// mistake is an *[grammar.Error] if there is a line.
func mistake(at *grammar.Word, text string) error {
	if at == nil {
		return errors.New(text)
	}
	return at.Expected("%s", text)
}

// NewElasticsearch is the node at the settings' URLs, for [Elasticsearch.Clear]. There must be at least one URL.
func NewElasticsearch(m *step.Means) *Elasticsearch {
	return newElasticsearch(m, m.Elasticsearch.Type, m.Elasticsearch.URLs)
}

func newElasticsearch(m *step.Means, kind string, urls []*url.URL) *Elasticsearch {
	e := &Elasticsearch{
		Node: m.Pod.Name, IP: m.Pod.IP, Pod: Pod{m.Pod.Namespace, m.Pod.Name, m.Pod.ID()}, Operator: m.Elasticsearch.Operator, Away: !m.InPod,
		Type: m.Type(kind), AllocationDelay: m.Elasticsearch.AllocationDelay, TargetNode: m.Elasticsearch.TargetNode, End: m.Deadline,
	}
	for _, u := range urls {
		e.Other = append(e.Other, Place{URL: strings.TrimSuffix(u.String(), "/"), Client: clientOfElasticsearch(m, u)})
	}
	first := urls[0]
	for _, ip := range []string{"127.0.0.1", m.Pod.IP} {
		if net.ParseIP(ip) != nil {
			own := url.URL{Scheme: first.Scheme, User: first.User, Host: strings.TrimSuffix(net.JoinHostPort(ip, first.Port()), ":")}
			e.Own = append(e.Own, Place{URL: own.String(), Client: clientOfElasticsearch(m, first)})
		}
	}
	return e
}

// clientOfElasticsearch makes the client for u. If the settings name URLs, only these places get the settings' credentials and
// certificates. The server's certificate must be for u's host, whatever address it is reached by, unless the settings give another name.
func clientOfElasticsearch(m *step.Means, u *url.URL) *web.Client {
	es := m.Elasticsearch
	t := web.TLS{ServerName: u.Hostname()}
	known := func(named *url.URL) bool { return web.SamePlace(named, u) }
	if len(es.URLs) > 0 && !slices.ContainsFunc(es.URLs, known) {
		return request.Client(m, t, nil)
	}
	t.CAFile, t.CertFile, t.KeyFile, t.LeafFile, t.Insecure = es.CAFile, es.CertFile, es.KeyFile, es.LeafFile, es.Insecure
	t.ServerName = cmp.Or(es.ServerName, t.ServerName)
	var auth web.Auth
	switch {
	case es.Username != "" && es.PasswordFile != "":
		auth = web.Basic(es.Username, m.Password(es.Username, es.PasswordFile))
	case es.TokenFile != "":
		auth = web.Token(es.TokenFile, m.Secret(es.TokenFile))
	}
	return request.Client(m, t, auth)
}

// patience is how long a cluster may give no usable answer, or a node may not be a member of it, before we take it for gone. A master
// election takes less, and so does a node that rejoins.
const patience = 30 * time.Second

// A Place is where an Elasticsearch answers: a base URL, and the client for it.
type Place struct {
	URL    string // scheme, host, port and perhaps a path, without a / at its end
	Client *web.Client
}

// Elasticsearch is a node that is told, by the node shutdown API, that it is about to stop. Its record is registered, and then watched
// until its status is COMPLETE.
//
// A record that somebody else registered is never changed, but it is waited for. If an earlier delivery of the same hook registered the
// record, the run goes on from there.
type Elasticsearch struct {
	Own   []Place // addresses of our own node; only an answer from a node called Node is believed
	Other []Place // asked in this order if our own node does not answer
	Node  string  // our own node's name
	IP    string  // our own node's address, which decides between nodes of the same name; may be empty
	Pod   Pod
	// Operator: an operator registers shutdowns of nodes that are about to stop. Its records are no reason to warn.
	Operator bool
	Away     bool // this is no pod's hook: a node that is not in the cluster is not waited for

	Type            string        // restart, remove, replace or sigterm
	AllocationDelay time.Duration // for restart: how long the node's shards are not rebuilt elsewhere; 0: the server's 5 minutes
	TargetNode      string        // for replace: the name of the node that takes over
	End             time.Time     // for sigterm: when the node is stopped at the latest
}

// A Pod identifies what a record is registered for. ID tells a pod from another of the same name.
type Pod struct{ Namespace, Name, ID string }

func (p Pod) String() string {
	if p.Namespace == "" {
		return p.Name
	}
	return p.Namespace + "/" + p.Name
}

const (
	markBefore = "prestop: pod "
	markAfter  = " is stopping, id "
)

// reason is the text that marks a record as this pod's.
func (p Pod) reason() string { return markBefore + p.String() + markAfter + p.ID }

// marked reads a record's reason: whether prestop registered it for a pod of this name, and for this very pod.
func (p Pod) marked(reason string) (name, same bool) {
	text, ok := strings.CutPrefix(reason, markBefore)
	if !ok {
		return false, false
	}
	pod, id, ok := strings.Cut(text, markAfter)
	name = ok && pod == p.String()
	return name, name && id == p.ID
}

// Run registers the shutdown, or goes on from a record that is there, and waits until it is complete. It keeps no connection.
func (e *Elasticsearch) Run(ctx context.Context, log *slog.Logger) error {
	c := newCluster(e, log)
	node, err := c.find(ctx)
	if err == nil {
		c.log = log.With("node", node.ID)
		err = c.shutDown(ctx, node.ID)
	}
	for _, p := range e.all() {
		p.Client.Close()
	}
	return err
}

// all are the addresses of our own node, and then the others.
func (e *Elasticsearch) all() []Place { return slices.Concat(e.Own, e.Other) }

// shutDown makes sure that a record is registered, ours or somebody else's, and waits until it is complete.
func (c *cluster) shutDown(ctx context.Context, id string) error {
	r, err := c.record(ctx, id)
	if err != nil {
		return err
	}
	if !c.mayRegister(r) {
		c.keep(r)
	} else if err := c.register(ctx, id); err != nil {
		return err
	}
	return c.await(ctx, id)
}

// keep logs that a record is left as it is, and whose record it is.
func (c *cluster) keep(r *record) {
	f := c.kept(r)
	level, about := slog.LevelInfo, f.About
	if f.Warning {
		level, about = slog.LevelWarn, append([]slog.Attr{slog.String("event.code", "shutdown-of-somebody-else")}, about...)
	}
	c.log.LogAttrs(context.Background(), level, f.Text, about...)
}

// kept says that a record is left as it is, and whose record it is.
func (c *cluster) kept(r *record) step.Finding {
	if _, same := c.Pod.marked(r.Reason); same {
		return step.Found("our shutdown is registered already: going on from there", "type", r.Type, "status", r.Status)
	}
	about := []string{"type", r.Type, "reason", r.Reason}
	if !strings.EqualFold(r.Type, c.Type) {
		about = append(about, "not_applied", c.Type)
	}
	if c.Operator {
		return step.Found("a shutdown is registered by the operator: it is left as it is and waited for", about...)
	}
	return step.Warned("a shutdown is registered by somebody else: it is left as it is and waited for", about...)
}

// mayRegister tells whether we may register our record. We may if there is none, or if a hook of a pod of our name left r. A record of
// this very pod and of our type counts as registered already.
func (c *cluster) mayRegister(r *record) bool {
	if r == nil {
		return true
	}
	named, same := c.Pod.marked(r.Reason)
	return named && !(same && strings.EqualFold(r.Type, c.Type))
}

const (
	firstLook = 500 * time.Millisecond
	maxLook   = 5 * time.Second
	// doubts is how many looks in a row must show that there is nothing to wait for. Fewer looks prove nothing: a node may be rejoining,
	// or a reroute may not have begun.
	doubts = 3
)

// await looks at the record until its overall status is COMPLETE.
func (c *cluster) await(ctx context.Context, id string) error {
	var last *record
	interval, odd, complete := firstLook, 0, 0
	for {
		r, err := c.record(ctx, id)
		if err != nil {
			return c.unfinished(ctx, last, err)
		}
		switch {
		case r == nil:
			odd, complete, err = odd+1, 0, errors.New("the record was removed while it was waited for")
		case r.complete():
			odd, complete = 0, complete+1
		case r.is("NOT_STARTED"):
			odd, complete, err = odd+1, 0, errors.New("the shutdown is registered and NOT_STARTED: the node is not in the cluster")
		default:
			odd, complete = 0, 0
		}
		if r.changed(last) {
			c.tell(r)
		}
		if odd == doubts {
			return err
		}
		// Versions that reroute only after the PUT may read COMPLETE for a moment.
		if complete > 0 && (!r.movesData() || complete > 1) {
			return nil
		}
		last = r
		if err := pause(ctx, interval); err != nil {
			return c.unfinished(ctx, last, err)
		}
		interval = min(maxLook, interval*3/2)
	}
}

// tell logs a status that is new.
func (c *cluster) tell(r *record) {
	level, text, details := slog.LevelInfo, "shutdown is "+r.Status, r.details()
	if !slices.Contains([]string{"COMPLETE", "IN_PROGRESS", "STALLED", "NOT_STARTED"}, r.Status) {
		text, details = "shutdown has a status that is not known", append(details, "status", r.Status)
	}
	if !r.complete() && !r.is("IN_PROGRESS") {
		level, details = slog.LevelWarn, append(details, "event.code", "shutdown-held-up")
	}
	c.log.Log(context.Background(), level, text, details...)
}

func (c *cluster) unfinished(ctx context.Context, last *record, err error) error {
	if last == nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("the shutdown is %s: %w", last, context.Cause(ctx))
}

// pause waits between two looks; the error is ctx's cause.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
