package shutdown

import (
	"cmp"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

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
		Node: m.Pod.Name, IP: m.Pod.IP, Pod: Pod{Namespace: m.Pod.Namespace, Name: m.Pod.Name}, Operator: m.Elasticsearch.Operator, Away: !m.InPod,
		Type: m.Type(kind), AllocationDelay: m.Elasticsearch.AllocationDelay, TargetNode: m.Elasticsearch.TargetNode, End: m.Deadline,
	}
	if m.Pod.ID != nil {
		e.Pod.ID = m.Pod.ID()
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
		auth = web.Token(m.Secret(es.TokenFile))
	}
	return request.Client(m, t, auth)
}
