package main

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/prestop/prestop/internal/eck"
	"github.com/prestop/prestop/internal/web"
	"github.com/prestop/prestop/prestop"
	"github.com/prestop/prestop/shutdown"
)

// findECK takes from an ECK pod's mounts what is not set. root is empty but for tests.
func (s *settings) findECK(root string, p pod) (eck.Pod, bool) {
	if s.es.urls.none || len(s.es.urls.list) > 0 {
		return eck.Pod{}, false
	}
	found, ok := eck.Find(root, p.namespace)
	if !ok || s.es.urls.Set(strings.Join(found.URLs, " ")) != nil {
		return eck.Pod{}, false
	}
	orFound := func(w *word, text string) {
		if w.text == "" {
			w.text = text
		}
	}
	if s.es.username.text == "" && s.es.tokenFile.text == "" {
		s.es.username.text, s.es.passwordFile.text = eck.User, found.PasswordFile
	}
	if s.es.certFile.text == "" {
		s.es.certFile.text, s.es.keyFile.text = found.CertFile, found.KeyFile
	}
	orFound(&s.es.caFile, found.CAFile)
	return found, true
}

// elasticsearchEntry is open-ended: how long a shutdown takes is the cluster's affair.
func (b *builder) elasticsearchEntry(places urls, kind string) prestop.Entry {
	return prestop.Entry{Step: b.elasticsearch(places, kind), Least: time.Second}
}

func (b *builder) elasticsearch(places urls, kind string) shutdown.Elasticsearch {
	e := shutdown.Elasticsearch{
		Node: b.pod.name, IP: b.pod.ip, Pod: b.identity(),
		Type: b.kind(kind), AllocationDelay: time.Duration(b.es.allocationDelay), TargetNode: b.es.targetNode.text, End: b.end,
	}
	for _, u := range places.list {
		b.hide.credentials(u)
		e.Other = append(e.Other, shutdown.Place{URL: strings.TrimSuffix(u.String(), "/"), Connect: b.connectElasticsearch(u, u.Hostname())})
	}
	first := places.list[0]
	for _, ip := range []string{"127.0.0.1", b.pod.ip} {
		if net.ParseIP(ip) != nil {
			own := url.URL{Scheme: first.Scheme, User: first.User, Host: withPort(ip, first.Port())}
			e.Own = append(e.Own, shutdown.Place{URL: own.String(), Connect: b.connectElasticsearch(first, first.Hostname())})
		}
	}
	return e
}

func withPort(ip, port string) string {
	if port == "" {
		return strings.Trim(net.JoinHostPort(ip, ""), ":")
	}
	return net.JoinHostPort(ip, port)
}

// identity marks records. Without POD_UID the container stands for the pod.
func (b *builder) identity() shutdown.Pod {
	id := b.pod.uid
	if id == "" {
		if c, err := b.container(); err == nil {
			id = "container " + c.ID()
		}
	}
	return shutdown.Pod{Namespace: b.pod.namespace, Name: b.pod.name, ID: id}
}

// connectElasticsearch gives the settings' credentials and certificates to the places that the settings name, and
// to no other.
func (b *builder) connectElasticsearch(u *url.URL, serverName string) web.Connect {
	es := &b.es
	if !b.isElasticsearch(u) {
		return b.connect(web.TLS{ServerName: serverName}, nil)
	}
	t := web.TLS{CAFile: es.caFile.text, CertFile: es.certFile.text, KeyFile: es.keyFile.text, LeafFile: b.eck.LeafFile, ServerName: serverName, Insecure: bool(es.insecure)}
	if es.serverName.text != "" {
		t.ServerName = es.serverName.text
	}
	var auth web.Auth
	switch {
	case es.username.text != "" && es.passwordFile.text != "":
		auth = web.Basic(es.username.text, b.hide.password(es.username.text, es.passwordFile.text))
	case es.tokenFile.text != "":
		auth = web.Token(b.hide.file(es.tokenFile.text))
	}
	return b.connect(t, auth)
}

func (b *builder) isElasticsearch(u *url.URL) bool {
	for _, known := range b.es.urls.list {
		if web.SamePlace(known, u) {
			return true
		}
	}
	return len(b.es.urls.list) == 0
}

// lacksTarget tells whether a shutdown of this type could only be refused.
func (b *builder) lacksTarget(kind string) bool {
	return kind == "replace" && b.es.targetNode.text == ""
}

func (b *builder) elasticsearchStep(p parsed) (prestop.Entry, error) {
	kind, at := b.shutdownType, p.verb
	if o, ok := p.option("type"); ok {
		at = o.Word
		if err := kind.Set(o.Value); err != nil {
			return prestop.Entry{}, at.Expected("type: %s", err)
		}
		if kind.word == auto && !bool(b.askAPI) {
			return prestop.Entry{}, at.Expected("type: auto needs PRE_STOP_ASK_API=true")
		}
	}
	if b.lacksTarget(kind.word) {
		return prestop.Entry{}, at.Expected("type: replace needs the name of the node that takes over in PRE_STOP_ELASTICSEARCH_TARGET_NODE")
	}
	places := b.es.urls
	if len(p.targets) > 0 {
		w, err := p.target("a URL")
		if err != nil {
			return prestop.Entry{}, err
		}
		places = urls{many: true}
		if err := places.Set(w.Text); err != nil {
			return prestop.Entry{}, w.Expected("%s", err)
		}
	}
	if len(places.list) == 0 {
		return prestop.Entry{}, p.verb.Expected("expected a URL after elasticsearch, or in PRE_STOP_ELASTICSEARCH_URL")
	}
	return b.elasticsearchEntry(places, kind.word), nil
}
